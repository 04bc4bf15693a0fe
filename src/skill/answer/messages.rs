//! What a model says in `messages`: blocks, each a text or a call.

use super::{items_of, text_of, Call, Turn};
use serde_json::Value;
use std::collections::BTreeMap;

/// Blocks of one answer; a place further out is no real one.
const BLOCKS: u64 = 4096;

#[derive(Debug, Default)]
pub struct Messages {
    blocks: BTreeMap<u64, Block>,
    is_refusal: bool,
    /// A message has begun.
    begun: bool,
    /// There was more of it than is kept.
    is_lost: bool,
}

#[derive(Debug)]
enum Block {
    Text(String),
    Call(Call),
    /// Thoughts, and calls that the server answers itself.
    Other,
}

impl Messages {
    pub fn plain(&mut self, body: &Value) {
        self.begun = body.get("content").is_some();
        self.is_refusal = text_of(body, "stop_reason") == "refusal";
        for (place, block) in (0..).zip(items_of(body, "content")) {
            self.begin(place, block);
        }
    }

    pub fn event(&mut self, event: &Value) {
        let place = event
            .get("index")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let delta = event.get("delta").unwrap_or(&Value::Null);
        match text_of(event, "type") {
            "message_start" => self.begun = true,
            "content_block_start" => {
                let block = event.get("content_block").unwrap_or(&Value::Null);
                self.begin(place, block);
            }
            "content_block_delta" => {
                if let Some(block) = self.blocks.get_mut(&place) {
                    block.hear(delta);
                }
            }
            "message_delta" => self.is_refusal |= text_of(delta, "stop_reason") == "refusal",
            _ => {}
        }
    }

    fn begin(&mut self, place: u64, block: &Value) {
        if place < BLOCKS {
            self.blocks.insert(place, Block::of(block));
        } else {
            self.is_lost = true;
        }
    }

    /// None where something of it was not kept.
    pub fn finish(self) -> Option<Vec<Turn>> {
        if self.is_lost {
            return None;
        }
        if !self.begun {
            return Some(Vec::new());
        }
        let mut turn = Turn {
            is_refusal: self.is_refusal,
            ..Turn::default()
        };
        for block in self.blocks.into_values() {
            match block {
                Block::Text(text) => turn.text.push_str(&text),
                Block::Call(mut call) => {
                    // A call without arguments sends no piece of them.
                    if call.arguments.is_empty() {
                        call.arguments.push_str("{}");
                    }
                    turn.calls.push(call);
                }
                Block::Other => {}
            }
        }
        Some(vec![turn])
    }
}

impl Block {
    fn of(block: &Value) -> Block {
        match text_of(block, "type") {
            "text" => Block::Text(text_of(block, "text").to_owned()),
            "tool_use" => Block::Call(Call {
                name: text_of(block, "name").to_owned(),
                id: text_of(block, "id").to_owned(),
                arguments: arguments(block.get("input")),
                is_free: false,
            }),
            _ => Block::Other,
        }
    }

    fn hear(&mut self, delta: &Value) {
        match self {
            Block::Text(text) => text.push_str(text_of(delta, "text")),
            Block::Call(call) => call.arguments.push_str(text_of(delta, "partial_json")),
            Block::Other => {}
        }
    }
}

/// A stream begins with an empty object, and the pieces follow.
fn arguments(input: Option<&Value>) -> String {
    match input {
        Some(Value::Object(members)) if members.is_empty() => String::new(),
        Some(input) => input.to_string(),
        None => String::new(),
    }
}
