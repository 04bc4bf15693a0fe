//! What a request has used when it is over.

use super::*;
use crate::support::sse;

/// Both limits, neither of which is in the way.
fn both() -> Value {
    json!({"budget": tokens(100_000), "rate": requests(1_000)})
}

/// Sends it; then so many tokens are used and nothing is reserved.
async fn expect_used(script: impl Into<Script>, stream_it: bool, used: u64) {
    let stage = stage(script, both()).await;
    let request = match stream_it {
        true => stream(&stage),
        false => request(&stage),
    };
    let (reply, line) = stage.tell(&request).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(own_tokens(&stage).await, (used, 0), "{line}");
    assert_eq!(own_requests(&stage).await, 1);
    stage.end().await;
}

#[tokio::test]
async fn what_is_reported_is_what_was_used() {
    expect_used(reporting(30, 9), false, 39).await;
    expect_used(sse::chat(3), true, 10).await;
}

/// An estimate that was too low is put right afterwards.
#[tokio::test]
async fn more_than_was_reserved_counts_too() {
    expect_used(reporting(400, 70), false, 470).await;
}

#[tokio::test]
async fn a_stream_without_usage_is_estimated() {
    expect_used(sse::chat(3).without_usage(), true, PROMPT + 3).await;
}

#[tokio::test]
async fn a_plain_answer_without_usage_costs_its_reserve() {
    let mut body = plain::chat_body("yes");
    body.as_object_mut().unwrap().remove("usage");
    expect_used(plain::json(&body), false, RESERVE).await;
}

#[tokio::test]
async fn a_failure_gives_the_tokens_back_and_stays_a_request() {
    for failing in [
        plain::status(500, &[], "{}"),
        plain::context_length_exceeded(),
        Answer::new().close_reset(),
        Answer::new().hang(),
    ] {
        let stage = stage_with(failing, both(), |builder| {
            builder
                .set("routes.chat.retry.max", 1)
                .set("routes.chat.timeouts.header", "300ms")
        })
        .await;
        let (reply, line) = stage.tell(&stream(&stage)).await;
        assert!(reply.status >= 400, "{reply:?}");
        assert_eq!(own_tokens(&stage).await, (0, 0), "{line}");
        assert_eq!(own_requests(&stage).await, 1, "{line}");
        stage.end().await;
    }
}

#[tokio::test]
async fn retries_are_one_request() {
    let failing_twice = [plain::overloaded(), plain::overloaded(), reporting(30, 9)];
    let stage = stage(Script::sequence(failing_twice), both()).await;
    let (reply, line) = stage.tell(&request(&stage)).await;
    assert_eq!((reply.status, &line["attempts"]), (200, &json!(3)));
    assert_eq!(own_tokens(&stage).await, (39, 0));
    assert_eq!(own_requests(&stage).await, 1);
    stage.end().await;
}

#[tokio::test]
async fn who_leaves_in_the_middle_pays_for_what_there_was() {
    let stage = stage(sse::chat(60).hang_after_token(5), both()).await;
    let exchange = stream(&stage).start().await;
    exchange.tokens(5).await;
    let line = stage.line_of(&exchange.leave().await).await;
    assert_eq!(
        (&line["status"], &line["usage_source"]),
        (&json!(499), &json!("estimated"))
    );
    assert_eq!(own_tokens(&stage).await, (PROMPT + 5, 0), "{line}");
    assert_eq!(own_requests(&stage).await, 1);
    stage.end().await;
}

/// What such a stream says of itself at its beginning isn't what it came to.
#[tokio::test]
async fn who_leaves_a_stream_of_messages_pays_for_what_there_was() {
    let stage = stage(sse::messages(60).hang_after_token(20), both()).await;
    let request = stage.client().messages("m").stream();
    let exchange = request.start().await;
    exchange.tokens(20).await;
    let line = stage.line_of(&exchange.leave().await).await;
    assert_eq!(line["usage_source"], "estimated", "{line}");
    assert!(line["completion_tokens"].as_u64() >= Some(20), "{line}");
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_is_cut_costs_what_came_of_it() {
    let stage = stage(sse::chat(60).cut_after_token(5), both()).await;
    let (reply, line) = stage.tell(&stream(&stage)).await;
    assert_eq!(reply.tokens(), 5, "{reply:?}");
    assert_eq!(own_tokens(&stage).await, (PROMPT + 5, 0), "{line}");
    stage.end().await;
}

/// One place, one in the queue; all else is refused.
#[tokio::test]
async fn who_gets_no_place_pays_nothing() {
    let stage = stage_with(Answer::new().hang(), both(), |builder| {
        let lane = json!({"streams": 1, "queue": 1, "patience": "1s"});
        builder.set("lanes.interactive", lane)
    })
    .await;
    let running = under_way(&stage, &request(&stage)).await;
    let waiting = request(&stage).start().await;
    stage
        .gateway
        .wait_metrics("one that waits", |metrics| {
            metrics.sum("sidegate_lane_waiting", &[]) == 1.0
        })
        .await;
    assert_eq!(own_tokens(&stage).await, (0, 2 * RESERVE));
    let full = request(&stage).send().await;
    assert_eq!(full.code().as_deref(), Some("lane_full"), "{full:?}");
    let impatient = waiting.finish().await;
    assert_eq!(impatient.code().as_deref(), Some("queue_timeout"));
    stage.line_of(&impatient).await;
    assert_eq!(own_tokens(&stage).await, (0, RESERVE));
    assert_eq!(own_requests(&stage).await, 1);
    running.leave().await;
    stage.end().await;
}

#[tokio::test]
async fn who_leaves_the_queue_pays_nothing() {
    let stage = stage_with(Answer::new().hang(), both(), |builder| {
        let lane = json!({"streams": 1, "queue": 1, "patience": "60s"});
        builder.set("lanes.interactive", lane)
    })
    .await;
    let running = under_way(&stage, &request(&stage)).await;
    let waiting = request(&stage).start().await;
    stage
        .gateway
        .wait_metrics("one that waits", |metrics| {
            metrics.sum("sidegate_lane_waiting", &[]) == 1.0
        })
        .await;
    stage.line_of(&waiting.leave().await).await;
    assert_eq!(own_tokens(&stage).await, (0, RESERVE));
    assert_eq!(own_requests(&stage).await, 1);
    running.leave().await;
    stage.end().await;
}
