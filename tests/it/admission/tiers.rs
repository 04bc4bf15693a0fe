//! A first tier that is full is waited for; a later one is for when that took too long, or when the first is broken.

use super::*;
use crate::gate::Stage;
use crate::support::{sse, Upstream};

/// `a` before `b`; `a` has one place, which is held until the latch opens.
///
/// `side` leads to the same server by places of its own: so its breaker can be opened meanwhile.
async fn with_a_full(more: impl FnOnce(Builder) -> Builder) -> (Stage, Exchange, Latch) {
    let free = Latch::new();
    let a = Upstream::start(sse::chat_saying("A", 3).hold_before_head(&free)).await;
    let b = Upstream::start(sse::chat_saying("B", 3)).await;
    let side = a.url();
    let stage = Stage::before(a, b, |gateway| {
        let gateway = gateway
            .upstream("side", side.as_str())
            .route("side", "side", &["side"])
            .set("routes.side.targets.0.model", "chat-on-a")
            .set("breaker.cool_down", "5m")
            .set("upstreams.a.streams", 1)
            .set("routes_defaults.timeouts", long_clocks())
            .needs_places(PLENTY);
        more(gateway)
    })
    .await;
    let holder = stage.alone().start().await;
    stage.a.wait_requests(1).await;
    (stage, holder, free)
}

/// One failure of the same model at the same server is enough.
async fn break_chat_on_a(stage: &Stage) {
    let boom = plain::error(502, "server_error", "boom", "it broke");
    stage.a.play(boom);
    let told = stage.tell(stage.gateway.client().chat("side")).await;
    told.expect_failure(502, "upstream_error");
}

async fn end(stage: Stage, holder: Exchange, free: &Latch) {
    free.open();
    stage.told(holder.finish().await).await.expect_whole("A", 3);
    stage.end().await;
}

#[tokio::test]
async fn a_full_first_tier_is_waited_for() {
    let (stage, holder, free) = with_a_full(|gateway| gateway).await;
    let waits = queue_up(&stage.gateway, &stage.chat()).await;

    free.open();

    let told = stage.told(waits.finish().await).await;
    told.expect_whole("A", 3).expect_attempts(1);
    assert!(queued(&told.line) > Duration::ZERO, "{}", told.line);
    stage.expect_b_unasked();
    end(stage, holder, &free).await;
}

#[tokio::test]
async fn when_patience_ends_a_later_tiers_free_place_serves() {
    let patience = "400ms";
    let (stage, holder, free) =
        with_a_full(|gateway| gateway.set("lanes.interactive.patience", patience)).await;

    let told = stage.tell(stage.chat()).await;

    told.expect_whole("B", 3).expect_attempts(1);
    assert!(
        queued(&told.line) >= Duration::from_millis(400),
        "{}",
        told.line
    );
    assert_eq!(stage.a.requests().len(), 1);
    end(stage, holder, &free).await;
}

#[tokio::test]
async fn a_later_tier_that_is_full_too_is_not_waited_for() {
    let (stage, holder, free) = with_a_full(|gateway| {
        gateway
            .set("upstreams.b.streams", 1)
            .set("lanes.interactive.patience", "400ms")
            .route("other", "other", &["b"])
    })
    .await;
    stage
        .b
        .play(sse::chat_saying("B", 3).hold_before_head(&free));
    let other = stage.gateway.client().chat("other").start().await;
    stage.b.wait_requests(1).await;

    let told = stage.tell(stage.chat()).await;

    told.expect_failure(503, "queue_timeout").expect_attempts(0);
    assert_eq!(stage.b.requests().len(), 1);
    free.open();
    assert_eq!(other.finish().await.status, 200);
    end(stage, holder, &free).await;
}

/// Nobody waits for a place at an upstream that nobody may ask.
#[tokio::test]
async fn a_broken_first_tier_is_passed_at_once() {
    let (stage, holder, free) = with_a_full(|gateway| gateway.set("breaker.threshold", 1)).await;
    break_chat_on_a(&stage).await;

    let told = stage.tell(stage.chat()).await;

    told.expect_whole("B", 3).expect_attempts(1);
    assert_eq!(queued(&told.line), Duration::ZERO, "{}", told.line);
    end(stage, holder, &free).await;
}

/// A breaker that opens while somebody waits sends it on.
#[tokio::test]
async fn who_waits_goes_on_when_the_first_tier_breaks_meanwhile() {
    let (stage, holder, free) = with_a_full(|gateway| gateway.set("breaker.threshold", 1)).await;
    let waits = queue_up(&stage.gateway, &stage.chat()).await;

    break_chat_on_a(&stage).await;

    let told = stage.told(waits.finish().await).await;
    told.expect_whole("B", 3).expect_attempts(1);
    assert!(queued(&told.line) > Duration::ZERO, "{}", told.line);
    end(stage, holder, &free).await;
}
