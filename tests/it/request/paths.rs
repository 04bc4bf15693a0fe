//! Paths and methods: exactly those that are served; what of a query string goes on.

use serde_json::json;

use crate::stage::{expect_failure, Stage};
use crate::support::laws::{self, Law};
use crate::support::{plain, Gateway, Upstream};

#[tokio::test]
async fn what_is_not_served_says_where_the_base_url_ends() {
    let stage = Stage::start(plain::chat("never")).await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/chat/completions",
        "/v1/v1/chat/completions",
        "/v1/chat/completions/",
        "/v1/Chat/Completions",
        "/V1/models",
        "//v1/models",
        "/v1//models",
        "/v1/../admin",
        "/v1/%2e%2e/metrics",
        "/v1/chat%2Fcompletions",
        "/v1/chat/./completions",
        "/v1/models/",
        "/v1/audio/speech",
        "/v1/images/generations",
        "/v1/files",
        "/metrics",
        "/status",
        "/livez",
    ] {
        for method in ["GET", "POST"] {
            let (reply, line) = stage.tell(&stage.client().method(method, path)).await;
            expect_failure(&reply, 404, "unknown_path");
            let hint = reply.json()["remediation_hint"].to_string();
            assert!(
                hint.contains("base URL end in /v1"),
                "{method} {path}: {hint}"
            );
            assert_eq!(
                (&line["path"], &line["attempts"]),
                (&json!(null), &json!(0)),
                "{path}"
            );
        }
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn another_method_is_told_the_one_that_is_meant() {
    let stage = Stage::start(plain::chat("never")).await;
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/messages", "POST"),
        ("DELETE", "/v1/embeddings", "POST"),
        ("PATCH", "/v1/score", "POST"),
        ("post", "/v1/chat/completions", "POST"),
        ("BREW", "/v1/responses", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/m", "GET"),
    ] {
        let reply = stage.client().method(method, path).send().await;
        expect_failure(&reply, 405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        assert!(reply.json()["remediation_hint"]
            .to_string()
            .contains("POST for calls"));
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn head_is_answered_without_a_body_and_the_connection_goes_on() {
    let stage = Stage::start(plain::chat("yes")).await;
    let connection = stage.client().connect().await;

    let (head, connection) = stage
        .client()
        .method("HEAD", "/v1/models")
        .send_on(connection)
        .await;

    assert_eq!((head.status, head.header("allow")), (405, Some("GET")));
    assert!(head.surplus.is_empty(), "{head:?}");
    if let Some(connection) = connection {
        let (reply, _) = stage.chat().send_on(connection).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "yes"),
            "{reply:?}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn the_query_string_stays_behind() {
    let stage = Stage::start(plain::json(&json!({"an": "answer"}))).await;
    let client = stage.client();
    let count = json!({"model": "m", "messages": []});
    for (request, target) in [
        (
            client.chat("m").query("api_key=secret&beta=true"),
            "/v1/chat/completions",
        ),
        (client.embeddings("m").query("beta=true"), "/v1/embeddings"),
        (
            client.messages("m").query("beta=true"),
            "/v1/messages?beta=true",
        ),
        (
            client.messages("m").query("x=1&beta=true&api_key=secret"),
            "/v1/messages?beta=true",
        ),
        (client.messages("m").query("beta=false"), "/v1/messages"),
        (client.messages("m").query("beta=true%20"), "/v1/messages"),
        (client.messages("m").query("xbeta=true"), "/v1/messages"),
        (
            client
                .post("/v1/messages/count_tokens", count)
                .query("beta=true"),
            "/v1/messages/count_tokens?beta=true",
        ),
    ] {
        let reply = request.send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(stage.last_seen().target, target);
    }
    stage.end().await;
}

#[tokio::test]
async fn the_upstreams_own_base_path_is_kept() {
    let upstream = Upstream::start(plain::chat("yes")).await;
    let base = format!("http://{}/deep/base/v3", upstream.addr());
    let gateway = Gateway::builder()
        .upstream("a", base.as_str())
        .route("chat", "m", &["a"])
        .start()
        .await;

    assert_eq!(gateway.client().chat("m").send().await.status, 200);

    assert_eq!(
        upstream.requests()[0].target,
        "/deep/base/v3/chat/completions"
    );
    let reason = "keys are told apart by the base URL, and this one is another than the script's";
    laws::of(&gateway, &[&upstream])
        .skip(Law::L7, reason)
        .check()
        .await;
}
