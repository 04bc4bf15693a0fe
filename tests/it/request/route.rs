//! Which route a request means: the model in its body, or a header where the body names none.

use serde_json::json;

use crate::stage::{expect_failure, Stage};
use crate::support::gateway::Builder;
use crate::support::plain;

fn two_routes(builder: Builder) -> Builder {
    builder
        .route("other", "qwen3-32b", &["a"])
        .set("routes.chat.alias", json!(["m", "default"]))
}

#[tokio::test]
async fn every_alias_leads_to_its_route_byte_for_byte() {
    let stage = Stage::with(plain::chat("yes"), two_routes).await;
    for (written, route) in [
        (r#""m""#, "chat"),
        (r#""default""#, "chat"),
        (r#""\u006d""#, "chat"),
        (r#""qwen3-32b""#, "other"),
    ] {
        let body = format!(r#"{{"model":{written},"messages":[]}}"#);
        let (reply, line) = stage.tell(&stage.chat().body(body)).await;
        assert_eq!(
            (reply.status, reply.header("x-sidegate-route")),
            (200, Some(route)),
            "{written}"
        );
        assert_eq!(
            (&line["route"], &line["code"]),
            (&json!(route), &json!("ok"))
        );
    }
    for name in ["M", "m ", " m", "m\u{200b}", "chat", "", "m-on-a"] {
        let reply = stage.client().chat(name).send().await;
        expect_failure(&reply, 404, "unknown_model");
    }
    stage.end().await;
}

#[tokio::test]
async fn an_unknown_model_is_told_the_alias_that_looks_most_like_it() {
    let stage = Stage::with(plain::chat("never"), two_routes).await;

    let (near, line) = stage.tell(&stage.client().chat("Qwen3-32")).await;
    let far = stage.client().chat("zebra-of-nobody").send().await;

    expect_failure(&near, 404, "unknown_model");
    let message = near.json()["error"]["message"].to_string();
    assert!(message.contains("`qwen3-32b`"), "{message}");
    assert!(
        !message.contains("Qwen3-32 ") && !message.contains("Qwen3-32`"),
        "{message}"
    );
    assert_eq!(
        (&line["route"], &line["code"]),
        (&json!(null), &json!("unknown_model"))
    );
    expect_failure(&far, 404, "unknown_model");
    let failure = far.json().to_string();
    assert!(failure.contains("GET /v1/models"), "{failure}");
    assert!(
        !failure.contains("qwen3") && !failure.contains("zebra"),
        "{failure}"
    );
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn a_body_without_a_model_goes_where_the_header_says() {
    let stage = Stage::with(plain::chat("yes"), two_routes).await;
    let nameless = r#"{"messages":[]}"#;
    let null = r#"{"model":null,"messages":[]}"#;

    let refused = stage.chat().body(nameless).send().await;
    expect_failure(&refused, 400, "invalid_request");
    assert_eq!(refused.json()["error"]["param"], "/model");
    for (body, expected) in [
        (nameless, r#"{"model":"qwen3-32b-on-a","messages":[]}"#),
        (null, r#"{"model":"qwen3-32b-on-a","messages":[]}"#),
        ("{}", r#"{"model":"qwen3-32b-on-a"}"#),
    ] {
        let request = stage.chat().body(body).header("x-sidegate-route", "other");
        let (reply, line) = stage.tell(&request).await;
        assert_eq!(
            (reply.status, &line["route"]),
            (200, &json!("other")),
            "{reply:?}"
        );
        assert_eq!(String::from_utf8_lossy(&stage.last_seen().body), expected);
    }
    let unknown = stage
        .chat()
        .body(nameless)
        .header("x-sidegate-route", "nobody");
    expect_failure(&unknown.send().await, 404, "unknown_model");
    // A body that names a model is its own authority.
    let both = stage
        .chat()
        .header("x-sidegate-route", "other")
        .send()
        .await;
    assert_eq!(
        (both.status, both.header("x-sidegate-route")),
        (200, Some("chat"))
    );
    stage.end().await;
}

#[tokio::test]
async fn the_model_of_an_answer_is_the_upstreams_own_word() {
    let stage = Stage::start(plain::chat("yes")).await;

    let reply = stage.chat().send().await;

    assert_eq!(reply.json()["model"], "the-upstreams-own-name");
    assert_eq!(stage.last_seen().json()["model"], "m-on-a");
    assert_eq!(reply.body, stage.last_seen().answered().expect("an answer"));
    stage.end().await;
}
