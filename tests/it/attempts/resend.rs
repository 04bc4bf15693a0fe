//! What a server keeps is not made twice: a response that is stored or runs in the background goes out once.

use super::*;

fn responses(stage: &Stage, alias: &str) -> Request {
    stage.gateway.client().responses(alias)
}

fn keeping(request: Request, key: &str) -> Request {
    request.field(key, true)
}

async fn stage(more: impl FnOnce(Builder) -> Builder) -> Stage {
    let answer = plain::json(&plain::response_body("from b"));
    Stage::set_up(overloaded(&[]), answer, more).await
}

#[tokio::test]
async fn a_response_that_is_kept_is_sent_once() {
    let stage = stage(|gateway| gateway).await;
    for key in ["store", "background"] {
        for alias in ["alone", "chat"] {
            let told = stage.tell(keeping(responses(&stage, alias), key)).await;
            told.expect_failure(503, "upstream_overloaded")
                .expect_attempts(1);
            assert_eq!(told.reply.header("x-should-retry"), Some("false"));
        }
    }
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn a_response_that_is_not_kept_is_sent_again() {
    let stage = stage(|gateway| gateway).await;
    for request in [
        responses(&stage, "chat"),
        responses(&stage, "chat").field("store", false),
    ] {
        let told = stage.tell(request).await;
        assert_eq!(told.reply.text(), "from b");
        told.expect_attempts(2);
    }
    stage.end().await;
}

/// The server can tell the second copy from a second request: the client and the operator have to say so both.
#[tokio::test]
async fn an_idempotency_key_and_the_routes_leave_make_it_sendable_again() {
    let stage = stage(|gateway| gateway.set("routes.chat.resend_with_idempotency_key", true)).await;
    let stored = |alias| keeping(responses(&stage, alias), "store");
    let with_key = |request: Request| request.header("idempotency-key", "order-66");
    let told = stage.tell(with_key(stored("chat"))).await;
    assert_eq!(told.reply.text(), "from b");
    told.expect_attempts(2);
    let keys = [&stage.a, &stage.b].map(|it| {
        it.requests()[0]
            .header("idempotency-key")
            .map(str::to_string)
    });
    assert_eq!(
        keys,
        [Some("order-66".to_string()), Some("order-66".to_string())]
    );
    // One of the two is not enough.
    for request in [stored("chat"), with_key(stored("alone"))] {
        stage
            .tell(request)
            .await
            .expect_failure(503, "upstream_overloaded")
            .expect_attempts(1);
    }
    stage.end().await;
}

/// Where nothing was sent nothing can be made twice.
#[tokio::test]
async fn a_connection_that_was_never_made_sent_nothing() {
    let stage = stage(|gateway| gateway).await;
    stage.a.go_down().await;
    let told = stage
        .tell(keeping(responses(&stage, "chat"), "store"))
        .await;
    assert_eq!(told.reply.text(), "from b");
    told.expect_attempts(2);
    stage.end().await;
}

/// Nobody knows whether a server that hung up had begun.
#[tokio::test]
async fn a_stale_connection_may_have_taken_it() {
    let dying = Script::new()
        .nth_on_connection(2, Answer::new().close_fin())
        .otherwise(plain::json(&plain::response_body("from a")));
    let stage = Stage::start(dying, Answer::new()).await;
    let stored = || keeping(responses(&stage, "chat"), "store");
    assert_eq!(stage.tell(stored()).await.reply.text(), "from a");
    let told = stage.tell(stored()).await;
    told.expect_failure(502, "upstream_protocol_error")
        .expect_attempts(1);
    stage.expect_b_unasked();
    stage.end().await;
}

/// What has no state at the server may be sent again on every path.
#[tokio::test]
async fn the_paths_without_state_are_sent_again() {
    let answers = Script::new()
        .target(
            "POST /v1/completions",
            plain::json(&plain::completion_body("from b")),
        )
        .target(
            "POST /v1/messages",
            plain::json(&plain::message_body("from b")),
        )
        .otherwise(plain::json(&plain::embeddings_body(1)));
    let stage = Stage::start(overloaded(&[]), answers).await;
    let client = stage.gateway.client();
    for request in [
        client.completions("chat"),
        client.messages("chat"),
        client.embeddings("chat"),
    ] {
        let told = stage.tell(request).await;
        assert_eq!(
            (told.reply.status, &told.reply.end),
            (200, &End::Whole),
            "{:?}",
            told.reply
        );
        told.expect_attempts(2);
    }
    stage.end().await;
}
