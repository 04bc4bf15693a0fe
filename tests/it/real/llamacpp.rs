//! llama.cpp's own server for the length of a test.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::project;
use crate::support::{Client, Metrics};

const SLOTS: u32 = 4;

/// Tokens of one slot.
const CONTEXT: &str = "4096";

/// One real server. It ends when this is dropped, and with the test's process: its standard input is our pipe.
pub struct Llamacpp {
    process: Child,
    addr: SocketAddr,
}

impl Llamacpp {
    pub fn start(more: &[&str]) -> Self {
        Llamacpp::with_slots(SLOTS, more)
    }

    pub fn with_slots(slots: u32, more: &[&str]) -> Self {
        install();
        let mut process = Command::new(project().join("target/real/venv/bin/python"))
            .arg(project().join("tests/real/llamacpp.py"))
            .args(["0", &slots.to_string(), CONTEXT])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the environment of install.sh has a Python");
        let output = process.stdout.take().expect("it is piped");
        let said: Vec<_> = BufReader::new(output)
            .lines()
            .take(1)
            .map_while(Result::ok)
            .collect();
        let port = said
            .first()
            .and_then(|line| line.strip_prefix("listening on "));
        let port = port.and_then(|port| port.parse().ok());
        let port: u16 = port.unwrap_or_else(|| panic!("llama.cpp did not start: {said:?}"));
        Llamacpp {
            process,
            addr: ([127, 0, 0, 1], port).into(),
        }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    pub async fn metrics(&self) -> Metrics {
        let reply = Client::new(self.addr).get("/metrics").send().await;
        Metrics::parse(&String::from_utf8_lossy(&reply.body))
    }
}

impl Drop for Llamacpp {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Once for all tests; whoever comes meanwhile waits for it.
fn install() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let script = project().join("tests/real/install.sh");
        let status = Command::new(script).status().expect("install.sh runs");
        assert!(status.success(), "install.sh failed: see above");
    });
}
