//! A stand-in's answer in one piece, on each path.

use serde_json::{json, Value};

use super::answer::Ask;
use crate::route::Api;

/// None where stand-ins have no such thing.
pub fn plain(ask: &Ask, body: &Value) -> Option<Value> {
    let (model, text) = (&ask.model, ask.speech.text());
    Some(match ask.api {
        Api::Chat => {
            let message = json!({"role": "assistant", "content": text});
            let choice =
                json!({"index": 0, "message": message, "finish_reason": ask.finish_reason()});
            json!({"id": "chatcmpl-demo", "object": "chat.completion", "created": 0, "model": model,
                   "choices": [choice], "usage": ask.usage()})
        }
        Api::Completions => {
            let choice = json!({"index": 0, "text": text, "finish_reason": ask.finish_reason()});
            json!({"id": "cmpl-demo", "object": "text_completion", "created": 0, "model": model,
                   "choices": [choice], "usage": ask.usage()})
        }
        Api::Responses => ask.response(),
        Api::Messages => {
            let content = json!([{"type": "text", "text": text}]);
            json!({"id": "msg_demo", "type": "message", "role": "assistant", "model": model, "content": content,
                   "stop_reason": ask.stop_reason(), "stop_sequence": null, "usage": ask.new_usage()})
        }
        Api::CountTokens => json!({"input_tokens": ask.prompt}),
        Api::Embeddings => embeddings(ask, body),
        Api::Rerank | Api::Score => return None,
    })
}

/// A short vector for each input, made of its length: the same text gets the same one.
fn embeddings(ask: &Ask, body: &Value) -> Value {
    let input = body.get("input").cloned().unwrap_or_default();
    let texts = match &input {
        Value::Array(items) if items.iter().all(|item| !item.is_number()) => items.clone(),
        one => vec![one.clone()],
    };
    let vector = |text: &Value| {
        let length = text.to_string().len() as f64;
        json!([
            length.sin(),
            length.cos(),
            (length / 2.0).sin(),
            (length / 2.0).cos()
        ])
    };
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text)}))
        .collect();
    let usage = json!({"prompt_tokens": ask.prompt, "total_tokens": ask.prompt});
    json!({"object": "list", "model": ask.model, "data": data, "usage": usage})
}
