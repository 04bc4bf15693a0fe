//! The gateway's process: started with an empty environment, waited for, ended by its id.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};
use serde_json::Value;

use super::config;
use crate::support::wait::{eventually, within, DEADLINE};

const BINARY: &str = env!("CARGO_BIN_EXE_sidegate");

/// How long the process has after SIGTERM when its test is over.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a command said and how it ended.
#[derive(Clone)]
pub struct Output {
    /// 128 and the signal where one ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code {}\n--- stdout\n{}\n--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// Where it listens.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// `None` while only the admin port is open.
    pub listen: Option<SocketAddr>,
    pub admin: SocketAddr,
}

/// What a process holds at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub fds: usize,
    pub threads: usize,
    /// Bytes.
    pub rss: u64,
}

pub struct Process {
    child: Child,
    exited: Option<ExitStatus>,
}

/// Starts it and waits until it is ready; what it said, if it ends before that.
pub async fn start(
    home: &Path,
    env: &[(String, String)],
    arguments: &[String],
) -> Result<(Process, Ports), Output> {
    // One that an earlier process left behind would send us to the wrong ports.
    let _ = std::fs::remove_file(ports_file(home));
    let mut command = command(home, env);
    command.args(arguments).stdin(Stdio::null());
    command
        .stdout(captured(home, "stdout"))
        .stderr(captured(home, "stderr"));
    let child = command.spawn().expect("the gateway's binary runs");
    let mut process = Process {
        child,
        exited: None,
    };
    let ready = eventually("a gateway that is ready (run/ports.json)", async || match (
        process.exit_code(),
        ports(home),
    ) {
        (Some(code), _) => Ok(Err(output(home, code))),
        (None, Some(ports)) => Ok(Ok(ports)),
        (None, None) => Err(format!("stderr: {}", text(home, "stderr"))),
    });
    let ports = ready.await?;
    Ok((process, ports))
}

/// Runs one command to its end.
pub async fn run(home: &Path, env: &[(String, String)], arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::from(command(home, env));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let what = format!("the end of `sidegate {}`", arguments.join(" "));
    let output = within(DEADLINE, what, command.output())
        .await
        .expect("the gateway's binary runs");
    Output {
        code: code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn command(home: &Path, env: &[(String, String)]) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(home).env("HOME", home);
    for (name, value) in std::env::vars().filter(|(name, _)| is_for_the_tools(name)) {
        command.env(name, value);
    }
    if config::file(home).exists() {
        command.env("SIDEGATE_CONFIG", config::file(home));
    }
    command.envs(env.iter().map(|(name, value)| (name, value)));
    command
}

/// Coverage and sanitizers speak to the process through its environment; so does whoever wants a backtrace.
fn is_for_the_tools(name: &str) -> bool {
    let tools = [
        "LLVM_PROFILE",
        "ASAN_OPTIONS",
        "TSAN_OPTIONS",
        "RUST_BACKTRACE",
        "PATH",
        "TMPDIR",
    ];
    tools.iter().any(|tool| name.starts_with(tool))
}

fn ports_file(home: &Path) -> PathBuf {
    config::state_dir(home).join("run/ports.json")
}

/// Where it says it listens; `None` until it has.
pub fn ports(home: &Path) -> Option<Ports> {
    let text = std::fs::read_to_string(ports_file(home)).ok()?;
    let value = serde_json::from_str::<Value>(&text).ok()?;
    let address = |key| {
        value
            .get(key)?
            .as_str()?
            .trim_start_matches("http://")
            .parse()
            .ok()
    };
    Some(Ports {
        listen: address("listen"),
        admin: address("admin")?,
    })
}

/// Appended to, so that a second start in the same home keeps what the first one said.
fn captured(home: &Path, name: &str) -> Stdio {
    let folder = captured_in(home);
    std::fs::create_dir_all(&folder).expect("a folder for its output");
    File::options()
        .append(true)
        .create(true)
        .open(folder.join(name))
        .expect("a file for its output")
        .into()
}

pub fn captured_in(home: &Path) -> PathBuf {
    home.join("captured")
}

/// What it has said so far on `stdout` or `stderr`.
pub fn text(home: &Path, name: &str) -> String {
    let bytes = std::fs::read(captured_in(home).join(name)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn output(home: &Path, code: i32) -> Output {
    Output {
        code,
        stdout: text(home, "stdout"),
        stderr: text(home, "stderr"),
    }
}

fn code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

impl Process {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `None` while it runs.
    pub fn exit_code(&mut self) -> Option<i32> {
        if self.exited.is_none() {
            self.exited = self.child.try_wait().expect("a child can be asked");
        }
        self.exited.map(code)
    }

    /// To this process alone; nothing once it has ended, when its id may be somebody else's.
    pub fn signal(&mut self, signal: Signal) {
        if self.exit_code().is_none() {
            let pid = Pid::from_raw(self.pid() as i32).expect("a child's id is not 0");
            kill_process(pid, signal).expect("our own child can be signalled");
        }
    }

    /// Linux tells in `/proc`; elsewhere nobody does.
    pub fn usage(&self) -> Option<Usage> {
        let folder = PathBuf::from(format!("/proc/{}", self.pid()));
        let fds = std::fs::read_dir(folder.join("fd")).ok()?.count();
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let number = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let (threads, kibibytes) = (number("Threads:")? as usize, number("VmRSS:")?);
        Some(Usage {
            fds,
            threads,
            rss: kibibytes * 1024,
        })
    }

    /// The arguments that every user of the machine can see.
    pub fn command_line(&self) -> Vec<u8> {
        std::fs::read(format!("/proc/{}/cmdline", self.pid())).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A failed test is over already; a good one lets the gateway show that it can end.
        let patience = if std::thread::panicking() {
            Duration::ZERO
        } else {
            GOODBYE
        };
        self.signal(Signal::TERM);
        let end = Instant::now() + patience;
        while self.exit_code().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}
