//! One line a request, whatever became of it, with every field in it.

use std::collections::BTreeSet;

use serde_json::{json, Value};

use crate::stage::Stage;
use crate::support::{plain, sse, Answer, Request, Script};

/// What every line has, if only as null.
const ALWAYS: [&str; 18] = [
    "ts",
    "correlation_id",
    "caller",
    "route",
    "lane",
    "upstream",
    "status",
    "code",
    "attempts",
    "queue_seconds",
    "first_token_seconds",
    "duration_seconds",
    "bytes_in",
    "bytes_out",
    "prompt_tokens",
    "completion_tokens",
    "usage_source",
    "finish_reason",
];

fn script() -> Script {
    Script::by(|ask| match ask.json()["user"].as_str() {
        Some("stream") => sse::chat(3).answer(),
        Some("empty") => plain::status(200, &[], ""),
        Some("broken") => plain::error(500, "server_error", "x", "out of memory"),
        Some("rejected") => plain::error(400, "invalid_request_error", "x", "no"),
        Some("cut") => sse::chat(3).cut_after_token(2).answer(),
        Some("silent") => Answer::new().hang(),
        _ => plain::chat("yes"),
    })
}

/// What is asked, and what its line has at least.
fn ways(stage: &Stage) -> Vec<(Request, Value)> {
    let as_user = |user: &str| stage.chat().field("user", user);
    let served = json!({"caller": "agent", "route": "chat", "lane": "interactive", "upstream": "a", "attempts": 1,
                        "method": "POST", "path": "chat/completions", "config_generation": 1, "tier": 0});
    let refused = json!({"caller": "agent", "route": null, "lane": null, "upstream": null, "attempts": 0,
                         "first_token_seconds": null, "prompt_tokens": null, "completion_tokens": null,
                         "usage_source": "none", "finish_reason": null});
    let nobody = json!({"caller": null, "route": null, "lane": null, "upstream": null, "attempts": 0, "bytes_in": 0});
    let with = |base: &Value, more: Value| {
        let mut all = base.clone();
        let more = more.as_object().expect("an object").clone();
        all.as_object_mut().expect("an object").extend(more);
        all
    };
    vec![
        (
            as_user("plain"),
            with(
                &served,
                json!({"status": 200, "code": "ok", "stream": false, "finish_reason": "stop",
            "prompt_tokens": 7, "completion_tokens": 5, "usage_source": "reported"}),
            ),
        ),
        (
            as_user("stream").stream(),
            with(
                &served,
                json!({"status": 200, "code": "ok", "stream": true, "finish_reason": "stop",
            "prompt_tokens": 7, "completion_tokens": 3, "usage_source": "reported"}),
            ),
        ),
        (
            as_user("empty"),
            with(
                &served,
                json!({"status": 502, "code": "upstream_truncated", "upstream_status": 200, "prompt_tokens": null,
            "completion_tokens": null, "usage_source": "none", "finish_reason": null}),
            ),
        ),
        (
            as_user("broken"),
            with(
                &served,
                json!({"status": 502, "code": "upstream_error", "attempts": 2, "upstream_status": 500,
            "usage_source": "none", "first_token_seconds": null}),
            ),
        ),
        (
            as_user("rejected"),
            with(
                &served,
                json!({"status": 400, "code": "upstream_rejected", "upstream_status": 400}),
            ),
        ),
        (
            as_user("cut").stream(),
            with(
                &served,
                json!({"status": 200, "code": "stream_interrupted", "usage_source": "estimated",
            "completion_tokens": 2, "finish_reason": null}),
            ),
        ),
        (
            as_user("silent"),
            with(
                &served,
                json!({"status": 504, "code": "upstream_plain_timeout", "upstream_status": null}),
            ),
        ),
        (
            stage.client().chat("nobody"),
            with(&refused, json!({"status": 404, "code": "unknown_model"})),
        ),
        (
            stage.chat().body("{"),
            with(
                &refused,
                json!({"status": 400, "code": "invalid_request", "bytes_in": 1}),
            ),
        ),
        (
            stage.chat().header("content-type", "text/plain"),
            with(&refused, json!({"status": 415, "bytes_in": 0})),
        ),
        (
            stage.chat().token("wrong"),
            with(
                &nobody,
                json!({"status": 401, "code": "invalid_token", "path": "chat/completions"}),
            ),
        ),
        (
            stage.client().host("evil.example").chat("m"),
            with(&nobody, json!({"status": 421, "code": "host_denied"})),
        ),
        (
            stage.client().get("/v1/models"),
            with(
                &refused,
                json!({"status": 200, "code": "ok", "path": "models", "method": "GET"}),
            ),
        ),
        (
            stage.client().get("/nowhere"),
            with(
                &refused,
                json!({"status": 404, "code": "unknown_path", "path": null}),
            ),
        ),
        (
            stage.client().method("BREW", "/v1/models"),
            with(&refused, json!({"status": 405, "method": null})),
        ),
    ]
}

#[tokio::test]
async fn every_way_out_leaves_one_line_with_every_field() {
    let stage = Stage::with(script(), |builder| {
        builder.set("routes.chat.timeouts.plain", "300ms")
    })
    .await;
    let mut keys = BTreeSet::new();
    for (request, expected) in ways(&stage) {
        let (reply, line) = stage.tell(&request).await;
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&line[key], value, "{key} of {line}");
        }
        let object = line.as_object().expect("an object");
        assert!(ALWAYS.iter().all(|key| object.contains_key(*key)), "{line}");
        keys.insert(object.keys().cloned().collect::<Vec<_>>());
        assert_eq!(line["bytes_out"], reply.body.len(), "{line}");
        let duration = line["duration_seconds"].as_f64().expect("a number");
        // The line is written after the client has its last byte.
        let most = reply.took().as_secs_f64() + 0.1;
        assert!(duration > 0.0 && duration <= most, "{duration} of {most}");
        if line["route"] == "chat" && line["attempts"] != 0 {
            assert!(
                line["bytes_in"].as_u64() > Some(50) && line["queue_seconds"].is_number(),
                "{line}"
            );
        }
    }
    assert_eq!(keys.len(), 1, "each line has the same keys: {keys:?}");
    assert_eq!(stage.gateway.access_lines().len(), ways(&stage).len());
    stage.end().await;
}

#[tokio::test]
async fn times_are_those_that_passed() {
    let slow = sse::chat(3).wait_before_token(1, std::time::Duration::from_millis(200));
    let stage = Stage::start(slow).await;

    let (reply, line) = stage.tell(&stage.chat().stream()).await;

    let first = line["first_token_seconds"].as_f64().expect("a number");
    let whole = line["duration_seconds"].as_f64().expect("a number");
    let seen = reply.first_token_after().expect("a token").as_secs_f64();
    assert!(
        (0.2..=seen).contains(&first),
        "{first}, the client saw {seen}"
    );
    assert!(first <= whole, "{first} {whole}");
    let ts = line["ts"].as_str().expect("a time");
    assert!(
        ts.len() == 24 && ts.starts_with("20") && ts.ends_with('Z'),
        "{ts}"
    );
    stage.end().await;
}
