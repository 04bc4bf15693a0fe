//! What a stand-in answers: decided whole, before a byte of it is sent.

use std::time::Duration;

use serde_json::{json, Value};

use super::lesson::{behaviour, Behaviour, LESSONS};
use super::speech::Speech;
use super::{plain, streamed};
use crate::route::{match_target, Api, Endpoint};

/// One of the two upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandIn {
    First,
    Second,
}

impl StandIn {
    pub fn name(self) -> &'static str {
        match self {
            StandIn::First => "first",
            StandIn::Second => "second",
        }
    }
}

/// An answer, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Whole { status: u16, body: Value },
    Stream(Stream),
}

/// Events and the pauses before them.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    pub beats: Vec<Beat>,
    /// The connection ends after the last event, and the answer doesn't.
    pub is_cut: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    pub pause: Duration,
    /// As it goes out, its empty line included.
    pub event: String,
}

/// What is asked of a stand-in, as far as it listens.
pub struct Ask {
    pub api: Api,
    pub model: String,
    pub wants_usage: bool,
    /// How many words the prompt has: one counts as one token.
    pub prompt: usize,
    pub speech: Speech,
}

/// Answers a request; a stand-in never fails but by its lesson.
pub fn answer(stand_in: StandIn, method: &str, target: &[u8], body: &[u8]) -> Answer {
    match match_target(method, target) {
        Endpoint::Api { api, .. } => call(stand_in, api, body),
        Endpoint::Models => whole(models()),
        Endpoint::Model(_)
        | Endpoint::Preflight
        | Endpoint::NotFound
        | Endpoint::MethodNotAllowed { .. }
        | Endpoint::NotOrigin => nothing_there(),
    }
}

fn call(stand_in: StandIn, api: Api, body: &[u8]) -> Answer {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return refusal(400, "BadRequestError", "the body is no JSON");
    };
    let model = body
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let behaviour = behaviour(model, stand_in == StandIn::First);
    match behaviour {
        Behaviour::IsOverloaded => {
            let busy = "The engine is currently busy. Please try again later.";
            return refusal(503, "Service Unavailable", busy);
        }
        // What must never reach a client: a path, a host, a key.
        Behaviour::Breaks => {
            let trace = "Traceback: /srv/models/secret-finetune/engine.py line 7, worker gpu-12.internal, key sk-demo-not-a-key";
            return refusal(500, "InternalServerError", trace);
        }
        Behaviour::Speaks | Behaviour::SpeaksLate | Behaviour::Cuts => {}
    }
    let ask = Ask::read(stand_in, api, model, &body);
    let is_stream = api.can_stream() && body.get("stream") == Some(&Value::Bool(true));
    match is_stream {
        true => Answer::Stream(streamed::stream(&ask, behaviour)),
        false => plain::plain(&ask, &body).map_or_else(nothing_there, whole),
    }
}

impl Ask {
    fn read(stand_in: StandIn, api: Api, model: &str, body: &Value) -> Ask {
        let limit = ["max_completion_tokens", "max_tokens", "max_output_tokens"]
            .iter()
            .find_map(|key| body.get(key).and_then(Value::as_u64));
        let prompt = ["messages", "prompt", "input"]
            .iter()
            .find_map(|key| body.get(key));
        Ask {
            api,
            model: model.to_owned(),
            wants_usage: body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true)),
            prompt: prompt.map_or(0, words),
            speech: match wants_json(body) {
                true => Speech::of_json(stand_in.name(), limit),
                false => Speech::of(stand_in.name(), limit),
            },
        }
    }

    /// Chat's and completions' names; `responses` and `messages` have others.
    pub fn usage(&self) -> Value {
        let completion = self.speech.tokens();
        json!({"prompt_tokens": self.prompt, "completion_tokens": completion, "total_tokens": self.prompt + completion})
    }

    pub fn new_usage(&self) -> Value {
        let output = self.speech.tokens();
        json!({"input_tokens": self.prompt, "output_tokens": output, "total_tokens": self.prompt + output})
    }

    pub fn finish_reason(&self) -> &'static str {
        match self.speech.is_cut_short {
            true => "length",
            false => "stop",
        }
    }

    pub fn stop_reason(&self) -> &'static str {
        match self.speech.is_cut_short {
            true => "max_tokens",
            false => "end_turn",
        }
    }

    /// The object of `responses` as it is in the end.
    pub fn response(&self) -> Value {
        let status = match self.speech.is_cut_short {
            true => "incomplete",
            false => "completed",
        };
        let details = self
            .speech
            .is_cut_short
            .then(|| json!({"reason": "max_output_tokens"}));
        json!({"id": "resp_demo", "object": "response", "created_at": 0, "status": status, "model": self.model,
               "incomplete_details": details, "error": null, "output": [self.output_item(status)],
               "usage": self.new_usage()})
    }

    pub fn output_item(&self, status: &str) -> Value {
        let part = json!({"type": "output_text", "text": self.speech.text(), "annotations": []});
        json!({"type": "message", "id": "msg_demo", "role": "assistant", "status": status, "content": [part]})
    }
}

