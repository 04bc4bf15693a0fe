//! All four APIs that have a model speak are judged alike, in one piece and held as a stream.

use super::*;
use crate::support::Client;

/// A path's request, and its answer that says a text.
pub struct Api {
    pub request: fn(&Client) -> Request,
    pub plain: fn(&str) -> Value,
    stream: fn(&str) -> String,
}

pub const APIS: [Api; 4] = [
    Api {
        request: |client| client.chat("m"),
        plain: plain::chat_body,
        stream: |text| saying(&[&text[..3], &text[3..]]).text(),
    },
    Api {
        request: |client| client.completions("m"),
        plain: plain::completion_body,
        stream: completions,
    },
    Api {
        request: |client| client.responses("m"),
        plain: plain::response_body,
        stream: responses,
    },
    Api {
        request: |client| client.messages("m"),
        plain: plain::message_body,
        stream: messages,
    },
];

fn data(value: Value) -> String {
    format!("data: {value}\n\n")
}

fn named(kind: &str, mut value: Value) -> String {
    value["type"] = json!(kind);
    format!("event: {kind}\ndata: {value}\n\n")
}

fn completions(text: &str) -> String {
    let event = |text: &str, finish: Value| {
        data(
            json!({"id": "cmpl-1", "object": "text_completion", "created": 1,
                    "choices": [{"index": 0, "text": text, "finish_reason": finish}]}),
        )
    };
    let (first, rest) = text.split_at(3);
    event(first, Value::Null)
        + &event(rest, Value::Null)
        + &event("", json!("stop"))
        + "data: [DONE]\n\n"
}

fn responses(text: &str) -> String {
    let delta = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": text});
    named("response.output_text.delta", delta)
        + &named(
            "response.completed",
            json!({"response": plain::response_body(text)}),
        )
}

fn messages(text: &str) -> String {
    let (first, rest) = text.split_at(3);
    let delta = |text: &str| {
        named(
            "content_block_delta",
            json!({"index": 0, "delta": {"type": "text_delta", "text": text}}),
        )
    };
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": []});
    let block = json!({"index": 0, "content_block": {"type": "text", "text": ""}});
    let end = json!({"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}});
    named("message_start", json!({"message": message}))
        + &named("content_block_start", block)
        + &delta(first)
        + &delta(rest)
        + &named("content_block_stop", json!({"index": 0}))
        + &named("message_delta", end)
        + &named("message_stop", json!({}))
}

fn streamed(text: String) -> Answer {
    sse::empty().and(text).answer()
}

async fn held(script: impl Into<Script>) -> Stage {
    stage_with(ADDRESSED, script, |builder| {
        builder
            .set("routes.chat.commit", "whole")
            .set("retry.max", 1)
    })
    .await
}

#[tokio::test]
async fn plain_answers_are_tried_again_and_refused() {
    let stage = held(Answer::new()).await;
    for api in &APIS {
        let request = || of_skill((api.request)(&stage.client()), "mail");
        let answer = |text| plain::json(&(api.plain)(text));
        let seen = stage.upstream.requests().len();

        stage.upstream.play(
            Script::new()
                .nth(seen + 1, answer(MISFIT))
                .otherwise(answer(FITTING)),
        );
        let (reply, line) = stage.tell(&request()).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, FITTING),
            "{reply:?}"
        );
        assert_eq!(told(&line).0, 2, "{line}");

        stage.upstream.play(answer(MISFIT));
        expect_misfit(&request().send().await, "/content/to", "required");
    }
    stage.end().await;
}

#[tokio::test]
async fn held_streams_are_tried_again_and_refused() {
    let stage = held(Answer::new()).await;
    for api in &APIS {
        let request = || of_skill((api.request)(&stage.client()), "mail").stream();
        let answer = |text| streamed((api.stream)(text));
        let seen = stage.upstream.requests().len();

        stage.upstream.play(
            Script::new()
                .nth(seen + 1, answer(MISFIT))
                .otherwise(answer(FITTING)),
        );
        let (reply, line) = stage.tell(&request()).await;
        assert_eq!((reply.status, reply.is_whole()), (200, true), "{reply:?}");
        assert_eq!(reply.text(), FITTING, "{reply:?}");
        assert_eq!((told(&line).0, told(&line).1), (2, Some(true)), "{line}");

        stage.upstream.play(answer(MISFIT));
        expect_misfit(&request().send().await, "/content/to", "required");
    }
    stage.end().await;
}
