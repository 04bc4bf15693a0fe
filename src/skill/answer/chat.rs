//! What a model says in `chat/completions` and `completions`, plain and streamed: the pieces have the same names.

use super::{items_of, text_of, turn_at, Call, Turn};
use serde_json::Value;

#[derive(Debug, Default)]
pub struct Chat {
    turns: Vec<Turn>,
    /// There was more of it than is kept.
    is_lost: bool,
}

impl Chat {
    pub fn plain(&mut self, body: &Value) {
        self.choices(body, "message");
    }

    pub fn event(&mut self, event: &Value) {
        self.choices(event, "delta");
    }

    /// None where something of it was not kept.
    pub fn finish(self) -> Option<Vec<Turn>> {
        (!self.is_lost).then_some(self.turns)
    }

    fn choices(&mut self, body: &Value, said: &str) {
        for (position, choice) in items_of(body, "choices").enumerate() {
            let Some(turn) = turn_at(&mut self.turns, index_of(choice, position)) else {
                self.is_lost = true;
                continue;
            };
            turn.text.push_str(text_of(choice, "text"));
            if let Some(said) = choice.get(said) {
                self.is_lost |= !hear(turn, said);
            }
        }
    }
}

fn index_of(value: &Value, otherwise: usize) -> usize {
    let index = value.get("index").and_then(Value::as_u64);
    index.map_or(otherwise, |index| {
        usize::try_from(index).unwrap_or(usize::MAX)
    })
}

/// Whether all of it was kept.
fn hear(turn: &mut Turn, said: &Value) -> bool {
    let mut is_kept = true;
    turn.text.push_str(text_of(said, "content"));
    // Some servers give the content in parts, as requests may.
    for part in items_of(said, "content") {
        turn.text.push_str(text_of(part, "text"));
    }
    turn.is_refusal |= !text_of(said, "refusal").is_empty();
    for (position, call) in items_of(said, "tool_calls").enumerate() {
        is_kept &= hear_call(turn, call, index_of(call, position));
    }
    // The older way: one call, without a place of its own.
    if let Some(function) = said.get("function_call").filter(|call| call.is_object()) {
        match call_at(turn, 0, "") {
            Some(call) => hear_function(call, function),
            None => is_kept = false,
        }
    }
    is_kept
}

fn hear_call(turn: &mut Turn, piece: &Value, index: usize) -> bool {
    let Some(call) = call_at(turn, index, text_of(piece, "id")) else {
        return false;
    };
    if let Some(function) = piece.get("function") {
        hear_function(call, function);
    }
    if let Some(custom) = piece.get("custom") {
        call.is_free = true;
        hear_function(call, custom);
    }
    true
}

fn hear_function(call: &mut Call, function: &Value) {
    call.name.push_str(text_of(function, "name"));
    match function.get("arguments") {
        Some(Value::String(piece)) => call.arguments.push_str(piece),
        // Some servers have the arguments as the object itself.
        Some(whole @ Value::Object(_)) => call.arguments.push_str(&whole.to_string()),
        _ => {}
    }
}

/// The call at a place. Servers that don't count send every call to the first place, each with an id of its own.
fn call_at<'t>(turn: &'t mut Turn, index: usize, id: &str) -> Option<&'t mut Call> {
    const CALLS: usize = 1024;
    if index >= CALLS || turn.calls.len() >= CALLS {
        return None;
    }
    if turn.calls.len() <= index {
        turn.calls.resize_with(index + 1, Call::default);
    }
    let known = turn
        .calls
        .get(index)
        .map(|call| call.id.clone())
        .unwrap_or_default();
    let at = match (known.as_str(), id) {
        (_, "") => index,
        ("", _) => index,
        (known, id) if known == id => index,
        _ => match turn.calls.iter().position(|call| call.id == id) {
            Some(at) => at,
            None => {
                turn.calls.push(Call::default());
                turn.calls.len() - 1
            }
        },
    };
    let call = turn.calls.get_mut(at)?;
    if !id.is_empty() {
        call.id = id.to_owned();
    }
    Some(call)
}