/// As chat, responses and messages say it.
fn wants_json(body: &Value) -> bool {
    let places = [
        "/response_format/type",
        "/text/format/type",
        "/output_format/type",
    ];
    let mut kinds = places.iter().filter_map(|place| body.pointer(place));
    kinds.any(|kind| kind == "json_object" || kind == "json_schema")
}

fn models() -> Value {
    let model =
        |model: &str| json!({"id": model, "object": "model", "created": 0, "owned_by": "stand-in"});
    let data: Vec<Value> = LESSONS.iter().map(|lesson| model(lesson.model)).collect();
    json!({"object": "list", "data": data})
}

fn nothing_there() -> Answer {
    refusal(404, "NotFoundError", "Not Found")
}

/// The words of every text in `value`, whatever its shape.
fn words(value: &Value) -> usize {
    match value {
        Value::String(text) => text.split_whitespace().count(),
        Value::Array(items) => items.iter().map(words).sum(),
        Value::Object(fields) => ["content", "text"]
            .iter()
            .filter_map(|key| fields.get(*key))
            .map(words)
            .sum(),
        Value::Number(_) => 1,
        Value::Null | Value::Bool(_) => 0,
    }
}

fn whole(body: Value) -> Answer {
    Answer::Whole { status: 200, body }
}

/// As vLLM writes its refusals.
fn refusal(status: u16, kind: &str, message: &str) -> Answer {
    let error = json!({"message": message, "type": kind, "param": null, "code": status});
    Answer::Whole {
        status,
        body: json!({ "error": error }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(stand_in: StandIn, path: &str, body: Value) -> (u16, Value) {
        match answer(
            stand_in,
            "POST",
            path.as_bytes(),
            body.to_string().as_bytes(),
        ) {
            Answer::Whole { status, body } => (status, body),
            Answer::Stream(_) => panic!("a stream"),
        }
    }

    #[test]
    fn each_stand_in_says_who_it_is() {
        let body = json!({"model": "demo", "messages": [{"role": "user", "content": "one two"}]});
        let (status, first) = ask(StandIn::First, "/v1/chat/completions", body.clone());
        assert_eq!(status, 200);
        let text = |answer: &Value| answer["choices"][0]["message"]["content"].to_string();
        assert!(text(&first).contains("the first stand-in"));
        assert_eq!(first["usage"]["prompt_tokens"], 2);
        let (_, second) = ask(StandIn::Second, "/v1/chat/completions", body);
        assert!(text(&second).contains("the second stand-in"));
    }

    #[test]
    fn the_overloaded_one_is_the_first() {
        let body = json!({"model": "demo-503", "messages": []});
        let (first, _) = ask(StandIn::First, "/v1/chat/completions", body.clone());
        let (second, _) = ask(StandIn::Second, "/v1/chat/completions", body);
        assert_eq!((first, second), (503, 200));
    }

    #[test]
    fn a_limit_ends_the_answer_on_every_path() {
        let told = |path, body: Value, place| {
            let (_, answer) = ask(StandIn::First, path, body);
            answer
                .pointer(place)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let limit = json!({"model": "demo", "max_tokens": 2});
        let chat = told(
            "/v1/chat/completions",
            limit.clone(),
            "/choices/0/finish_reason",
        );
        assert_eq!(chat.as_deref(), Some("length"));
        let message = told("/v1/messages", limit, "/stop_reason");
        assert_eq!(message.as_deref(), Some("max_tokens"));
        let response = told(
            "/v1/responses",
            json!({"model": "demo", "max_output_tokens": 2}),
            "/status",
        );
        assert_eq!(response.as_deref(), Some("incomplete"));
    }

    #[test]
    fn there_is_one_vector_for_each_input() {
        let vectors = |input: Value| {
            let (_, answer) = ask(
                StandIn::First,
                "/v1/embeddings",
                json!({"model": "demo", "input": input}),
            );
            answer["data"].as_array().unwrap().len()
        };
        assert_eq!(vectors(json!("a")), 1);
        assert_eq!(vectors(json!(["a", "b"])), 2);
        assert_eq!(vectors(json!([1, 2, 3])), 1);
    }

    #[test]
    fn what_it_does_not_have_is_not_found() {
        let (status, _) = ask(StandIn::First, "/v1/rerank", json!({"model": "demo"}));
        assert_eq!(status, 404);
        let nowhere = answer(StandIn::First, "GET", b"/", b"");
        assert!(matches!(nowhere, Answer::Whole { status: 404, .. }));
        let listed = answer(StandIn::First, "GET", b"/v1/models", b"");
        assert!(
            matches!(listed, Answer::Whole { status: 200, body } if body["data"][0]["id"] == "demo")
        );
    }
}
