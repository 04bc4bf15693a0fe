//! The life of the gateway's process as a test directs it.

use std::time::Duration;

use rustix::process::Signal;

use super::process::{self, Output, Process, Usage};
use super::Gateway;
use crate::support::wait::{eventually, try_eventually, DEADLINE};

impl Gateway {
    /// One command of the same binary in the same home, with the same configuration.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        process::run(self.home(), &self.env, arguments).await
    }

    pub fn pid(&self) -> u32 {
        self.with_process(|process| process.pid())
    }

    pub fn is_running(&self) -> bool {
        let mut process = self.process.lock().expect("no panic held it");
        process
            .as_mut()
            .is_some_and(|process| process.exit_code().is_none())
    }

    /// `SIGTERM`, `SIGHUP` and the like, by process id.
    pub fn signal(&self, signal: Signal) {
        self.with_process(|process| process.signal(signal));
    }

    /// Waits for it to end by itself; its exit code (128 and the signal where one ended it).
    pub async fn wait_exit(&self, deadline: Duration) -> i32 {
        let exited = try_eventually(deadline, async || {
            self.with_process(|process| process.exit_code())
                .ok_or("it still runs".to_string())
        });
        exited
            .await
            .unwrap_or_else(|_| panic!("never came within {deadline:?}: the gateway's exit"))
    }

    /// SIGTERM, and its exit code.
    pub async fn stop(&self) -> i32 {
        self.signal(Signal::TERM);
        self.wait_exit(DEADLINE).await
    }

    /// SIGKILL, and gone.
    pub async fn kill(&self) {
        self.signal(Signal::KILL);
        self.wait_exit(DEADLINE).await;
    }

    /// Starts it again in the same home after it ended. Its ports are new ones: make new clients.
    pub async fn start_again(&mut self) {
        assert!(!self.is_running(), "it still runs");
        let started = process::start(self.home.path(), &self.env, &self.serve).await;
        let (process, ports) =
            started.unwrap_or_else(|output| panic!("it did not start again: {output:?}"));
        self.baseline = process.usage().unwrap_or_default();
        *self.process.lock().expect("no panic held it") = Some(process);
        self.ports = ports;
    }

    /// Its arguments, which every user of the machine can see.
    pub fn command_line(&self) -> Vec<u8> {
        self.with_process(|process| process.command_line())
    }

    /// Waits for the data port to open, where only the admin port was at the start.
    pub async fn wait_data_port(&mut self) {
        let open = async || {
            let ports = process::ports(self.home.path()).filter(|ports| ports.listen.is_some());
            ports.ok_or_else(|| self.stderr())
        };
        let ports = eventually("an open data port (run/ports.json)", open).await;
        self.ports = ports;
    }

    /// Open file descriptors, threads and memory now. `None` where the platform doesn't tell, or it ended.
    pub fn usage(&self) -> Option<Usage> {
        self.with_process(|process| process.usage())
    }

    pub fn fds(&self) -> usize {
        self.usage().expect("a platform that tells").fds
    }

    pub fn threads(&self) -> usize {
        self.usage().expect("a platform that tells").threads
    }

    /// Resident memory in bytes.
    pub fn rss(&self) -> u64 {
        self.usage().expect("a platform that tells").rss
    }

    fn with_process<T>(&self, look: impl FnOnce(&mut Process) -> T) -> T {
        look(
            self.process
                .lock()
                .expect("no panic held it")
                .as_mut()
                .expect("it was started"),
        )
    }
}
