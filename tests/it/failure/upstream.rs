//! What an upstream does wrong, as the client is told.

use super::golden::expect_answer;
use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::{plain, refuse, sse, Answer, Gateway};

/// The name of the file, the upstream's family, and what it answers to a plain request.
fn answers() -> Vec<(&'static str, &'static str, Answer)> {
    let loading = r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#;
    let busy = plain::status(
        529,
        &[],
        r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
    );
    vec![
        (
            "context_length_exceeded",
            "vllm",
            plain::context_length_exceeded(),
        ),
        (
            "content_policy_violation",
            "openai",
            plain::content_policy_violation(),
        ),
        (
            "upstream_rejected",
            "vllm",
            plain::error(422, "invalid_request_error", "x", "no tools here"),
        ),
        ("rate_limited", "openai", plain::rate_limited(None)),
        ("upstream_overloaded", "vllm", plain::overloaded()),
        ("upstream_overloaded-529", "anthropic", busy),
        (
            "upstream_overloaded-loading",
            "llama.cpp",
            plain::status(503, &[], loading),
        ),
        (
            "upstream_error",
            "vllm",
            plain::error(500, "server_error", "x", "out of memory"),
        ),
        ("upstream_error-page", "openai", plain::html(502)),
        (
            "upstream_error-page_that_is_fine",
            "other",
            plain::html(200),
        ),
        (
            "upstream_protocol_error",
            "vllm",
            Answer::new().send("SSH-2.0-OpenSSH_9.9\r\n").close_fin(),
        ),
        (
            "upstream_protocol_error-closed",
            "vllm",
            Answer::new().close_reset(),
        ),
        ("upstream_auth_failed", "vllm", plain::unauthorized()),
        (
            "upstream_auth_failed-403",
            "openai",
            plain::error(403, "permission_error", "x", "not yours"),
        ),
        (
            "upstream_model_missing",
            "vllm",
            plain::model_missing("m-on-a"),
        ),
        (
            "upstream_model_missing-ollama",
            "ollama",
            plain::model_missing("m-on-a"),
        ),
        (
            "upstream_redirect",
            "vllm",
            plain::status(302, &[("location", "http://evil.example/")], ""),
        ),
    ]
}

#[tokio::test]
async fn each_failure_of_an_upstream_has_the_answer_of_its_file() {
    for (name, family, answer) in answers() {
        let set = |builder: Builder| {
            // Told, so that a llama.cpp isn't asked for its slots.
            builder
                .set("upstreams.a.family", family)
                .set("upstreams.a.streams", 4)
        };
        let stage = Stage::with(answer, set).await;
        let reply = stage.chat().send().await;
        expect_answer(name, &reply);
        let failure = reply.json();
        assert_eq!(
            (&failure["route"], &failure["provider_family"]),
            (&"chat".into(), &family.into())
        );
        assert_eq!(
            failure["error"]["attempts"],
            stage.upstream.requests().len(),
            "{name}"
        );
        stage.end().await;
    }
}

#[tokio::test]
async fn a_configured_window_is_told_in_the_words_that_clients_look_for() {
    let stage = Stage::with(plain::context_length_exceeded(), |builder| {
        builder.set("routes.chat.targets.0.context", 32768)
    })
    .await;

    let reply = stage.chat().send().await;

    expect_answer("context_length_exceeded-window", &reply);
    let message = reply.json()["error"]["message"].to_string();
    assert!(
        message.starts_with("\"This model's maximum context length was exceeded"),
        "{message}"
    );
    assert!(message.contains("32768 tokens"), "{message}");
    stage.end().await;
}

#[tokio::test]
async fn nobody_listens() {
    let dead = refuse();
    let gateway = Gateway::builder()
        .upstream("a", &dead)
        .route("chat", "m", &["a"])
        .start()
        .await;

    expect_answer(
        "upstream_unreachable",
        &gateway.client().chat("m").send().await,
    );

    crate::support::laws::check(&gateway, &[]).await;
}

#[tokio::test]
async fn a_stream_that_ends_before_its_first_token() {
    for (name, stream) in [
        (
            "upstream_truncated",
            sse::chat(3).end_after_token(0).answer(),
        ),
        (
            "upstream_truncated",
            sse::chat(3).cut_after_token(0).answer(),
        ),
    ] {
        let stage = Stage::start(stream).await;
        expect_answer(name, &stage.chat().stream().send().await);
        stage.end().await;
    }
}

#[tokio::test]
async fn an_error_event_before_the_first_token_is_an_answer_with_its_status() {
    let event = sse::empty().and(sse::error_event(None, "broken"));
    let stage = Stage::start(event).await;

    expect_answer("upstream_error-event", &stage.chat().stream().send().await);

    stage.end().await;
}

#[tokio::test]
async fn a_wait_that_is_not_worth_it_is_handed_on_up_to_the_cap() {
    for (said, told) in [("30", "5"), ("6", "5")] {
        let stage = Stage::with(plain::rate_limited(Some(said)), |builder| {
            builder.set("retry.retry_after_cap", "5s")
        })
        .await;
        let (reply, line) = stage.tell(&stage.chat()).await;
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (429, Some(told)),
            "{reply:?}"
        );
        assert_eq!(
            line["attempts"], 1,
            "nobody waits for longer than the cap: {line}"
        );
        stage.end().await;
    }
}

#[tokio::test]
async fn a_server_that_is_left_alone() {
    let stage = Stage::with(plain::overloaded(), |builder| {
        builder
            .set("retry.max", 0)
            .set("breaker.threshold", 1)
            .set("breaker.cool_down", "5m")
    })
    .await;
    assert_eq!(stage.chat().send().await.status, 503);

    let reply = stage.chat().send().await;

    expect_answer("circuit_open", &reply);
    assert_eq!(reply.header("retry-after"), Some("300"));
    assert_eq!(stage.upstream.requests().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_fails_too_often_for_retries() {
    let stage = Stage::with(plain::overloaded(), |builder| {
        builder
            .set("retry.budget.floor", 0)
            .set("retry.budget.percent", 0)
    })
    .await;

    expect_answer("retry_budget_exhausted", &stage.chat().send().await);

    assert_eq!(stage.upstream.requests().len(), 1);
    stage.end().await;
}
