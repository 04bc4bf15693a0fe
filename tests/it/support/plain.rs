//! Answers in one piece: good ones, errors as real servers write them, and broken framings.

use serde_json::{json, Value};

use super::canary::{UPSTREAM_BODY, UPSTREAM_HEADER};
use super::script::Answer;
use super::wire::{chunk, LAST_CHUNK};

/// A whole answer with a content-length. `content-type` is JSON unless the headers name one.
pub fn status(code: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
    let length = body.as_ref().len().to_string();
    let headers = [&[("content-length", length.as_str())], headers].concat();
    Answer::new().send([head(code, &headers).as_bytes(), body.as_ref()].concat())
}

/// The bytes of a head. Each carries a header that no client may ever see.
pub fn head(code: u16, headers: &[(&str, &str)]) -> String {
    let mut head = format!(
        "HTTP/1.1 {code} {}\r\nx-upstream-secret: {UPSTREAM_HEADER}\r\n",
        reason(code)
    );
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        head.push_str("content-type: application/json\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn reason(code: u16) -> &'static str {
    match code {
        200 => "OK",
        400 => "Bad Request",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}

pub fn json(body: &Value) -> Answer {
    status(200, &[], body.to_string())
}

/// The same with chunked framing, one chunk.
pub fn json_chunked(body: &Value) -> Answer {
    let head = head(200, &[("transfer-encoding", "chunked")]);
    Answer::new().send(
        [
            head.as_bytes(),
            &chunk(body.to_string().as_bytes()),
            LAST_CHUNK,
        ]
        .concat(),
    )
}

/// Declares the whole length, sends only the first `sent` bytes, then FIN.
pub fn json_cut_short(body: &Value, sent: usize) -> Answer {
    let text = body.to_string();
    let head = head(200, &[("content-length", &text.len().to_string())]);
    Answer::new()
        .send([head.as_bytes(), &text.as_bytes()[..sent]].concat())
        .close_fin()
}

/// A chat completion that says `text`.
pub fn chat(text: &str) -> Answer {
    json(&chat_body(text))
}

pub fn chat_body(text: &str) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "the-upstreams-own-name",
           "system_fingerprint": UPSTREAM_BODY,
           "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
           "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}})
}

pub fn completion_body(text: &str) -> Value {
    json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "the-upstreams-own-name",
           "system_fingerprint": UPSTREAM_BODY,
           "choices": [{"index": 0, "text": text, "finish_reason": "stop"}],
           "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}})
}

pub fn response_body(text: &str) -> Value {
    json!({"id": "resp_1", "object": "response", "status": "completed", "model": "the-upstreams-own-name",
           "metadata": {"secret": UPSTREAM_BODY},
           "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                       "content": [{"type": "output_text", "text": text, "annotations": []}]}],
           "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}})
}

pub fn message_body(text: &str) -> Value {
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "the-upstreams-own-name",
           "metadata": UPSTREAM_BODY, "content": [{"type": "text", "text": text}],
           "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 7, "output_tokens": 5}})
}

pub fn embeddings_body(vectors: usize) -> Value {
    let vector = |i| json!({"object": "embedding", "index": i, "embedding": [0.25, -0.5, 1.0]});
    json!({"object": "list", "model": "the-upstreams-own-name", "data": (0..vectors).map(vector).collect::<Vec<_>>(),
           "usage": {"prompt_tokens": 7, "total_tokens": 7}})
}

/// What `GET /v1/models` says there.
pub fn models(names: &[&str]) -> Answer {
    let model =
        |name: &&str| json!({"id": name, "object": "model", "created": 1, "owned_by": "upstream"});
    json(&json!({"object": "list", "data": names.iter().map(model).collect::<Vec<_>>()}))
}

/// OpenAI's error shape; its message carries a canary.
pub fn error_body(kind: &str, code: Value, message: &str) -> Value {
    json!({"error": {"message": format!("{message} {UPSTREAM_BODY}"), "type": kind, "param": null, "code": code}})
}

pub fn error(status_code: u16, kind: &str, code: &str, message: &str) -> Answer {
    status(
        status_code,
        &[],
        error_body(kind, json!(code), message).to_string(),
    )
}

/// 429 as hosted providers send it; `retry_after` as it stands on the wire.
pub fn rate_limited(retry_after: Option<&str>) -> Answer {
    let headers = retry_after.map(|value| ("retry-after", value));
    let body = error_body(
        "rate_limit_error",
        json!("rate_limit_exceeded"),
        "Rate limit reached for the-model",
    );
    status(429, headers.as_slice(), body.to_string())
}

/// 503 as vLLM 0.32 sends it: no retry-after, the code a number.
pub fn overloaded() -> Answer {
    let body = error_body(
        "Service Unavailable",
        json!(503),
        "The engine is currently busy. Please try again later.",
    );
    status(503, &[], body.to_string())
}

/// 404 as vLLM 0.32 sends it for a name that it doesn't serve.
pub fn model_missing(model: &str) -> Answer {
    let mut body = error_body(
        "NotFoundError",
        json!(404),
        &format!("The model `{model}` does not exist."),
    );
    body["error"]["param"] = json!("model");
    status(404, &[], body.to_string())
}

/// 401 as vLLM 0.32 sends it: the error is a string.
pub fn unauthorized() -> Answer {
    status(
        401,
        &[],
        json!({"error": format!("Unauthorized {UPSTREAM_BODY}")}).to_string(),
    )
}

pub fn context_length_exceeded() -> Answer {
    let message =
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.";
    error(
        400,
        "invalid_request_error",
        "context_length_exceeded",
        message,
    )
}

pub fn content_policy_violation() -> Answer {
    let message = "Your request was rejected as a result of our safety system.";
    error(
        400,
        "invalid_request_error",
        "content_policy_violation",
        message,
    )
}

/// A page of a tunnel or a CDN in front of the provider.
pub fn html(code: u16) -> Answer {
    let page = format!("<!DOCTYPE html><html><body><h1>{code}</h1>{UPSTREAM_BODY}</body></html>");
    status(code, &[("content-type", "text/html; charset=utf-8")], page)
}
