//! A 4xx is decided by its body: where another server could do better it is asked, anywhere else nobody is.

use super::*;

/// `a` twice in the first tier, under two names; `b` in the next.
fn two_models_on_a(gateway: Builder) -> Builder {
    let targets = json!([
        {"upstream": "a", "model": "small", "tier": 0, "context": 8192},
        {"upstream": "a", "model": "twin", "tier": 0, "context": 8192},
        {"upstream": "b", "model": "large", "tier": 1},
    ]);
    gateway.set("routes.chat.targets", targets)
}

async fn stage_with(a: Answer) -> Stage {
    Stage::set_up(a, sse::chat_saying("B", 9), two_models_on_a).await
}

#[tokio::test]
async fn a_prompt_that_is_too_long_goes_to_a_later_tier_only() {
    for overflow in [plain::context_length_exceeded(), overflow_in_prose()] {
        let stage = stage_with(overflow).await;
        stage
            .tell(stage.chat())
            .await
            .expect_whole("B", 9)
            .expect_attempts(2);
        assert_eq!(
            stage.a.requests().len(),
            1,
            "no other model of the same tier"
        );
        assert_eq!(stage.attempts("rejected").await, 1.0);
        stage.end().await;
    }
}

/// vLLM has no code for it, only these words.
fn overflow_in_prose() -> Answer {
    let message =
        "This model's maximum context length is 8192 tokens. However, your request has 9000.";
    let body = plain::error_body("BadRequestError", json!(400), message);
    plain::status(400, &[], body.to_string())
}

#[tokio::test]
async fn a_prompt_that_is_too_long_for_all_is_the_clients_to_mend() {
    let stage = Stage::set_up(
        plain::context_length_exceeded(),
        plain::context_length_exceeded(),
        two_models_on_a,
    )
    .await;
    let told = stage.tell(stage.chat()).await;
    told.expect_failure(400, "context_length_exceeded")
        .expect_attempts(2);
    let message = told.reply.json()["error"]["message"].to_string();
    assert!(message.contains("maximum context length"), "{message}");
    assert_eq!(told.reply.header("x-should-retry"), Some("false"));
    stage.end().await;
}

#[tokio::test]
async fn what_the_request_itself_did_wrong_goes_nowhere_else() {
    let bad_request = || plain::error(400, "invalid_request_error", "bad_value", "temperature");
    let stage = stage_with(Answer::new()).await;
    for (answer, status, code) in [
        (
            plain::content_policy_violation(),
            400,
            "content_policy_violation",
        ),
        (bad_request(), 400, "upstream_rejected"),
        (
            plain::status(400, &[("content-type", "text/plain")], "no JSON at all"),
            400,
            "upstream_rejected",
        ),
        (
            plain::status(422, &[], "{\"detail\":[]}"),
            422,
            "upstream_rejected",
        ),
        (
            plain::status(404, &[], "{\"detail\":\"Not Found\"}"),
            404,
            "upstream_rejected",
        ),
        (
            plain::status(302, &[("location", "http://elsewhere/")], ""),
            502,
            "upstream_redirect",
        ),
    ] {
        println!("-- {status} {code}");
        stage.a.play(answer);
        stage
            .tell(stage.chat())
            .await
            .expect_failure(status, code)
            .expect_attempts(1);
    }
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn what_one_server_lacks_is_asked_of_another_server() {
    let stage = stage_with(Answer::new()).await;
    for answer in [plain::unauthorized(), plain::model_missing("small")] {
        stage.a.play(answer);
        stage
            .tell(stage.chat())
            .await
            .expect_whole("B", 9)
            .expect_attempts(2);
    }
    stage.end().await;
}

#[tokio::test]
async fn an_error_inside_a_stream_is_decided_by_what_it_names() {
    let policy = plain::error_body(
        "invalid_request_error",
        json!("content_policy_violation"),
        "no",
    );
    let refused = sse::empty().and(format!("data: {policy}\n\n"));
    let stage = stage_with(refused.answer()).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_failure(400, "content_policy_violation")
        .expect_attempts(1);
    stage.expect_b_unasked();
    stage.end().await;
}
