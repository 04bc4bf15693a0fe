//! What a caller may use, by route.

use serde_json::{json, Value};

use crate::stage::{expect_failure, Stage};
use crate::support::gateway::Builder;
use crate::support::{plain, End};

/// A second route `secret` with the alias `s`, and callers of every kind.
fn two_routes(builder: Builder) -> Builder {
    builder
        .route("secret", "s", &["a"])
        .caller("chatter", "invoke:chat")
        .caller("both", "invoke:chat,invoke:secret")
        .caller("reader", "models")
        .caller("root", "admin")
}

#[tokio::test]
async fn a_caller_may_use_the_routes_that_it_names_and_no_other() {
    let stage = Stage::with(plain::chat("yes"), two_routes).await;
    for (caller, model, status) in [
        ("chatter", "m", 200),
        ("chatter", "s", 403),
        ("both", "m", 200),
        ("both", "s", 200),
        ("agent", "s", 200),
        ("reader", "m", 403),
        ("root", "m", 403),
    ] {
        let (reply, line) = stage
            .tell(&stage.gateway.client_of(caller).chat(model))
            .await;
        assert_eq!(reply.status, status, "{caller} asks for {model}: {reply:?}");
        assert_eq!(line["caller"], caller);
        if status == 403 {
            expect_failure(&reply, 403, "insufficient_scope");
            assert_eq!(line["attempts"], 0);
        }
    }
    assert_eq!(stage.upstream.requests().len(), 4);
    stage.end().await;
}

#[tokio::test]
async fn a_refusal_is_recorded_under_the_route_that_it_is_about() {
    let stage = Stage::with(plain::chat("never"), two_routes).await;

    let (reply, line) = stage
        .tell(&stage.gateway.client_of("chatter").chat("s"))
        .await;

    expect_failure(&reply, 403, "insufficient_scope");
    assert_eq!(reply.json()["route"], "secret");
    assert_eq!(
        (&line["route"], &line["upstream"]),
        (&json!("secret"), &Value::Null)
    );
    assert_eq!(reply.header("x-sidegate-route"), Some("secret"));
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn one_who_may_invoke_nothing_is_refused_before_its_body_is_read() {
    let stage = Stage::with(plain::chat("never"), two_routes).await;
    let secret = &stage.gateway.caller("reader").secret;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {secret}\r\n\
         content-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
    );

    // The body is never sent: whoever waited for it would wait for ever.
    let reply = stage.client().raw(head).send().await;

    expect_failure(&reply, 403, "insufficient_scope");
    let line = stage.line_of(&reply).await;
    assert_eq!(
        (&line["caller"], &line["bytes_in"], &line["route"]),
        (&json!("reader"), &json!(0), &Value::Null)
    );
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn scope_is_asked_before_media_type_and_size_and_after_the_route() {
    let stage = Stage::with(plain::chat("never"), two_routes).await;
    let reader = stage.gateway.client_of("reader");
    let chatter = stage.gateway.client_of("chatter");

    let form = reader
        .chat("m")
        .header("content-type", "text/plain")
        .send()
        .await;
    let unknown = chatter.chat("nobody").send().await;
    let forbidden = chatter
        .chat("s")
        .field("api_base", "http://evil.example")
        .send()
        .await;

    expect_failure(&form, 403, "insufficient_scope");
    expect_failure(&unknown, 404, "unknown_model");
    expect_failure(&forbidden, 400, "invalid_request");
    assert_eq!(form.end, End::Whole);
    stage.expect_untouched_upstream();
    stage.end().await;
}
