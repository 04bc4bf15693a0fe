//! The breaker: opens after failures in a row, lets one probe through when its time is over, and is one for all gateways
//! that share its file.
//!
//! `a` stands before `b`; the routes `one` and `two` ask `a` alone, for two models.

use std::time::{Duration, Instant};

use serde_json::{json, Value};

use crate::gate::Stage;
use crate::support::gateway::Builder;
use crate::support::{
    eventually, laws, many, plain, sse, Answer, Gateway, Latch, Reply, Request, Script, Upstream,
};

mod file;
mod opens;
mod operator;
mod probe;
mod restart;
mod shared;

/// One breaker as `/status` and the metrics show it.
#[derive(Debug, PartialEq)]
pub struct Look {
    pub state: String,
    pub failures: u64,
    /// When an open one lets its probe through.
    pub retry_in: Option<u64>,
}

/// The breaker of that upstream's model; `/status` and `sidegate_breaker_state` have to agree on it.
pub async fn look(gateway: &Gateway, upstream: &str, model: &str) -> Look {
    let what = format!("one state of {upstream}/{model} in /status and /metrics");
    eventually(what, async || {
        let look = in_status(&gateway.status().await, upstream, model);
        let labels = [("upstream", upstream), ("model", model)];
        let value = gateway
            .metrics()
            .await
            .value("sidegate_breaker_state", &labels);
        let names = ["closed", "open", "half_open"];
        let name = value.and_then(|value| names.get(value as usize));
        // Its time may end between the two looks.
        match name == Some(&look.state.as_str()) {
            true => Ok(look),
            false => Err(format!("{look:?} in /status, {name:?} in /metrics")),
        }
    })
    .await
}

fn in_status(status: &Value, upstream: &str, model: &str) -> Look {
    let routes = status["routes"].as_array().expect("routes").iter();
    let targets = routes.flat_map(|route| route["targets"].as_array().expect("targets"));
    let mut named =
        targets.filter(|target| target["upstream"] == upstream && target["model"] == model);
    let target = named
        .next()
        .unwrap_or_else(|| panic!("no target {upstream}/{model} in {status}"));
    let breaker = &target["breaker"];
    Look {
        state: breaker["state"].as_str().expect("a state").to_string(),
        failures: breaker["consecutive_failures"].as_u64().expect("a count"),
        retry_in: breaker["retry_in_seconds"].as_u64(),
    }
}

/// Waits for that state.
async fn wait_state(gateway: &Gateway, upstream: &str, model: &str, state: &str) {
    eventually(format!("{upstream}/{model} {state}"), async || {
        let look = look(gateway, upstream, model).await;
        match look.state == state {
            true => Ok(()),
            false => Err(format!("{look:?}")),
        }
    })
    .await;
}

/// No retries, `threshold` failures open it, for `cool_down`.
async fn stage(a: impl Into<Script>, threshold: u64, cool_down: &str) -> Stage {
    stage_with(a, threshold, cool_down, |gateway| gateway).await
}

async fn stage_with(
    a: impl Into<Script>,
    threshold: u64,
    cool_down: &str,
    more: impl FnOnce(Builder) -> Builder,
) -> Stage {
    Stage::set_up(a, sse::chat_saying("B", 3), |gateway| {
        let gateway = gateway
            .route("one", "one", &["a"])
            .route("two", "two", &["a"])
            .set(
                "breaker",
                json!({"threshold": threshold, "cool_down": cool_down}),
            )
            .set("retry.max", 0);
        more(gateway)
    })
    .await
}

/// A stream from `a` alone.
fn ask(stage: &Stage, alias: &str) -> Request {
    stage.gateway.client().chat(alias).stream()
}

fn broken() -> Answer {
    plain::error(502, "server_error", "boom", "it broke")
}

fn good() -> Answer {
    sse::chat_saying("A", 3).answer()
}

/// So many requests for `one` fail at `a`, one after the other.
async fn fail(stage: &Stage, times: usize) {
    for _ in 0..times {
        stage
            .tell(ask(stage, "one"))
            .await
            .expect_failure(502, "upstream_error");
    }
}

/// Refused without asking anybody; the seconds that the client is told to wait.
fn expect_circuit_open(reply: &Reply) -> u64 {
    assert_eq!(
        (reply.status, reply.code().as_deref()),
        (503, Some("circuit_open")),
        "{reply:?}"
    );
    assert_eq!(reply.header("x-sidegate-attempts"), Some("0"), "{reply:?}");
    assert_eq!(reply.header("x-should-retry"), Some("false"), "{reply:?}");
    let seconds = reply
        .header("retry-after")
        .and_then(|text| text.parse().ok());
    seconds.unwrap_or_else(|| panic!("no retry-after: {reply:?}"))
}

async fn refused(stage: &Stage, alias: &str) -> u64 {
    expect_circuit_open(&stage.tell(ask(stage, alias)).await.reply)
}
