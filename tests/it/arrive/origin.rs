//! Browsers: a page may call only where the operator says so, and then its scripts can read everything they need.

use serde_json::{json, Value};

use crate::stage::{expect_failure, Stage};
use crate::support::{plain, sse, Answer, Reply, Script};

const PAGE: &str = "http://localhost:3000";

async fn stage_for_the_page(script: impl Into<Script>) -> Stage {
    Stage::with(script, |builder| {
        builder.set("callers.allowed_origins", json!([PAGE]))
    })
    .await
}

#[track_caller]
fn expect_readable_by_the_page(reply: &Reply) {
    assert_eq!(
        reply.head.all("access-control-allow-origin"),
        [PAGE],
        "{reply:?}"
    );
    let exposed = reply
        .header("access-control-expose-headers")
        .unwrap_or_default();
    for name in [
        "x-correlation-id",
        "x-should-retry",
        "retry-after",
        "x-sidegate-upstream",
    ] {
        assert!(exposed.contains(name), "{name} in {exposed:?}");
    }
    assert!(reply.head.has_token("vary", "origin"), "{reply:?}");
    assert_eq!(reply.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_page_that_nobody_allowed_is_refused_and_told_the_key() {
    let stage = Stage::start(plain::chat("never")).await;
    for origin in ["https://evil.example", "null", "http://localhost:3000", ""] {
        let (reply, line) = stage.tell(&stage.chat().header("origin", origin)).await;
        expect_failure(&reply, 403, "origin_denied");
        let hint = reply.json()["remediation_hint"].to_string();
        assert!(hint.contains("callers.allowed_origins"), "{hint}");
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert_eq!(line["caller"], Value::Null);
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn an_allowed_page_can_read_answers_streams_and_failures() {
    let stage = stage_for_the_page(Script::sequence([
        plain::chat("yes"),
        sse::chat(3).answer(),
    ]))
    .await;
    let from_the_page = |request: crate::support::Request| request.header("origin", PAGE);

    let plain = from_the_page(stage.chat()).send().await;
    let stream = from_the_page(stage.chat().stream()).send().await;
    let models = from_the_page(stage.client().get("/v1/models")).send().await;
    let refused = from_the_page(stage.chat().token("wrong")).send().await;
    let unknown = from_the_page(stage.client().chat("nobody")).send().await;

    let statuses = [&plain, &stream, &models, &refused, &unknown].map(|reply| reply.status);
    assert_eq!(statuses, [200, 200, 200, 401, 404]);
    for reply in [&plain, &stream, &models, &refused, &unknown] {
        expect_readable_by_the_page(reply);
    }
    stage.end().await;
}

#[tokio::test]
async fn origins_are_compared_as_a_whole() {
    let stage = stage_for_the_page(plain::chat("never")).await;
    for origin in [
        "http://localhost:3000.evil.example",
        "http://localhost:30000",
        "https://localhost:3000",
        "http://localhost:3000/",
        "HTTP://LOCALHOST:3000",
        "null",
    ] {
        let reply = stage.chat().header("origin", origin).send().await;
        expect_failure(&reply, 403, "origin_denied");
    }
    let two = stage
        .chat()
        .header("origin", PAGE)
        .another_header("origin", "https://evil.example");
    expect_failure(&two.send().await, 403, "origin_denied");
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn the_preflight_of_an_allowed_page_needs_no_token() {
    let stage = stage_for_the_page(Answer::new().hang()).await;
    let client = stage.client().without_token();
    let preflight = |path: &str, origin: &str| {
        client
            .method("OPTIONS", path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
    };
    for path in [
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/models",
        "/v1/embeddings",
    ] {
        let (reply, line) = stage.tell(&preflight(path, PAGE)).await;
        assert_eq!(
            (reply.status, reply.body.len(), reply.is_whole()),
            (204, 0, true),
            "{reply:?}"
        );
        assert_eq!(reply.head.all("access-control-allow-origin"), [PAGE]);
        let headers = reply
            .header("access-control-allow-headers")
            .unwrap_or_default();
        assert!(
            headers.contains("authorization") && headers.contains("content-type"),
            "{headers}"
        );
        assert!(reply.head.has_token("access-control-allow-methods", "post"));
        assert!(reply.header("access-control-max-age").is_some());
        assert_eq!(
            reply.header("content-length"),
            None,
            "RFC 9110, 8.6: none with a 204"
        );
        assert_eq!(
            (&line["status"], &line["code"]),
            (&204.into(), &"ok".into())
        );
    }

    let elsewhere = preflight("/v1/chat/completions", "https://evil.example")
        .send()
        .await;
    expect_failure(&elsewhere, 403, "origin_denied");
    let nowhere = preflight("/v1/audio/speech", PAGE).send().await;
    assert_ne!(nowhere.status, 204, "{nowhere:?}");
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn options_without_a_page_is_just_another_wrong_method() {
    let stage = Stage::start(plain::chat("never")).await;

    let reply = stage
        .client()
        .method("OPTIONS", "/v1/chat/completions")
        .send()
        .await;

    assert!(matches!(reply.status, 404 | 405), "{reply:?}");
    stage.end().await;
}
