//! Usage: asked for on the client's behalf, and then hidden from it; the log knows it either way.

use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::{plain, sse, Event, Reply};

fn tells_usage(reply: &Reply) -> bool {
    let is_usage = |event: &Event| {
        let value = event.json().unwrap_or_default();
        value["usage"].is_object() && value["choices"] == json!([])
    };
    reply.events().iter().any(is_usage)
}

/// What the client says, what the upstream gets as `stream_options`, whether the client sees the usage.
fn table() -> Vec<(Value, Value, bool)> {
    let asked = json!({"include_usage": true});
    vec![
        (Value::Null, asked.clone(), false),
        (json!({}), asked.clone(), false),
        (json!({"include_usage": false}), asked.clone(), false),
        (json!({"include_usage": null}), asked.clone(), false),
        (
            json!({"x": 1}),
            json!({"include_usage": true, "x": 1}),
            false,
        ),
        (asked.clone(), asked.clone(), true),
        (
            json!({"x": 1, "include_usage": true}),
            json!({"x": 1, "include_usage": true}),
            true,
        ),
    ]
}

#[tokio::test]
async fn a_stream_is_asked_for_its_usage_and_only_who_asked_sees_it() {
    for (path, stream) in [
        ("chat/completions", sse::chat(3)),
        ("completions", sse::completions(3)),
    ] {
        let stage = Stage::start(stream).await;
        for (said, expected, seen) in table() {
            let body = json!({"model": "m", "stream": true, "stream_options": said});
            let (reply, line) = stage
                .tell(&stage.client().post(&format!("/v1/{path}"), body))
                .await;
            assert_eq!(
                (reply.tokens(), reply.has_done()),
                (3, true),
                "{said}: {reply:?}"
            );
            assert_eq!(
                stage.last_seen().json()["stream_options"],
                expected,
                "{said}"
            );
            assert_eq!(tells_usage(&reply), seen, "{said}");
            let logged = [
                &line["prompt_tokens"],
                &line["completion_tokens"],
                &line["usage_source"],
            ];
            assert_eq!(logged, [&json!(7), &json!(3), &json!("reported")], "{said}");
        }
        stage.end().await;
    }
}

#[tokio::test]
async fn no_options_at_all_become_the_one_that_is_wanted() {
    let stage = Stage::start(sse::chat(3)).await;

    let reply = stage
        .chat()
        .body(r#"{"model":"m","stream":true,"messages":[]}"#)
        .send()
        .await;

    assert_eq!((reply.tokens(), tells_usage(&reply)), (3, false));
    let expected =
        r#"{"stream_options":{"include_usage":true},"model":"m-on-a","stream":true,"messages":[]}"#;
    assert_eq!(String::from_utf8_lossy(&stage.last_seen().body), expected);
    stage.end().await;
}

#[tokio::test]
async fn a_usage_that_stands_beside_content_is_never_hidden() {
    let beside = r#"data: {"choices":[{"index":0,"delta":{"content":"more "}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let stage = Stage::start(sse::chat(3).insert_after_token(1, format!("{beside}\n\n"))).await;

    let (reply, line) = stage.tell(&stage.chat().stream()).await;

    assert_eq!(reply.text(), "t1 more t2 t3 ");
    assert!(reply
        .events()
        .iter()
        .any(|event| event.data.contains(r#""usage":{"prompt_tokens":1"#)));
    assert!(!tells_usage(&reply));
    assert_eq!(
        (&line["prompt_tokens"], &line["completion_tokens"]),
        (&json!(7), &json!(3)),
        "the last one counts"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_family_that_may_refuse_the_option_is_not_asked_and_nothing_is_hidden() {
    let stage = Stage::with(sse::chat(3), |builder| {
        builder.set("upstreams.a.family", "other")
    })
    .await;

    let reply = stage.chat().stream().send().await;

    assert_eq!((reply.tokens(), tells_usage(&reply)), (3, true));
    assert_eq!(stage.last_seen().json().get("stream_options"), None);
    stage.end().await;
}

#[tokio::test]
async fn paths_and_plain_answers_that_tell_it_anyway_are_not_asked() {
    let stage = Stage::start(crate::support::Script::by(|ask| {
        match ask.head.first_line.split(' ').nth(1) {
            Some("/v1/responses") => sse::responses(3).answer(),
            Some("/v1/messages") => sse::messages(3).answer(),
            _ => plain::chat("yes"),
        }
    }))
    .await;
    let client = stage.client();
    for request in [
        client.responses("m").stream(),
        client.messages("m").stream(),
        client.chat("m"),
    ] {
        let (reply, line) = stage.tell(&request).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(stage.last_seen().json().get("stream_options"), None);
        assert_eq!(
            (&line["usage_source"], &line["prompt_tokens"]),
            (&json!("reported"), &json!(7))
        );
    }
    stage.end().await;
}
