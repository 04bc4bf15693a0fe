//! The events of each path as its servers write them. The upstream's canary stands in the first one.

use serde_json::{json, Value};

use super::{canary, Part};

/// An event whose data is no JSON.
pub const BROKEN_JSON: &str = "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"cont\n\n";

/// An upstream's error as an event of its stream; `event` names it where the path does.
pub fn error_event(event: Option<&str>, code: &str) -> String {
    let message = format!("the upstream broke down {}", canary::UPSTREAM_BODY);
    let error =
        json!({"error": {"message": message, "type": "server_error", "param": null, "code": code}});
    match event {
        Some(name) => named(name, &error),
        None => data(&error),
    }
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn named(event: &str, value: &Value) -> String {
    format!("event: {event}\ndata: {value}\n\n")
}

/// A typed event: its name is in the data as well.
fn typed(kind: &str, mut value: Value) -> String {
    value["type"] = json!(kind);
    named(kind, &value)
}

fn token(name: &str, n: usize) -> String {
    format!("{name}{n} ")
}

pub(super) fn chat(tokens: usize, name: &str) -> Vec<(Part, String)> {
    let event = |choices: Value, usage: Value| {
        data(
            &json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                     "model": "the-upstreams-own-name", "system_fingerprint": canary::UPSTREAM_BODY,
                     "choices": choices, "usage": usage}),
        )
    };
    let delta = |delta: Value, finish: Value| {
        event(
            json!([{"index": 0, "delta": delta, "finish_reason": finish}]),
            Value::Null,
        )
    };
    let opening = (
        Part::Opening,
        delta(json!({"role": "assistant", "content": ""}), Value::Null),
    );
    let content = |n| {
        (
            Part::Token(n),
            delta(json!({"content": token(name, n)}), Value::Null),
        )
    };
    let usage =
        json!({"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens});
    let end = [
        (Part::Finish, delta(json!({}), json!("stop"))),
        (Part::Usage, event(json!([]), usage)),
        (Part::Done, "data: [DONE]\n\n".to_string()),
    ];
    std::iter::once(opening)
        .chain((1..=tokens).map(content))
        .chain(end)
        .collect()
}

pub(super) fn completions(tokens: usize, name: &str) -> Vec<(Part, String)> {
    let event = |choices: Value, usage: Value| {
        data(
            &json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "the-upstreams-own-name",
                     "system_fingerprint": canary::UPSTREAM_BODY, "choices": choices, "usage": usage}),
        )
    };
    let text = |text: &str, finish: Value| {
        event(
            json!([{"index": 0, "text": text, "finish_reason": finish}]),
            Value::Null,
        )
    };
    let content = |n| (Part::Token(n), text(&token(name, n), Value::Null));
    let usage =
        json!({"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens});
    let end = [
        (Part::Finish, text("", json!("stop"))),
        (Part::Usage, event(json!([]), usage)),
        (Part::Done, "data: [DONE]\n\n".to_string()),
    ];
    (1..=tokens).map(content).chain(end).collect()
}

pub(super) fn responses(tokens: usize, name: &str) -> Vec<(Part, String)> {
    let response = |status: &str, usage: Value| {
        json!({"id": "resp_1", "object": "response", "status": status, "model": "the-upstreams-own-name",
               "metadata": {"secret": canary::UPSTREAM_BODY}, "output": [], "usage": usage})
    };
    let opening = ["response.created", "response.in_progress"].map(|kind| {
        let value = json!({"response": response("in_progress", Value::Null)});
        (Part::Opening, typed(kind, value))
    });
    let content = |n| {
        let value = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": token(name, n)});
        (Part::Token(n), typed("response.output_text.delta", value))
    };
    let usage = json!({"input_tokens": 7, "output_tokens": tokens, "total_tokens": 7 + tokens});
    let done = typed(
        "response.completed",
        json!({"response": response("completed", usage)}),
    );
    opening
        .into_iter()
        .chain((1..=tokens).map(content))
        .chain([(Part::Done, done)])
        .collect()
}

pub(super) fn messages(tokens: usize, name: &str) -> Vec<(Part, String)> {
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "the-upstreams-own-name",
                         "metadata": canary::UPSTREAM_BODY, "content": [], "stop_reason": null,
                         "usage": {"input_tokens": 7, "output_tokens": 1}});
    let block = json!({"index": 0, "content_block": {"type": "text", "text": ""}});
    let opening = [
        (
            Part::Opening,
            typed("message_start", json!({"message": message})),
        ),
        (Part::Other, typed("content_block_start", block)),
        (Part::Other, typed("ping", json!({}))),
    ];
    let content = |n| {
        let value = json!({"index": 0, "delta": {"type": "text_delta", "text": token(name, n)}});
        (Part::Token(n), typed("content_block_delta", value))
    };
    let delta = json!({"delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": tokens}});
    let end = [
        (
            Part::Other,
            typed("content_block_stop", json!({"index": 0})),
        ),
        (Part::Finish, typed("message_delta", delta)),
        (Part::Done, typed("message_stop", json!({}))),
    ];
    opening
        .into_iter()
        .chain((1..=tokens).map(content))
        .chain(end)
        .collect()
}
