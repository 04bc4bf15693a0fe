//! A stand-in's words as a stream of events, on each of the four paths that stream.

use std::time::Duration;

use serde_json::{json, Value};

use super::answer::{Ask, Beat, Stream};
use super::lesson::Behaviour;
use super::speech::{BETWEEN_WORDS, LATE};
use crate::route::Api;

/// What an event is to its stream: decides the pause before it.
enum Part {
    /// Before and after the words; sent at once.
    Frame,
    Word,
}

/// The whole stream, or the beginning of one that will be cut.
pub fn stream(ask: &Ask, behaviour: Behaviour) -> Stream {
    let events = match ask.api {
        Api::Chat => chat(ask),
        Api::Completions => completions(ask),
        Api::Responses => responses(ask),
        Api::Messages => messages(ask),
        // These don't stream: nobody gets here.
        Api::CountTokens | Api::Embeddings | Api::Rerank | Api::Score => Vec::new(),
    };
    let first_word = match behaviour {
        Behaviour::SpeaksLate => LATE,
        _ => BETWEEN_WORDS,
    };
    let is_cut = behaviour == Behaviour::Cuts;
    let kept = match is_cut {
        true => events.len() / 3,
        false => events.len(),
    };
    let mut next_word = first_word;
    let beat = |(part, event)| Beat {
        pause: match part {
            Part::Frame => Duration::ZERO,
            Part::Word => std::mem::replace(&mut next_word, BETWEEN_WORDS),
        },
        event,
    };
    let beats = events.into_iter().take(kept).map(beat).collect();
    Stream { beats, is_cut }
}

fn chat(ask: &Ask) -> Vec<(Part, String)> {
    let chunk = |choices: Value| {
        json!({"id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": 0, "model": ask.model,
               "choices": choices})
    };
    let choice = |delta: Value, finish: Option<&str>| {
        chunk(json!([{"index": 0, "delta": delta, "finish_reason": finish}]))
    };
    let role = choice(json!({"role": "assistant", "content": ""}), None);
    let end = choice(json!({}), Some(ask.finish_reason()));
    let words = ask.speech.words.iter();
    let mut events = vec![(Part::Frame, data(&role))];
    events.extend(words.map(|word| (Part::Word, data(&choice(json!({"content": word}), None)))));
    events.push((Part::Frame, data(&end)));
    events.extend(last_two(ask, chunk(json!([]))));
    events
}

fn completions(ask: &Ask) -> Vec<(Part, String)> {
    let chunk = |choices: Value| {
        json!({"id": "cmpl-demo", "object": "text_completion", "created": 0, "model": ask.model,
               "choices": choices})
    };
    let choice = |text: &str, finish: Option<&str>| {
        chunk(json!([{"index": 0, "text": text, "finish_reason": finish}]))
    };
    let words = ask.speech.words.iter();
    let mut events: Vec<(Part, String)> = words
        .map(|word| (Part::Word, data(&choice(word, None))))
        .collect();
    events.push((Part::Frame, data(&choice("", Some(ask.finish_reason())))));
    events.extend(last_two(ask, chunk(json!([]))));
    events
}

/// The usage, where it was asked for, and the end marker.
fn last_two(ask: &Ask, mut chunk: Value) -> Vec<(Part, String)> {
    let mut events = Vec::new();
    if let (true, Some(fields)) = (ask.wants_usage, chunk.as_object_mut()) {
        fields.insert("usage".to_owned(), ask.usage());
        events.push((Part::Frame, data(&chunk)));
    }
    events.push((Part::Frame, "data: [DONE]\n\n".to_owned()));
    events
}

fn responses(ask: &Ask) -> Vec<(Part, String)> {
    let mut started = ask.response();
    if let Some(fields) = started.as_object_mut() {
        fields.insert("status".to_owned(), "in_progress".into());
        fields.insert("output".to_owned(), json!([]));
        fields.insert("usage".to_owned(), Value::Null);
    }
    let place = json!({"item_id": "msg_demo", "output_index": 0, "content_index": 0});
    let at = |more: Value| merged(&place, more);
    let text = ask.speech.text();
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let end = match ask.speech.is_cut_short {
        true => "response.incomplete",
        false => "response.completed",
    };
    let empty = json!({"type": "message", "id": "msg_demo", "role": "assistant", "status": "in_progress", "content": []});
    let done = ask.output_item("completed");
    let mut parts = vec![
        (
            Part::Frame,
            "response.created",
            json!({"response": started}),
        ),
        (
            Part::Frame,
            "response.output_item.added",
            json!({"output_index": 0, "item": empty}),
        ),
        (
            Part::Frame,
            "response.content_part.added",
            at(json!({"part": part("")})),
        ),
    ];
    for word in &ask.speech.words {
        let delta = at(json!({"delta": word, "logprobs": []}));
        parts.push((Part::Word, "response.output_text.delta", delta));
    }
    let whole = at(json!({"text": text, "logprobs": []}));
    parts.push((Part::Frame, "response.output_text.done", whole));
    parts.push((
        Part::Frame,
        "response.content_part.done",
        at(json!({"part": part(&text)})),
    ));
    parts.push((
        Part::Frame,
        "response.output_item.done",
        json!({"output_index": 0, "item": done}),
    ));
    parts.push((Part::Frame, end, json!({"response": ask.response()})));
    let numbered = parts.into_iter().enumerate();
    numbered
        .map(|(number, (part, kind, fields))| {
            let fields = merged(&fields, json!({"sequence_number": number}));
            (part, typed(kind, fields))
        })
        .collect()
}

