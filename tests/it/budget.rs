//! Budgets and rates through the real binary: what a caller or a route may use in a window, and not more.
//!
//! The windows are those of the real clock. Nearly all tests use days, and one that would begin shortly before the end of its
//! window waits for the next. What the end of a window does to counts is for the unit tests, which say themselves what time
//! it is; here only a ledger of yesterday tells of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::{eventually, many, plain, Answer, Exchange, Gateway, Reply, Request, Script};

mod answers;
mod exhausted;
mod ledger;
mod library;
mod redis;
mod reload;
mod reserves;
mod settling;
mod shared;

/// What a body of [`request`] is taken for, at four bytes a token.
const PROMPT: u64 = 100;

/// What [`request`] asks for at most.
const ANSWER: u64 = 50;

/// What [`request`] reserves.
const RESERVE: u64 = PROMPT + ANSWER;

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// One gateway before `a`, with limits for the caller of all requests.
async fn stage(script: impl Into<Script>, limits: Value) -> Stage {
    stage_with(script, limits, |builder| builder).await
}

/// The same with more configuration.
async fn stage_with(
    script: impl Into<Script>,
    limits: Value,
    more: impl FnOnce(Builder) -> Builder,
) -> Stage {
    away_from_the_end(DAY, 60).await;
    Stage::with(script, |builder| {
        more(roomy(builder).set("callers.limits.agent", limits))
    })
    .await
}

/// No request waits for a place, and what hangs at the upstream hangs for as long as a test may take.
fn roomy(builder: Builder) -> Builder {
    let patient = json!({"header": "1m", "first_token": "1m", "first_token_max": "1m", "idle": "1m",
                         "plain": "1m", "total": "2m"});
    builder
        .set("routes.chat.timeouts", patient)
        .set("lanes.interactive.streams", 128)
        .set("upstreams.a.streams", 128)
}

/// A budget of a day.
fn tokens(tokens: u64) -> Value {
    json!({"tokens": tokens, "per": "day"})
}

/// A rate of a day.
fn requests(requests: u64) -> Value {
    json!({"requests": requests, "per": "day"})
}

/// A request whose reserve is known: [`RESERVE`].
fn request(stage: &Stage) -> Request {
    sized(stage.chat())
}

/// Any request with that reserve.
fn sized(request: Request) -> Request {
    request
        .field("max_tokens", ANSWER)
        .body_bytes(4 * PROMPT as usize)
}

/// The same, answered in a stream.
fn stream(stage: &Stage) -> Request {
    request(stage).stream()
}

/// An answer that reports so much.
fn reporting(prompt: u64, completion: u64) -> Answer {
    let mut body = plain::chat_body("yes");
    body["usage"] = json!({"prompt_tokens": prompt, "completion_tokens": completion,
                           "total_tokens": prompt + completion});
    plain::json(&body)
}

/// A request that is at the upstream and stays there.
async fn under_way(stage: &Stage, request: &Request) -> Exchange {
    let before = stage.upstream.requests().len();
    let exchange = request.start().await;
    stage.upstream.wait_requests(before + 1).await;
    exchange
}

/// So many at once; all have their access lines.
async fn crowd(stage: &Stage, count: usize) -> Vec<Reply> {
    let replies = many(count, |_| {
        let request = request(stage);
        async move { request.send().await }
    });
    let replies = replies.await;
    for reply in &replies {
        stage.line_of(reply).await;
    }
    replies
}

/// How many were served. The others were refused for the budget's sake, or the test fails.
#[track_caller]
fn served(replies: &[Reply]) -> usize {
    let (served, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    for reply in refused {
        crate::stage::expect_failure(reply, 429, "budget_exhausted");
    }
    served.len()
}

/// One limit as `/status` shows it.
#[derive(Debug, Clone, Deserialize)]
struct Meter {
    scope: String,
    name: String,
    kind: String,
    limit: u64,
    used: u64,
    reserved: u64,
    others: u64,
    remaining: u64,
    renews_at: String,
}

impl Meter {
    /// What is used and what is reserved by this gateway.
    fn own(&self) -> (u64, u64) {
        (self.used, self.reserved)
    }
}

async fn meters(gateway: &Gateway) -> Vec<Meter> {
    let status = gateway.status().await;
    serde_json::from_value(status["budgets"].clone()).expect("a list of limits")
}

/// The one limit of that scope and kind.
async fn meter(gateway: &Gateway, scope: &str, kind: &str) -> Meter {
    let all = meters(gateway).await;
    let mut fitting = all
        .iter()
        .filter(|it| it.scope == scope && it.kind == kind)
        .cloned();
    let found = fitting.next();
    assert!(fitting.next().is_none(), "several: {all:?}");
    found.unwrap_or_else(|| panic!("no {kind} of a {scope}: {all:?}"))
}

/// The caller's tokens: used, reserved.
async fn own_tokens(stage: &Stage) -> (u64, u64) {
    meter(&stage.gateway, "caller", "tokens").await.own()
}

/// The caller's counted requests.
async fn own_requests(stage: &Stage) -> u64 {
    meter(&stage.gateway, "caller", "requests").await.used
}

/// Waits until so much of the caller's tokens is used and nothing reserved any more.
async fn settled(stage: &Stage, used: u64) {
    eventually(
        format!("{used} tokens used, none reserved"),
        async || match own_tokens(stage).await {
            own if own == (used, 0) => Ok(()),
            own => Err(format!("{own:?}")),
        },
    )
    .await;
}

/// How long the present window of so many seconds goes on.
fn left_of(window: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a clock that is set");
    Duration::from_secs(window)
        - Duration::from_nanos((now.as_nanos() % (u128::from(window) * 1_000_000_000)) as u64)
}

/// Lets a window of so many seconds go by whose last `room` seconds have begun.
async fn away_from_the_end(window: u64, room: u64) {
    let left = left_of(window);
    if left < Duration::from_secs(room) {
        tokio::time::sleep(left).await;
    }
}
