//! Spans through the real binary to a real OTLP receiver, which decodes with Google's protobuf.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::project;
use crate::stage::Stage;
use crate::support::{eventually, plain, Script};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

async fn stage(script: impl Into<Script>, port: u16) -> Stage {
    let collector = format!("http://127.0.0.1:{port}");
    Stage::with(script, |builder| builder.set("telemetry.otlp", collector)).await
}

#[tokio::test]
async fn a_request_and_its_attempts_are_spans_of_the_clients_trace() {
    let tap = Tap::start().await;
    let script = Script::sequence([plain::status(500, &[], "{}"), plain::chat("served")]);
    let stage = stage(script, tap.port).await;
    let request = stage
        .chat()
        .header("traceparent", &format!("00-{TRACE}-{PARENT}-01"))
        .header("tracestate", "foo=1");

    let (reply, line) = stage.tell(&request).await;

    assert_eq!(reply.status, 200);
    let spans = tap.spans(3).await;
    let [server, attempts @ ..] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!(
        (&server["name"], &server["parentSpanId"], &server["traceId"]),
        (
            &"POST /v1/chat/completions".into(),
            &PARENT.into(),
            &TRACE.into()
        )
    );
    let told = |seen: &crate::support::upstream::SeenRequest| seen.headers["traceparent"].clone();
    let seen = stage.upstream.requests();
    for (attempt, seen) in attempts.iter().zip(&seen) {
        assert_eq!(attempt["parentSpanId"], server["spanId"]);
        let own = attempt["spanId"].as_str().expect("an id");
        assert_eq!(told(seen), format!("00-{TRACE}-{own}-01"));
        assert_eq!(seen.headers["tracestate"], "foo=1");
    }
    assert_eq!((attempts.len(), seen.len()), (2, 2));
    let text = |span: &Value, name: &str| attribute(span, name)["stringValue"].clone();
    assert_eq!(
        text(server, "sidegate.correlation_id"),
        line["correlation_id"]
    );
    assert_eq!(text(&attempts[1], "gen_ai.request.model"), "m-on-a");
    let tokens = attribute(&attempts[1], "gen_ai.usage.output_tokens");
    assert_eq!(tokens["intValue"], line["completion_tokens"].to_string());
    stage.end().await;
}

#[tokio::test]
async fn a_collector_that_is_away_costs_nothing_and_is_told_of_once() {
    // Bound and never listened to by anybody else.
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = nobody.local_addr().expect("an address").port();
    drop(nobody);
    let stage = stage(plain::chat("served"), port).await;
    for _ in 0..20 {
        assert_eq!(stage.chat().send().await.status, 200);
    }
    let log = || stage.gateway.log_text("gateway.jsonl");
    eventually("a line about the collector", async || {
        match log().contains("spans don't reach") {
            true => Ok(()),
            false => Err(log()),
        }
    })
    .await;
    for _ in 0..20 {
        assert_eq!(stage.chat().send().await.status, 200);
    }
    assert_eq!(log().matches("spans don't reach").count(), 1);
    stage.end().await;
}

#[tokio::test]
async fn an_unsampled_trace_is_passed_on_and_not_recorded() {
    let tap = Tap::start().await;
    let stage = stage(plain::chat("served"), tap.port).await;
    let parent = format!("00-{TRACE}-{PARENT}-00");
    let unsampled = stage.chat().header("traceparent", &parent);
    assert_eq!(unsampled.send().await.status, 200);
    assert_eq!(stage.last_seen().headers["traceparent"], parent);
    let (_, line) = stage.tell(&stage.chat()).await;

    let spans = tap.spans(2).await;

    let id = &attribute(&spans[0], "sidegate.correlation_id")["stringValue"];
    assert_eq!(
        *id, line["correlation_id"],
        "the first one that arrives is the second request's"
    );
    stage.end().await;
}

/// The receiver's process.
struct Tap {
    port: u16,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Tap {
    /// Installed by the first run.
    async fn start() -> Tap {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut child = Command::new(project().join("tests/real/otlp.sh"))
            .arg(port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("otlp.sh runs");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                into.lock().expect("nobody panicked").push(line);
            }
        });
        let tap = Tap { port, child, lines };
        for _ in 0..6 {
            if tap.listens().await {
                return tap;
            }
        }
        panic!("the receiver does not start");
    }

    /// Waits for it; installing takes longer than a test's usual deadline.
    async fn listens(&self) -> bool {
        let looked = crate::support::wait::try_eventually(crate::support::DEADLINE, async || {
            TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())
        });
        looked.await.is_ok()
    }

    /// Waits for that many spans, which come a line each.
    async fn spans(&self, count: usize) -> Vec<Value> {
        eventually(format!("{count} spans"), async || {
            let lines = self.lines.lock().expect("nobody panicked").clone();
            let spans = lines.iter().filter(|line| line.starts_with('{'));
            let spans: Vec<Value> = spans
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            match spans.len() >= count {
                true => Ok(spans),
                false => Err(format!("{} of them: {lines:?}", spans.len())),
            }
        })
        .await
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn attribute<'a>(span: &'a Value, name: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().expect("attributes");
    let pair = attributes.iter().find(|pair| pair["key"] == name);
    &pair.unwrap_or_else(|| panic!("no {name} in {span}"))["value"]
}
