//! Limits that change while requests run.

use super::*;
use crate::stage::expect_failure;
use crate::support::{sse, Latch};

async fn reload(stage: &Stage, limits: Value) {
    stage.gateway.edit("callers.limits.agent", limits);
    let output = stage.gateway.reload().await;
    assert_eq!(output.code, 0, "{output:?}");
}

#[tokio::test]
async fn new_limits_hold_at_once_and_counts_stay() {
    let stage = stage(reporting(60, 40), json!({"budget": tokens(100)})).await;
    stage.tell(&request(&stage)).await;
    let is_served = async || stage.tell(&request(&stage)).await.0.status == 200;
    assert!(!is_served().await);
    reload(&stage, json!({"budget": tokens(101)})).await;
    assert!(is_served().await);
    assert!(!is_served().await);
    reload(&stage, json!({"budget": tokens(50)})).await;
    let meter = meter(&stage.gateway, "caller", "tokens").await;
    assert_eq!(
        (meter.own(), meter.limit, meter.remaining),
        ((200, 0), 50, 0)
    );
    assert!(!is_served().await);
    stage.end().await;
}

/// Otherwise two reloads would be a way around a budget.
#[tokio::test]
async fn a_limit_that_goes_and_comes_back_has_its_count() {
    let stage = stage(reporting(60, 40), json!({"budget": tokens(100)})).await;
    stage.tell(&request(&stage)).await;
    reload(&stage, json!({"streams": 8})).await;
    assert!(meters(&stage.gateway).await.is_empty());
    let unlimited = stage.tell(&request(&stage)).await.0;
    assert_eq!(unlimited.status, 200);
    assert_eq!(unlimited.header("x-ratelimit-limit-tokens"), None);
    reload(&stage, json!({"budget": tokens(100)})).await;
    assert_eq!(own_tokens(&stage).await, (100, 0));
    expect_failure(&request(&stage).send().await, 429, "budget_exhausted");
    stage.end().await;
}

#[tokio::test]
async fn streams_that_run_go_on_and_are_settled() {
    let latch = Latch::new();
    let stage = stage(
        sse::chat(6).hold_before_token(4, &latch),
        json!({"budget": tokens(1_000)}),
    )
    .await;
    let running = stream(&stage).start().await;
    running.tokens(3).await;
    reload(&stage, json!({"budget": tokens(1)})).await;
    assert_eq!(own_tokens(&stage).await, (0, RESERVE));
    latch.open();
    let reply = running.finish().await;
    assert_eq!((reply.tokens(), reply.has_done()), (6, true));
    stage.line_of(&reply).await;
    assert_eq!(own_tokens(&stage).await, (7 + 6, 0));
    stage.end().await;
}