fn messages(ask: &Ask) -> Vec<(Part, String)> {
    let message = json!({"id": "msg_demo", "type": "message", "role": "assistant", "model": ask.model, "content": [],
                         "stop_reason": null, "stop_sequence": null,
                         "usage": {"input_tokens": ask.prompt, "output_tokens": 0}});
    let block = json!({"index": 0, "content_block": {"type": "text", "text": ""}});
    let mut events = vec![
        (
            Part::Frame,
            typed("message_start", json!({"message": message})),
        ),
        (Part::Frame, typed("content_block_start", block)),
    ];
    for word in &ask.speech.words {
        let delta = json!({"index": 0, "delta": {"type": "text_delta", "text": word}});
        events.push((Part::Word, typed("content_block_delta", delta)));
    }
    let delta = json!({"delta": {"stop_reason": ask.stop_reason(), "stop_sequence": null},
                       "usage": {"output_tokens": ask.speech.tokens()}});
    events.push((
        Part::Frame,
        typed("content_block_stop", json!({"index": 0})),
    ));
    events.push((Part::Frame, typed("message_delta", delta)));
    events.push((Part::Frame, typed("message_stop", json!({}))));
    events
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// An event with a name, which its data repeats.
fn typed(kind: &str, fields: Value) -> String {
    let value = merged(&json!({ "type": kind }), fields);
    format!("event: {kind}\ndata: {value}\n\n")
}

fn merged(base: &Value, more: Value) -> Value {
    let mut merged = base.clone();
    if let (Some(fields), Value::Object(more)) = (merged.as_object_mut(), more) {
        fields.extend(more);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::super::answer::{answer, Answer, StandIn};
    use super::*;
    use crate::stream::{Dialect, Judge, Ruling, Wishes};

    fn streamed(stand_in: StandIn, path: &str, model: &str) -> Stream {
        let body = json!({"model": model, "stream": true, "messages": [], "max_tokens": 9, "max_output_tokens": 9,
                          "stream_options": {"include_usage": true}});
        let target = format!("/v1/{path}");
        match answer(
            stand_in,
            "POST",
            target.as_bytes(),
            body.to_string().as_bytes(),
        ) {
            Answer::Stream(stream) => stream,
            Answer::Whole { .. } => panic!("no stream"),
        }
    }

    fn judged(dialect: Dialect, stream: &Stream) -> Judge {
        let mut judge = Judge::new(Wishes {
            dialect,
            choices: 1,
            hide_usage: false,
        });
        for beat in &stream.beats {
            assert_eq!(
                judge.event(beat.event.as_bytes()),
                Ruling::Pass,
                "{}",
                beat.event
            );
        }
        judge
    }

    #[test]
    fn the_gateways_own_judge_finds_every_stream_whole() {
        for (path, dialect) in [
            ("chat/completions", Dialect::Chat),
            ("completions", Dialect::Completions),
            ("responses", Dialect::Responses),
            ("messages", Dialect::Messages),
        ] {
            let judge = judged(dialect, &streamed(StandIn::First, path, "demo"));
            assert!(
                judge.is_whole() && judge.is_over() && judge.has_content(),
                "{path}"
            );
            assert_eq!(judge.usage().completion, Some(9), "{path}");
        }
    }

    #[test]
    fn a_cut_stream_has_words_and_no_end() {
        let stream = streamed(StandIn::First, "chat/completions", "demo-cut");
        assert!(stream.is_cut);
        let judge = judged(Dialect::Chat, &stream);
        assert!(judge.has_content() && !judge.is_whole());
        assert!(!streamed(StandIn::Second, "chat/completions", "demo-cut").is_cut);
    }

    #[test]
    fn a_slow_one_is_late_with_its_first_word_alone() {
        let stream = streamed(StandIn::First, "chat/completions", "demo-slow");
        let late = stream.beats.iter().filter(|beat| beat.pause == LATE);
        assert_eq!(late.count(), 1);
        assert!(stream.beats.len() > 9);
    }
}
