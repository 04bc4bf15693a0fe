//! The real binary, run in a home of its own: started, spoken to, looked into, ended by its process id.
//!
//! Nothing of the machine reaches it: its environment is empty but for what a test sets, its ports are its own
//! (it binds port 0 and says which it got), and all that it writes is below one temporary folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use super::canary::Canaries;
use super::client::{Client, Reply};
use super::ledger::Ledger;
use super::wait::eventually;

mod builder;
mod config;
mod lifecycle;
mod logs;
mod metrics;
mod process;
mod tokens;

pub use builder::{Address, Builder};
pub use metrics::Metrics;
pub use process::{Output, Usage};
pub use tokens::Caller;

pub use config::set as set_value;
use config::Written;
use process::{Ports, Process};

pub struct Gateway {
    /// `None` once it was stopped or killed.
    process: Mutex<Option<Process>>,
    ports: Ports,
    written: Mutex<Written>,
    env: Vec<(String, String)>,
    serve: Vec<String>,
    canaries: Arc<Canaries>,
    callers: Vec<Caller>,
    /// Name, base URL and key of each upstream.
    upstreams: Vec<UpstreamEntry>,
    ledger: Ledger,
    /// What it used when it had just become ready.
    baseline: Usage,
    /// Goes last: a gateway that still runs would write its log into a new folder of that name.
    home: TempDir,
}

#[derive(Debug, Clone)]
pub struct UpstreamEntry {
    pub name: String,
    pub url: String,
    pub key: Option<String>,
}

impl Gateway {
    pub fn builder() -> Builder {
        Builder::new()
    }

    // Speaking to it.

    /// A client with the first caller's token; its exchanges stand in the ledger.
    pub fn client(&self) -> Client {
        self.client_of(&self.callers[0].name)
    }

    /// The same with another caller's token.
    pub fn client_of(&self, caller: &str) -> Client {
        let client = Client::new(self.addr())
            .ledger(self.ledger.clone())
            .canaries(self.canaries.clone());
        client.token(&self.caller(caller).secret)
    }

    pub fn caller(&self, name: &str) -> &Caller {
        let found = self.callers.iter().find(|caller| caller.name == name);
        found.unwrap_or_else(|| panic!("the test has no caller {name:?}"))
    }

    pub fn addr(&self) -> SocketAddr {
        self.ports.listen.expect("the data port is open")
    }

    pub fn admin_addr(&self) -> SocketAddr {
        self.ports.admin
    }

    /// A client of the admin port, without a token.
    pub fn admin(&self) -> Client {
        Client::new(self.ports.admin)
    }

    pub async fn admin_get(&self, path: &str) -> Reply {
        self.admin().get(path).send().await
    }

    /// With a token that has the scope `admin`.
    pub async fn admin_post(&self, path: &str) -> Reply {
        let admin = self
            .callers
            .iter()
            .find(|caller| caller.columns.contains("admin"));
        let secret = &admin.expect("a caller with the scope admin").secret;
        self.admin()
            .token(secret)
            .method("POST", path)
            .header("content-length", "0")
            .send()
            .await
    }

    pub async fn metrics(&self) -> Metrics {
        let reply = self.admin_get("/metrics").await;
        assert_eq!(reply.status, 200, "metrics: {reply:?}");
        Metrics::parse(&String::from_utf8_lossy(&reply.body))
    }

    /// Waits until the metrics are as `enough` wants them; `what` names it in the panic.
    pub async fn wait_metrics(&self, what: &str, enough: impl Fn(&Metrics) -> bool) -> Metrics {
        eventually(what, async || {
            let metrics = self.metrics().await;
            match enough(&metrics) {
                true => Ok(metrics),
                false => Err(format!("\n{metrics}")),
            }
        })
        .await
    }

    /// `/status`, as JSON.
    pub async fn status(&self) -> Value {
        let reply = self.admin_get("/status").await;
        assert_eq!(reply.status, 200, "status: {reply:?}");
        reply.json()
    }

    // What the test gave it.

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn state_dir(&self) -> PathBuf {
        config::state_dir(self.home())
    }

    pub fn config_file(&self) -> PathBuf {
        config::file(self.home())
    }

    pub fn canaries(&self) -> &Canaries {
        &self.canaries
    }

    pub fn callers(&self) -> &[Caller] {
        &self.callers
    }

    pub fn upstreams(&self) -> &[UpstreamEntry] {
        &self.upstreams
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn baseline(&self) -> Usage {
        self.baseline
    }

    /// The value at a dotted path of the configuration as the test has written it.
    pub fn configured(&self, path: &str) -> Option<Value> {
        self.written().look(path).cloned()
    }

    /// The highest `retry.max` of any configuration that it was given.
    pub fn retry_max(&self) -> u64 {
        self.written().retry_max()
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().expect("no panic held it")
    }

    // Configuration that changes.

    /// Saves another configuration; the gateway is to notice by itself.
    pub fn write_config(&self, yaml: &str) {
        self.written().replace(yaml, self.home());
    }

    /// Changes one key of the configuration and saves it.
    pub fn edit(&self, path: &str, value: impl Into<Value>) {
        self.written().edit(path, value.into(), self.home());
    }

    /// Saves another configuration and runs `sidegate reload`.
    pub async fn reload_config(&self, yaml: &str) -> Output {
        self.write_config(yaml);
        self.reload().await
    }

    pub async fn reload(&self) -> Output {
        self.run(&["reload"]).await
    }

    /// Writes the token file anew, with these callers alone.
    pub fn write_callers(&self, callers: &[Caller]) {
        tokens::write(self.home(), callers);
    }
}

impl Drop for Gateway {
    /// A test that failed shows what the gateway had to say.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the gateway's stderr\n{}", self.stderr());
            eprintln!("--- gateway.jsonl\n{}", self.log_text("gateway.jsonl"));
            eprintln!("--- access.jsonl\n{}", self.log_text("access.jsonl"));
        }
    }
}
