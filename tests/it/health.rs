//! Health probes, where they are configured: they move an upstream behind the others and never out of the way.
//!
//! `a` is probed and stands before `b`; the route `alone` has `a` only.

use std::time::{Duration, Instant};

use serde_json::{json, Value};

use crate::breaker::look;
use crate::gate::Stage;
use crate::support::gateway::Builder;
use crate::support::upstream::SeenRequest;
use crate::support::{eventually, plain, sse, Answer, Exchange, Latch, Script};

/// The shortest that the configuration takes.
const EVERY: Duration = Duration::from_millis(100);

/// `health` answers the probes, `rest` everything else.
fn script(health: Answer, rest: impl Into<Answer>) -> Script {
    Script::new()
        .target("GET /health", health)
        .otherwise(rest.into())
}

fn fit() -> Answer {
    plain::status(200, &[], "{}")
}

fn unfit() -> Answer {
    plain::status(500, &[], "{}")
}

/// As llama.cpp answers while it loads.
fn loading() -> Answer {
    let body =
        json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}});
    plain::status(503, &[], body.to_string())
}

async fn stage(a: Script) -> Stage {
    stage_with(a, |gateway| gateway).await
}

async fn stage_with(a: Script, more: impl FnOnce(Builder) -> Builder) -> Stage {
    Stage::set_up(a, sse::chat_saying("B", 3), |gateway| {
        more(gateway.set(
            "upstreams.a.health",
            json!({"path": "/health", "every": "100ms"}),
        ))
    })
    .await
}

fn probes(stage: &Stage) -> Vec<SeenRequest> {
    let mut seen = stage.a.requests();
    seen.retain(|request| request.method == "GET");
    seen
}

/// Requests that were no probes.
fn asked(stage: &Stage) -> usize {
    stage.a.requests().len() - probes(stage).len()
}

async fn wait_probes(stage: &Stage, count: usize) {
    let wanted = probes(stage).len() + count;
    eventually(format!("{count} more probes"), async || {
        match probes(stage).len() {
            seen if seen >= wanted => Ok(()),
            seen => Err(format!("{seen} of {wanted}")),
        }
    })
    .await;
}

/// Waits until `/status` says so of `a`: true, false, or null before the first probe.
async fn wait_healthy(stage: &Stage, wanted: Value) {
    eventually(format!("a healthy: {wanted}"), async || {
        match healthy(stage).await {
            healthy if healthy == wanted => Ok(()),
            healthy => Err(healthy.to_string()),
        }
    })
    .await;
}

async fn healthy(stage: &Stage) -> Value {
    let status = stage.gateway.status().await;
    let upstreams = status["upstreams"].as_array().expect("upstreams").clone();
    let a = upstreams
        .into_iter()
        .find(|upstream| upstream["name"] == "a");
    a.expect("a in /status")["healthy"].clone()
}

#[tokio::test]
async fn a_probe_is_a_get_that_costs_no_token_and_is_nobodys_request() {
    let stage = stage(script(fit(), sse::chat_saying("A", 3))).await;
    wait_probes(&stage, 3).await;
    wait_healthy(&stage, json!(true)).await;
    let key = stage.gateway.upstreams()[0].key.clone().expect("a key");
    for probe in probes(&stage) {
        assert_eq!(
            (probe.target.as_str(), probe.body.len()),
            ("/health", 0),
            "{}",
            probe.head
        );
        assert_eq!(
            probe.header("authorization"),
            Some(format!("Bearer {key}").as_str())
        );
        assert_eq!(probe.correlation_id(), None);
    }
    let pause = probes(&stage)
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .min();
    assert!(pause >= Some(EVERY / 2), "{pause:?}");
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.sum("sidegate_upstream_attempts_total", &[]), 0.0);
    assert_eq!(metrics.sum("sidegate_requests_total", &[]), 0.0);
    assert!(stage.gateway.access_lines().is_empty());
    assert!(
        stage.b.requests().is_empty(),
        "b has no health to be asked for"
    );
    stage.end().await;
}

