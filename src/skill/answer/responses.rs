//! What a model says in `responses`: items, each a message or a call.

use super::{items_of, text_of, Call, Turn};
use serde_json::Value;

#[derive(Debug, Default)]
pub struct Responses {
    /// Of the last event that has them all; what it says holds.
    last: Vec<Value>,
    /// As they were finished one by one, for servers whose last event repeats nothing.
    done: Vec<Value>,
}

impl Responses {
    pub fn plain(&mut self, body: &Value) {
        self.last = items_of(body, "output").cloned().collect();
    }

    pub fn event(&mut self, event: &Value) {
        match text_of(event, "type") {
            "response.completed" | "response.incomplete" | "response.failed" => {
                let response = event.get("response").unwrap_or(&Value::Null);
                self.plain(response);
            }
            "response.output_item.done" => self.done.extend(event.get("item").cloned()),
            _ => {}
        }
    }

    pub fn finish(self) -> Vec<Turn> {
        let items = if self.last.is_empty() {
            self.done
        } else {
            self.last
        };
        turns(&items)
    }
}

/// All calls and the messages around them are one turn; several messages without calls are one each. What a model
/// remarks on the way (`phase: commentary`) is no answer.
fn turns(items: &[Value]) -> Vec<Turn> {
    let calls: Vec<Call> = items.iter().filter_map(call).collect();
    let is_answer = |item: &&Value| {
        text_of(item, "type") == "message" && text_of(item, "phase") != "commentary"
    };
    let mut turns: Vec<Turn> = items.iter().filter(is_answer).map(message).collect();
    if !calls.is_empty() {
        turns = vec![Turn {
            calls,
            ..Turn::default()
        }];
    }
    turns
}

fn message(item: &Value) -> Turn {
    let mut turn = Turn::default();
    for part in items_of(item, "content") {
        turn.text.push_str(text_of(part, "text"));
        turn.is_refusal |= text_of(part, "type") == "refusal";
    }
    turn
}

fn call(item: &Value) -> Option<Call> {
    let is_free = match text_of(item, "type") {
        "function_call" => false,
        "custom_tool_call" => true,
        // Calls of the server's own tools are answered there.
        _ => return None,
    };
    Some(Call {
        name: text_of(item, "name").to_owned(),
        id: text_of(item, "call_id").to_owned(),
        arguments: text_of(item, "arguments").to_owned(),
        is_free,
    })
}
