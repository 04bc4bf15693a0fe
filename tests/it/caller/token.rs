//! The token: a prober learns nothing from how it is refused; the log knows better.

use serde_json::json;

use crate::stage::{expect_failure, Stage};
use crate::support::{plain, Reply, Request};

const EXPIRED: &str = "invoke:* expires=2020-01-01T00:00:00Z";

/// Every byte of the answer but its id and the time.
fn without_id_and_time(reply: &Reply) -> String {
    let id = reply.correlation_id().expect("an id");
    let head = String::from_utf8_lossy(&reply.head.raw);
    let timeless = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("date:"))
        .collect::<Vec<_>>();
    let text = timeless.join("\n") + &String::from_utf8_lossy(&reply.body);
    text.replace(id, "ID")
}

#[tokio::test]
async fn missing_wrong_and_expired_tokens_look_the_same_and_are_told_apart_in_the_log() {
    let stage = Stage::with(plain::chat("never"), |builder| {
        builder.caller("late", EXPIRED)
    })
    .await;
    let late = stage.gateway.caller("late").secret.clone();
    let chat = || stage.chat().without("x-correlation-id");
    let ways = [
        ("missing_token", chat().without("authorization")),
        ("invalid_token", chat().token("not-a-token-of-anybody")),
        ("expired_token", chat().token(&late)),
    ];

    let mut answers = Vec::new();
    for (code, request) in &ways {
        let (reply, line) = stage.tell(request).await;
        expect_failure(&reply, 401, "invalid_token");
        assert_eq!(
            (&line["status"], &line["code"]),
            (&json!(401), &json!(code))
        );
        let owner = (*code == "expired_token").then_some("late");
        assert_eq!(line["caller"], json!(owner), "{code}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        assert_eq!(reply.header("x-should-retry"), Some("false"));
        answers.push(without_id_and_time(&reply));
    }

    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let metrics = stage.gateway.metrics().await;
    for (code, _) in ways {
        let labels = [
            ("route", "none"),
            ("provider_family", "none"),
            ("code", code),
        ];
        assert_eq!(
            metrics.value("sidegate_failures_total", &labels),
            Some(1.0),
            "{code}"
        );
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn only_one_bearer_in_the_one_header_counts() {
    let stage = Stage::start(plain::chat("yes")).await;
    let token = stage.gateway.canaries().token.clone();
    let chat = || stage.chat().without("authorization");
    let with = |value: &str| chat().header("authorization", value);
    let refused: [(&str, Request); 9] = [
        ("another scheme", with(&format!("Basic {token}"))),
        ("no scheme", with(&token)),
        ("no token", with("Bearer ")),
        ("two words", with(&format!("Bearer {token} {token}"))),
        (
            "a part of it",
            with(&format!("Bearer {}", &token[..token.len() - 1])),
        ),
        ("more than it", with(&format!("Bearer {token}0"))),
        (
            "twice the same",
            with(&format!("Bearer {token}"))
                .another_header("authorization", &format!("Bearer {token}")),
        ),
        ("in the query", chat().query("api_key=x&token=x")),
        ("as a key of other APIs", chat().header("api-key", &token)),
    ];
    for (name, request) in refused {
        let reply = request.send().await;
        assert_eq!(
            (reply.status, reply.code().as_deref()),
            (401, Some("invalid_token")),
            "{name}"
        );
    }
    for spelling in ["bearer", "BEARER", "Bearer   "] {
        let reply = with(&format!("{spelling} {token}")).send().await;
        assert_eq!(reply.status, 200, "{spelling}: {reply:?}");
    }
    assert_eq!(stage.upstream.requests().len(), 3);
    // The header `api-key` of the table carries the token on purpose; it went nowhere, which the laws check.
    stage.end().await;
}

#[tokio::test]
async fn the_key_header_of_messages_is_a_token_there_and_nowhere_else() {
    let stage = Stage::start(plain::json(&plain::message_body("yes"))).await;
    let token = stage.gateway.canaries().token.clone();
    let client = stage.client().without_token().header("x-api-key", &token);
    let count = json!({"model": "m", "messages": []});

    for request in [
        client.messages("m"),
        client.post("/v1/messages/count_tokens", count),
    ] {
        let reply = request.send().await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(
            stage.last_seen().header("x-api-key"),
            None,
            "this family has a bearer"
        );
    }
    for request in [
        client.chat("m"),
        client.responses("m"),
        client.embeddings("m"),
        client.get("/v1/models"),
    ] {
        expect_failure(&request.send().await, 401, "invalid_token");
    }
    // A bearer that says something decides, even if it is wrong.
    let wrong = client
        .messages("m")
        .token("not-a-token-of-anybody")
        .send()
        .await;
    assert_eq!(
        (wrong.status, wrong.json()["error"]["code"].as_str()),
        (401, Some("invalid_token"))
    );
    assert_eq!(stage.upstream.requests().len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn the_token_comes_before_path_and_method() {
    let stage = Stage::start(plain::chat("never")).await;
    let stranger = stage.client().without_token();
    for request in [
        stranger.get("/v1/nothing/here"),
        stranger.method("DELETE", "/v1/chat/completions"),
        stranger.get("/v1/models"),
        stranger.chat("m").header("content-type", "text/plain"),
    ] {
        expect_failure(&request.send().await, 401, "invalid_token");
    }
    stage.end().await;
}
