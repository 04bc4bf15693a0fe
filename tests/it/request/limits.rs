//! The limit of a route: clamps what is asked for, and is filled in where the API has it and nothing is there.

use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::{plain, Script};

const MOST: u64 = 100;

/// Path, what the client says, what the upstream gets. All else of the body stays.
fn table() -> Vec<(&'static str, Value, Value)> {
    let chat = "chat/completions";
    let mut rows = vec![
        (chat, json!({}), json!({"max_tokens": 100})),
        (chat, json!({"max_tokens": 50}), json!({"max_tokens": 50})),
        (chat, json!({"max_tokens": 100}), json!({"max_tokens": 100})),
        (chat, json!({"max_tokens": 101}), json!({"max_tokens": 100})),
        (
            chat,
            json!({"max_completion_tokens": 50}),
            json!({"max_completion_tokens": 50}),
        ),
        (
            chat,
            json!({"max_completion_tokens": 5000}),
            json!({"max_completion_tokens": 100}),
        ),
        (
            chat,
            json!({"max_completion_tokens": 5000, "max_tokens": 50}),
            json!({"max_completion_tokens": 100, "max_tokens": 50}),
        ),
        (
            chat,
            json!({"max_tokens": null}),
            json!({"max_tokens": 100}),
        ),
        (
            chat,
            json!({"max_tokens": null, "max_completion_tokens": 7}),
            json!({"max_tokens": null, "max_completion_tokens": 7}),
        ),
        (chat, json!({"max_tokens": 0}), json!({"max_tokens": 0})),
        (
            chat,
            json!({"max_output_tokens": 5000}),
            json!({"max_output_tokens": 5000, "max_tokens": 100}),
        ),
        ("completions", json!({}), json!({"max_tokens": 100})),
        (
            "completions",
            json!({"max_tokens": 5000}),
            json!({"max_tokens": 100}),
        ),
        ("responses", json!({}), json!({"max_output_tokens": 100})),
        (
            "responses",
            json!({"max_output_tokens": 5000}),
            json!({"max_output_tokens": 100}),
        ),
        (
            "responses",
            json!({"max_output_tokens": 50}),
            json!({"max_output_tokens": 50}),
        ),
        ("messages", json!({}), json!({})),
        (
            "messages",
            json!({"max_tokens": 50}),
            json!({"max_tokens": 50}),
        ),
        (
            "messages",
            json!({"max_tokens": 5000}),
            json!({"max_tokens": 100}),
        ),
        ("messages/count_tokens", json!({}), json!({})),
        (
            "messages/count_tokens",
            json!({"max_tokens": 5000}),
            json!({"max_tokens": 100}),
        ),
        ("embeddings", json!({}), json!({})),
        (
            "embeddings",
            json!({"max_tokens": 5000}),
            json!({"max_tokens": 5000}),
        ),
        ("rerank", json!({"top_n": 500}), json!({"top_n": 500})),
        ("score", json!({}), json!({})),
    ];
    for nonsense in [
        json!(-1),
        json!(1.5),
        json!("12"),
        json!([]),
        json!(true),
        json!({"a": 1}),
    ] {
        rows.push((
            chat,
            json!({"max_tokens": nonsense}),
            json!({"max_tokens": 100}),
        ));
        rows.push((
            "responses",
            json!({"max_output_tokens": nonsense}),
            json!({"max_output_tokens": 100}),
        ));
    }
    rows
}

fn with(base: &Value, more: &Value) -> Value {
    let mut all = base.clone();
    for (key, value) in more.as_object().expect("an object") {
        all[key] = value.clone();
    }
    all
}

#[tokio::test]
async fn each_path_has_its_own_limit() {
    let stage = Stage::with(plain::json(&json!({"an": "answer"})), |builder| {
        builder.set("routes.chat.max_tokens", MOST)
    })
    .await;
    for (path, said, expected) in table() {
        let base = json!({"model": "m", "temperature": 0.5, "input": "x"});
        let request = stage
            .client()
            .post(&format!("/v1/{path}"), with(&base, &said));
        let reply = request.send().await;
        assert_eq!(reply.status, 200, "{path} {said}: {reply:?}");
        let seen = stage.last_seen();
        assert_eq!(seen.target, format!("/v1/{path}"));
        let base = json!({"model": "m-on-a", "temperature": 0.5, "input": "x"});
        assert_eq!(seen.json(), with(&base, &expected), "{path} {said}");
    }
    stage.end().await;
}

#[tokio::test]
async fn without_a_limit_of_the_route_nothing_is_touched() {
    let stage = Stage::start(plain::chat("yes")).await;
    for said in [
        json!({}),
        json!({"max_tokens": 1_000_000}),
        json!({"max_tokens": -1}),
        json!({"max_completion_tokens": null}),
    ] {
        let reply = stage
            .client()
            .post("/v1/chat/completions", with(&json!({"model": "m"}), &said))
            .send()
            .await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            stage.last_seen().json(),
            with(&json!({"model": "m-on-a"}), &said)
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_target_says_which_field_is_filled_for_chat() {
    let stage = Stage::with(Script::from(plain::chat("yes")), |builder| {
        builder.set("routes.chat.max_tokens", MOST).set(
            "routes.chat.targets.0.max_tokens_field",
            "max_completion_tokens",
        )
    })
    .await;
    for (said, expected) in [
        (json!({}), json!({"max_completion_tokens": 100})),
        (json!({"max_tokens": 500}), json!({"max_tokens": 100})),
        (
            json!({"max_tokens": null}),
            json!({"max_tokens": null, "max_completion_tokens": 100}),
        ),
        (
            json!({"max_tokens": -1}),
            json!({"max_tokens": null, "max_completion_tokens": 100}),
        ),
    ] {
        let reply = stage
            .client()
            .post("/v1/chat/completions", with(&json!({"model": "m"}), &said))
            .send()
            .await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            stage.last_seen().json(),
            with(&json!({"model": "m-on-a"}), &expected),
            "{said}"
        );
    }
    stage.end().await;
}