#[tokio::test]
async fn three_bad_ones_move_it_behind_the_others_and_two_good_ones_back() {
    let a = |health| script(health, sse::chat_saying("A", 3));
    let stage = stage(a(fit())).await;
    wait_healthy(&stage, json!(true)).await;
    stage.tell(stage.chat()).await.expect_whole("A", 3);
    stage.a.play(a(unfit()));
    wait_healthy(&stage, json!(false)).await;
    for _ in 0..3 {
        stage
            .tell(stage.chat())
            .await
            .expect_whole("B", 3)
            .expect_attempts(1);
    }
    stage.a.play(a(fit()));
    wait_healthy(&stage, json!(true)).await;
    stage.tell(stage.chat()).await.expect_whole("A", 3);
    // Counted at `a`: three bad ones in a row were needed, and two good ones.
    let answers = probes(&stage);
    let code = |probe: &SeenRequest| probe.sent[0].1[9..12].to_vec();
    let bad = answers.iter().filter(|probe| code(probe) == b"500").count();
    let good_after = answers
        .iter()
        .rev()
        .take_while(|probe| code(probe) == b"200")
        .count();
    assert!(
        bad >= 3 && good_after >= 2,
        "{bad} bad, then {good_after} good"
    );
    let closed = look(&stage.gateway, "a", "chat-on-a").await;
    assert_eq!((closed.state.as_str(), closed.failures), ("closed", 0));
    stage.end().await;
}

#[tokio::test]
async fn two_bad_ones_are_not_enough() {
    let two_bad = Script::by(
        |ask| match (ask.head.first_line.starts_with("GET"), ask.nth % 3) {
            (true, 0) => fit(),
            (true, _) => unfit(),
            (false, _) => sse::chat_saying("A", 3).answer(),
        },
    );
    let stage = stage(two_bad).await;
    wait_probes(&stage, 9).await;
    assert_eq!(healthy(&stage).await, json!(true));
    stage.tell(stage.chat()).await.expect_whole("A", 3);
    stage.end().await;
}

/// A probe that fails proves less than a request that succeeds.
#[tokio::test]
async fn the_last_one_stays_usable() {
    let stage = stage(script(unfit(), sse::chat_saying("A", 3))).await;
    wait_healthy(&stage, json!(false)).await;
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    // And when the others fail it is asked after them.
    stage
        .b
        .play(plain::error(502, "server_error", "boom", "it broke"));
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 3)
        .expect_attempts(2);
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_is_down_goes_behind_without_a_request_to_find_out() {
    let stage = stage(script(fit(), sse::chat_saying("A", 3))).await;
    wait_healthy(&stage, json!(true)).await;
    stage.a.go_down().await;
    wait_healthy(&stage, json!(false)).await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("B", 3)
        .expect_attempts(1);
    // Probes are no requests: the breaker knows nothing of them.
    let closed = look(&stage.gateway, "a", "chat-on-a").await;
    assert_eq!((closed.state.as_str(), closed.failures), ("closed", 0));
    stage.a.come_back();
    wait_healthy(&stage, json!(true)).await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage.end().await;
}

/// A server that asks for another key, or knows no such path, lives.
#[tokio::test]
async fn a_4xx_is_a_sign_of_life() {
    let stage = stage(script(plain::unauthorized(), sse::chat_saying("A", 3))).await;
    wait_probes(&stage, 4).await;
    assert_eq!(healthy(&stage).await, json!(true));
    stage.end().await;
}

#[tokio::test]
async fn a_probe_that_times_out_while_our_stream_moves_on_means_busy() {
    let last = Latch::new();
    let busy = sse::chat_saying("A", 60)
        .every(Duration::from_millis(50))
        .hold_before_token(60, &last);
    let stage = stage_with(script(Answer::new().hang(), busy), |gateway| {
        gateway.set("routes.alone.timeouts.idle", "8s")
    })
    .await;
    let exchange = stage.alone().start().await;
    exchange.tokens(1).await;
    // Far more than three in a row, none of them answered.
    wait_probes(&stage, 8).await;
    assert_ne!(healthy(&stage).await, json!(false));
    last.open();
    stage
        .told(exchange.finish().await)
        .await
        .expect_whole("A", 60);
    // With nobody served there, the same silence is a sign of death.
    wait_healthy(&stage, json!(false)).await;
    stage.end().await;
}

