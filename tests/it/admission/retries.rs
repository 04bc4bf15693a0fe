//! Between two attempts a request keeps its place in the lane and gives back the one at the upstream.

use super::*;
use crate::gate::Stage;
use crate::support::sse;

const ATTEMPTS: &str = "sidegate_upstream_attempts_total";

/// Asks to be left alone for so many seconds.
fn overloaded(seconds: &str) -> Answer {
    let body = plain::error_body("server_error", json!("overloaded"), "The engine is busy");
    plain::status(503, &[("retry-after", seconds)], body.to_string())
}

/// `a` has one place and turns its first request away; that one waits for its retry.
async fn a_retry_that_waits(
    next: Answer,
    more: impl FnOnce(Builder) -> Builder,
) -> (Stage, Exchange) {
    a_retry_that_waits_for("2", next, more).await
}

async fn a_retry_that_waits_for(
    seconds: &str,
    next: Answer,
    more: impl FnOnce(Builder) -> Builder,
) -> (Stage, Exchange) {
    let script = Script::new().nth(1, overloaded(seconds)).otherwise(next);
    let stage = Stage::set_up(script, Answer::new(), |gateway| {
        more(
            gateway
                .set("upstreams.a.streams", 1)
                .set("routes_defaults.timeouts", long_clocks())
                .needs_places(PLENTY),
        )
    })
    .await;
    let retries = stage.alone().start().await;
    let failed = |metrics: &crate::support::Metrics| {
        metrics.sum(ATTEMPTS, &[("outcome", "server_error")]) == 1.0
    };
    stage.gateway.wait_metrics("a failed attempt", failed).await;
    (stage, retries)
}

#[tokio::test]
async fn the_failed_upstreams_place_is_anothers_meanwhile_and_the_lanes_is_not() {
    let next = sse::chat_saying("A", 3).answer();
    let (stage, retries) = a_retry_that_waits(next, |gateway| gateway).await;
    assert_eq!(lane(&stage.gateway, "interactive").await["streams"], 1);
    let a = upstream(&stage.gateway, "a").await;
    assert_eq!(
        (&a["in_flight"], &a["prompt_bytes"]),
        (&json!(0), &json!(0))
    );

    let told = stage.tell(stage.alone()).await;

    told.expect_whole("A", 3).expect_attempts(1);
    assert_eq!(queued(&told.line), Duration::ZERO, "{}", told.line);
    let retried = stage.told(retries.finish().await).await;
    retried.expect_whole("A", 3).expect_attempts(2);
    let order = stage.a.requests();
    assert_eq!(
        order[1].correlation_id(),
        told.line["correlation_id"].as_str()
    );
    stage.end().await;
}

/// The lane has one place, and nobody uses it while the server wants to be left alone.
#[tokio::test]
async fn a_long_wait_gives_the_lanes_place_back_too() {
    let next = sse::chat_saying("A", 3).answer();
    let one_place = |gateway: Builder| gateway.set("lanes.interactive.streams", 1);
    let (stage, retries) = a_retry_that_waits_for("4", next, one_place).await;
    let free = async || match lane(&stage.gateway, "interactive").await["streams"] == 0 {
        true => Ok(()),
        false => Err("it is held".to_string()),
    };
    eventually("the lane's place", free).await;

    let told = stage.tell(stage.alone()).await;

    told.expect_whole("A", 3).expect_attempts(1);
    let retried = stage.told(retries.finish().await).await;
    retried.expect_whole("A", 3).expect_attempts(2);
    stage.end().await;
}

/// The only place of the lane is the retry's: whoever comes meanwhile goes in after it.
#[tokio::test]
async fn the_lanes_place_is_kept_while_the_retry_waits() {
    let next = sse::chat_saying("A", 3).answer();
    let (stage, retries) =
        a_retry_that_waits(next, |gateway| gateway.set("lanes.interactive.streams", 1)).await;
    let waits = queue_up(&stage.gateway, &stage.alone()).await;

    let retried = stage.told(retries.finish().await).await;
    let waited = stage.told(waits.finish().await).await;

    retried.expect_whole("A", 3).expect_attempts(2);
    waited.expect_whole("A", 3).expect_attempts(1);
    let order = stage.a.requests();
    assert_eq!(
        order[2].correlation_id(),
        waited.line["correlation_id"].as_str()
    );
    stage.end().await;
}

