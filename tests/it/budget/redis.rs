//! A real Redis for the length of a test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{kill_process, Pid, Signal};

use crate::support::package::program;
use crate::support::wait::try_eventually;

/// Ports that no system gives away by itself, so that a server that died finds its own free.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// Keeps nothing on disk. It ends when this is dropped.
pub struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    pub async fn start() -> Redis {
        for _ in 0..10 {
            let port = rand::random_range(PORTS);
            if TcpListener::bind(("127.0.0.1", port)).is_err() {
                continue;
            }
            if let Some(process) = run(port).await {
                return Redis { port, process };
            }
        }
        panic!("redis-server does not start");
    }

    /// By SIGKILL.
    pub fn die(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// After [`Redis::die`]: the same port, and no data.
    pub async fn come_back(&mut self) {
        self.process = run(self.port).await.expect("its own port");
    }

    /// Takes connections and never says a word, until it goes on.
    pub fn stand_still(&self) {
        self.signal(Signal::STOP);
    }

    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32).expect("a child's id is not 0");
        kill_process(pid, signal).expect("our own child can be signalled");
    }

    pub fn url(&self) -> String {
        url(self.port)
    }

    /// One command, and what it says.
    pub async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let answer = ask(self.port, words).await;
        answer.unwrap_or_else(|problem| panic!("{words:?}: {problem}"))
    }

    /// What all gateways together have counted in the present windows, of one kind and scope.
    pub async fn sum(&self, kind: &str, scope: &str) -> u64 {
        let pattern = format!("sidegate:{{budget}}:1:{kind}:{scope}:*");
        let keys: Vec<String> = self.ask(&["KEYS", &pattern]).await;
        let mut sum = 0;
        for key in keys {
            let counts: Vec<u64> = self.ask(&["HVALS", &key]).await;
            sum += counts.iter().sum::<u64>();
        }
        sum
    }

    /// How often a command was called.
    pub async fn calls(&self, command: &str) -> u64 {
        let text: String = self.ask(&["INFO", "commandstats"]).await;
        let prefix = format!("cmdstat_{command}:calls=");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        let number = line.and_then(|line| line.split(',').next()?.parse().ok());
        number.unwrap_or(0)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.die();
    }
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// A server that answers; none when it ended instead.
async fn run(port: u16) -> Option<Child> {
    let mut process = Command::new(server())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the path that package.sh has printed");
    let answers = try_eventually(Duration::from_secs(10), async || {
        if let Ok(Some(_)) = process.try_wait() {
            return Ok(false);
        }
        let pong = ask::<String>(port, &["PING"]).await;
        pong.map(|_| true).map_err(|problem| problem.to_string())
    });
    let answers = answers.await.unwrap_or(false);
    if !answers {
        let _ = process.kill();
        let _ = process.wait();
    }
    answers.then_some(process)
}

async fn ask<T: redis::FromRedisValue>(port: u16, words: &[&str]) -> redis::RedisResult<T> {
    let client = redis::Client::open(url(port))?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let (name, arguments) = words.split_first().expect("a command");
    let mut command = redis::cmd(name);
    command.arg(arguments);
    command.query_async(&mut connection).await
}

/// Where the server is. Once for all tests; whoever comes meanwhile waits for it.
fn server() -> PathBuf {
    static SERVER: OnceLock<PathBuf> = OnceLock::new();
    SERVER.get_or_init(|| program("redis-server")).clone()
}
