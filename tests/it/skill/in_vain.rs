//! When a second try is not made: it would bring the same bytes, or there is no retry or no time for it.

use std::time::Duration;

use super::*;

/// One attempt, and the client is told what was wrong with it.
async fn expect_one_attempt(stage: &Stage, request: &Request) {
    let (reply, line) = stage.tell(request).await;
    expect_misfit(&reply, "/content/to", "required");
    assert_eq!(told(&line), (1, Some(false), 1, 0), "{line}");
}

#[tokio::test]
async fn the_same_bytes_are_not_asked_for_twice() {
    let stage = stage(ADDRESSED, plain::chat(MISFIT)).await;
    let fixed = mail(&stage).field("temperature", 0).field("seed", 7);
    expect_one_attempt(&stage, &fixed).await;
    let fixed = mail(&stage).field("temperature", 0.0).field("seed", 0);
    expect_one_attempt(&stage, &fixed).await;
    assert_eq!(
        stage
            .gateway
            .metrics()
            .await
            .sum("sidegate_retries_total", &[]),
        0.0
    );
    stage.end().await;
}

#[tokio::test]
async fn without_both_the_next_answer_may_differ() {
    let stage = stage(ADDRESSED, plain::chat(MISFIT)).await;
    for (temperature, seed) in [
        (json!(0), Value::Null),
        (Value::Null, json!(7)),
        (json!(0.1), json!(7)),
        (json!(0), json!(-1)),
        (json!(0), json!(4_294_967_295_u64)),
    ] {
        let request = mail(&stage)
            .field("temperature", temperature)
            .field("seed", seed);
        let (reply, line) = stage.tell(&request).await;
        expect_misfit(&reply, "/content/to", "required");
        assert_eq!(told(&line).0, 4, "{line}");
    }
    stage.end().await;
}

#[tokio::test]
async fn without_retries_there_is_one_attempt() {
    let stage = stage_with(ADDRESSED, plain::chat(MISFIT), |builder| {
        builder.set("retry.max", 0)
    })
    .await;
    expect_one_attempt(&stage, &mail(&stage)).await;
    stage.end().await;
}

#[tokio::test]
async fn a_retry_is_one_whatever_it_is_for() {
    let script = Script::sequence([plain::status(500, &[], "{}"), plain::chat(MISFIT)]);
    let stage = stage_with(ADDRESSED, script, |builder| builder.set("retry.max", 2)).await;

    let (reply, line) = stage.tell(&mail(&stage)).await;

    expect_misfit(&reply, "/content/to", "required");
    assert_eq!(told(&line), (3, Some(false), 2, TOKENS));
    stage.end().await;
}

#[tokio::test]
async fn the_total_bounds_all_tries_together() {
    let slow = plain::chat(MISFIT).after(Duration::from_millis(400));
    let stage = stage_with(ADDRESSED, slow, |builder| {
        builder
            .set(
                "routes.chat.timeouts",
                json!({"plain": "900ms", "header": "900ms", "total": "1s"}),
            )
            .set("retry.max", 20)
    })
    .await;

    let (reply, line) = stage.tell(&mail(&stage)).await;

    assert_eq!(
        (reply.status, reply.code().as_deref()),
        (504, Some("deadline_exceeded"))
    );
    assert!(
        reply.took() < Duration::from_millis(2500),
        "{:?}",
        reply.took()
    );
    let (attempts, _, refused, _) = told(&line);
    assert!(
        (2..=3).contains(&attempts) && refused == attempts - 1,
        "{line}"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_stored_response_is_not_made_twice() {
    let stage = stage(ADDRESSED, plain::json(&plain::response_body(MISFIT))).await;
    let request = of_skill(stage.client().responses("m"), "mail").field("store", true);
    expect_one_attempt(&stage, &request).await;
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_tries() {
    let script = Script::sequence([plain::chat(MISFIT), Answer::new().hang()]);
    let stage = stage(ADDRESSED, script).await;
    let exchange = mail(&stage).start().await;
    let id = exchange.correlation_id().expect("an id").to_string();
    stage.upstream.wait_requests(2).await;

    exchange.leave().await;

    let line = stage.gateway.wait_access(&id).await;
    assert_eq!(line["status"], 499, "{line}");
    assert_eq!(told(&line), (2, None, 1, TOKENS));
    stage.end().await;
}