/// The upstream loads its model; requests that wait for it.
async fn waiting_for_a_model(stage: &Stage) -> Exchange {
    wait_healthy(stage, json!(false)).await;
    let exchange = stage.alone().start().await;
    wait_probes(stage, 3).await;
    assert_eq!(asked(stage), 0, "a was asked while it loads");
    assert!(!exchange.so_far().is_over(), "{:?}", exchange.so_far());
    exchange
}

#[tokio::test]
async fn while_a_model_is_being_loaded_requests_wait_and_then_succeed() {
    let stage = stage(script(loading(), sse::chat_saying("A", 3))).await;
    let exchange = waiting_for_a_model(&stage).await;
    stage.a.play(script(fit(), sse::chat_saying("A", 3)));
    let told = stage.told(exchange.finish().await).await;
    told.expect_whole("A", 3).expect_attempts(1);
    assert_eq!(look(&stage.gateway, "a", "alone-on-a").await.failures, 0);
    stage.end().await;
}

#[tokio::test]
async fn a_model_that_takes_longer_than_the_lanes_patience_is_told() {
    let stage = stage_with(script(loading(), Answer::new()), |gateway| {
        gateway.set("lanes.interactive.patience", "700ms")
    })
    .await;
    wait_healthy(&stage, json!(false)).await;
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(503, "upstream_overloaded")
        .expect_attempts(0);
    let took = told.reply.took();
    assert!(
        (Duration::from_millis(700)..Duration::from_secs(3)).contains(&took),
        "{took:?}"
    );
    let hint = told.reply.json()["remediation_hint"].to_string();
    assert!(hint.contains("load"), "{hint}");
    stage.end().await;
}

#[tokio::test]
async fn while_a_model_is_being_loaded_another_target_serves_at_once() {
    let stage = stage(script(loading(), Answer::new())).await;
    wait_healthy(&stage, json!(false)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 3).expect_attempts(1);
    assert_eq!(asked(&stage), 0);
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_leaves_while_a_model_is_being_loaded_is_noticed() {
    let stage = stage(script(loading(), Answer::new())).await;
    let exchange = waiting_for_a_model(&stage).await;
    let left_at = Instant::now();
    let told = stage.told(exchange.leave().await).await;
    assert_eq!(told.line["code"], "client_closed", "{}", told.line);
    assert!(
        left_at.elapsed() < Duration::from_secs(1),
        "{:?}",
        left_at.elapsed()
    );
    stage.end().await;
}

/// A long answer is no dead server, unless a probe says so as well.
#[tokio::test]
async fn a_plain_timeout_is_a_failure_only_where_the_probes_fail_too() {
    for (health, failures) in [(fit(), 0), (unfit(), 1)] {
        let stage = stage_with(script(health, Answer::new().hang()), |gateway| {
            gateway.set("routes.alone.timeouts.plain", "300ms")
        })
        .await;
        wait_healthy(&stage, json!(failures == 0)).await;
        let told = stage.tell(stage.gateway.client().chat("alone")).await;
        told.expect_failure(504, "upstream_plain_timeout");
        assert_eq!(
            look(&stage.gateway, "a", "alone-on-a").await.failures,
            failures
        );
        stage.end().await;
    }
}

/// What the last probe said is forgotten with the key that asked for probes.
#[tokio::test]
async fn a_reload_without_health_brings_it_back() {
    let stage = stage(script(unfit(), sse::chat_saying("A", 3))).await;
    wait_healthy(&stage, json!(false)).await;
    let mut a = stage.gateway.configured("upstreams.a").expect("a");
    a.as_object_mut().expect("a mapping").remove("health");
    stage.gateway.edit("upstreams.a", a);
    let output = stage.gateway.reload().await;
    assert_eq!(output.code, 0, "{output:?}");
    wait_healthy(&stage, Value::Null).await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage.end().await;
}