/// While it waited, somebody else took the place for long.
#[tokio::test]
async fn a_retry_that_gets_no_place_answers_with_its_last_failure() {
    let free = Latch::new();
    let held = sse::chat_saying("A", 3).hold_before_head(&free).answer();
    let (stage, retries) = a_retry_that_waits(held, |gateway| {
        gateway.set("lanes.interactive.patience", "1s")
    })
    .await;
    let holder = stage.alone().start().await;
    stage.a.wait_requests(2).await;
    let in_line = async || match lane(&stage.gateway, "interactive").await {
        lane if lane["retrying"] == 1 => Ok(()),
        lane => Err(lane.to_string()),
    };
    eventually("a retry in line", in_line).await;

    let told = stage.told(retries.finish().await).await;

    told.expect_failure(503, "upstream_overloaded")
        .expect_attempts(1);
    assert!(
        queued(&told.line) >= Duration::from_secs(1),
        "{}",
        told.line
    );
    free.open();
    stage.told(holder.finish().await).await.expect_whole("A", 3);
    stage.end().await;
}

/// It was let in before all who wait now.
#[tokio::test]
async fn a_retry_goes_before_those_who_wait_for_their_first_place() {
    let free = Latch::new();
    let held = sse::chat_saying("A", 3).hold_before_head(&free).answer();
    let (stage, retries) = a_retry_that_waits(held, |gateway| {
        gateway.set("lanes.interactive.patience", "30s")
    })
    .await;
    let holder = stage.alone().start().await;
    stage.a.wait_requests(2).await;
    let waits = queue_up(&stage.gateway, &stage.alone()).await;
    let in_line = async || match lane(&stage.gateway, "interactive").await {
        lane if lane["retrying"] == 1 => Ok(()),
        lane => Err(lane.to_string()),
    };
    eventually("a retry in line", in_line).await;

    free.open();

    let retried = stage.told(retries.finish().await).await;
    retried.expect_whole("A", 3).expect_attempts(2);
    stage.told(waits.finish().await).await.expect_whole("A", 3);
    stage.told(holder.finish().await).await.expect_whole("A", 3);
    let order = stage.a.requests();
    assert_eq!(
        order[2].correlation_id(),
        retried.line["correlation_id"].as_str()
    );
    stage.end().await;
}

/// A model on its way is like a place that will fall free: the request stands in the lane and holds nothing.
#[tokio::test]
async fn who_waits_for_a_model_to_load_stands_in_the_lane() {
    let loading = plain::status(
        503,
        &[],
        json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
            .to_string(),
    );
    let probed = |health| {
        let served = sse::chat_saying("A", 3).answer();
        Script::new()
            .target("GET /health", health)
            .otherwise(served)
    };
    let stage = Stage::set_up(probed(loading), Answer::new(), |gateway| {
        gateway
            .set(
                "upstreams.a.health",
                json!({"path": "/health", "every": "100ms"}),
            )
            .set("lanes.interactive.patience", "30s")
            .set("routes_defaults.timeouts", long_clocks())
    })
    .await;
    let is_loading = async || match upstream(&stage.gateway, "a").await {
        a if a["healthy"] == false => Ok(()),
        a => Err(a.to_string()),
    };
    eventually("a model that loads", is_loading).await;

    let waits = queue_up(&stage.gateway, &stage.alone()).await;

    let place = lane(&stage.gateway, "interactive").await;
    assert_eq!(
        (&place["streams"], &place["waiting"]),
        (&json!(0), &json!(1))
    );
    stage.a.play(probed(plain::status(200, &[], "{}")));
    let told = stage.told(waits.finish().await).await;
    told.expect_whole("A", 3).expect_attempts(1);
    assert!(queued(&told.line) > Duration::ZERO, "{}", told.line);
    stage.end().await;
}
