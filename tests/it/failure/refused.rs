//! What the gateway refuses by itself; no upstream hears of it.

use serde_json::json;

use super::golden::expect_answer;
use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::{plain, Request};

fn everybody(builder: Builder) -> Builder {
    builder
        .route("secret", "s", &["a"])
        .caller("chatter", "invoke:chat")
        .caller("late", "invoke:* expires=2020-01-01T00:00:00Z")
        .set("limits.request_body", "64KiB")
        .set("routes.chat.max_prompt_bytes", "64KiB")
        .set("routes.secret.max_prompt_bytes", "4KiB")
}

/// The name of the file and the request that fails so.
fn requests(stage: &Stage) -> Vec<(&'static str, Request)> {
    let (client, chat) = (stage.client(), || stage.chat());
    let late = &stage.gateway.caller("late").secret;
    vec![
        ("invalid_token", chat().without("authorization")),
        ("invalid_token", chat().token("not-a-token-of-anybody")),
        ("invalid_token", chat().token(late)),
        (
            "insufficient_scope",
            stage.gateway.client_of("chatter").chat("s"),
        ),
        (
            "insufficient_scope-models",
            stage.gateway.client_of("operator").get("/v1/models"),
        ),
        (
            "insufficient_scope-lane",
            stage.gateway.client_of("chatter").chat("m").lane("batch"),
        ),
        ("host_denied", client.clone().host("evil.example").chat("m")),
        (
            "origin_denied",
            chat().header("origin", "https://evil.example"),
        ),
        ("unknown_model", client.chat("nobody-has-this")),
        ("unknown_model-near", client.chat("mm")),
        ("unknown_path", client.get("/v1/audio/speech")),
        ("method_not_allowed", client.get("/v1/chat/completions")),
        ("invalid_request", chat().body("{")),
        (
            "invalid_request-framing",
            chat().another_header("upgrade", "websocket"),
        ),
        ("invalid_request-nameless", chat().body("{}")),
        (
            "invalid_request-forbidden",
            chat().field("base_url", "http://evil.example"),
        ),
        ("invalid_request-lane", chat().lane("fast")),
        ("duplicate_key", chat().body(r#"{"model":"m","model":"m"}"#)),
        (
            "duplicate_key-strange",
            chat().body(r#"{"model":"m","zebra":1,"zebra":1}"#),
        ),
        ("skill_unknown", chat().header("x-sidegate-skill", "zebra")),
        (
            "unsupported_media_type",
            chat().header("content-type", "text/plain"),
        ),
        ("body_too_large", chat().body_bytes(100_000)),
        ("body_too_large-route", client.chat("s").body_bytes(5_000)),
        (
            "headers_too_large",
            chat().header("x-large", &"a".repeat(40_000)),
        ),
        (
            "loop_detected",
            chat().header("x-sidegate-hop", &["fedcba9876543210"; 8].join(",")),
        ),
    ]
}

#[tokio::test]
async fn each_refusal_has_the_answer_of_its_file() {
    let stage = Stage::with(plain::chat("never"), everybody).await;
    for (name, request) in requests(&stage) {
        let reply = request.send().await;
        expect_answer(name, &reply);
        let failure = reply.json();
        assert_eq!(
            (
                &failure["error"]["attempts"],
                &failure["error"]["upstream_status"]
            ),
            (&json!(0), &json!(null))
        );
        let text = failure.to_string();
        let theirs = ["evil", "zebra", "nobody-has-this", "audio"];
        assert!(
            theirs.iter().all(|word| !text.contains(word)) || name == "unknown_path",
            "{name}: {text}"
        );
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn no_place_for_one_more_connection() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.set("limits.connections", 1)
    })
    .await;
    let (_, held) = stage.chat().send_on(stage.client().connect().await).await;
    assert!(held.is_some());

    expect_answer("too_many_connections", &stage.chat().send().await);

    drop(held);
    stage.end().await;
}

#[tokio::test]
async fn a_body_that_stops() {
    let stage = Stage::start(plain::chat("never")).await;
    let token = &stage.gateway.canaries().token;
    let half = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"model\":"
    );

    let exchange = stage.client().raw(half).start().await;

    expect_answer(
        "request_timeout",
        &exchange
            .finish_within(std::time::Duration::from_secs(30))
            .await,
    );
    stage.end().await;
}

#[tokio::test]
async fn no_memory_for_one_more_body() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder
            .set("limits.request_body", "64KiB")
            .set("routes.chat.max_prompt_bytes", "64KiB")
            .set("limits.bodies_in_flight", "64KiB")
    })
    .await;
    let full = crate::support::Latch::new();
    // Leave to send its body comes when it holds the memory for it.
    let holding = stage
        .chat()
        .body_bytes(64 << 10)
        .pausing_after(10_000, &full)
        .expecting_continue()
        .start()
        .await;
    holding
        .until("leave to go on", |reply| !reply.interim.is_empty())
        .await;

    let reply = stage.chat().send().await;

    expect_answer("queue_timeout", &reply);

    full.open();
    assert_eq!(holding.finish().await.status, 200);
    stage.end().await;
}
