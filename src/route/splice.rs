//! Changes a body in place: the model's name, the limit, the wish for usage, and nothing else.
//!
//! Every other byte stays as the client wrote it. New members go to the front; the result is valid JSON
//! without duplicate keys because [`peek()`](super::peek()) has seen that the original is.

use bytes::Bytes;

use super::keys::Key;
use super::limit::{Asked, Limit};
use super::peek::{Peek, Usage};
use crate::config::MaxTokensField;
use crate::json::Span;

mod patch;

use patch::{Patches, Value};

const OPTIONS: &str = r#"{"include_usage":true}"#;
const FLAG: &str = r#""include_usage":true"#;
const FLAG_BEFORE_OTHERS: &str = r#""include_usage":true,"#;

/// What is to change on the way to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edits<'a> {
    /// The name that the target goes by; none leaves the client's.
    pub model: Option<&'a str>,
    /// Most tokens an answer may have: clamps what is asked for, and is filled in where nothing is.
    pub max_tokens: Option<u64>,
    /// Where a missing limit goes for chat.
    pub fill_field: MaxTokensField,
    /// Ask a stream for its usage, where the API has to be asked.
    pub ask_usage: bool,
    /// Leave out `service_tier`.
    pub drop_service_tier: bool,
}

impl Edits<'_> {
    /// Changes nothing.
    pub const NONE: Edits<'static> = Edits {
        model: None,
        max_tokens: None,
        fill_field: MaxTokensField::MaxTokens,
        ask_usage: false,
        drop_service_tier: false,
    };
}

/// The body with its edits; the very same one when nothing changes, else one copy of the right size.
///
/// `peek` must be the look at this very body.
pub fn splice(body: &Bytes, peek: &Peek, edits: &Edits<'_>) -> Bytes {
    debug_assert_eq!(body.len(), peek.body_bytes, "the peek is of another body");
    plan(peek, edits).apply(body)
}

fn plan<'a>(peek: &Peek, edits: &Edits<'a>) -> Patches<'a> {
    let mut patches = Patches::new(peek.places.front, peek.places.members);
    if let Some(place) = peek.places.service_tier.filter(|_| edits.drop_service_tier) {
        patches.remove_member(place);
    }
    name_model(&mut patches, peek, edits);
    limit(&mut patches, peek, edits);
    ask_usage(&mut patches, peek, edits);
    patches
}

fn name_model<'a>(patches: &mut Patches<'a>, peek: &Peek, edits: &Edits<'a>) {
    let is_new = |&name: &&str| peek.model.as_deref() != Some(name);
    let Some(name) = edits.model.filter(is_new) else {
        return;
    };
    match peek.places.model {
        Some(place) => patches.replace(place, Value::Text(name)),
        None => patches.insert_member(Key::Model, Value::Text(name)),
    }
}

fn limit(patches: &mut Patches<'_>, peek: &Peek, edits: &Edits<'_>) {
    let Some(most) = edits.max_tokens else {
        return;
    };
    // Where one of the fields counts there is nothing to fill.
    let fill = peek
        .api
        .fill_key(edits.fill_field)
        .filter(|_| peek.asked_limit().is_none());
    for limit in peek.limits.iter().flatten() {
        if let Some(value) = limited(*limit, most, fill, peek) {
            patches.replace(limit.value, value);
        }
    }
    if let Some(own) = peek.n_predict {
        let is_within =
            own.asked == Asked::Nothing || own.tokens().is_some_and(|asked| asked <= most);
        if !is_within {
            patches.replace(own.value, Value::Number(most));
        }
    }
    let is_missing = |key: &Key| peek.limits.iter().flatten().all(|limit| limit.key != *key);
    if let Some(key) = fill.filter(is_missing) {
        patches.insert_member(key, Value::Number(most));
    }
}

fn ask_usage(patches: &mut Patches<'_>, peek: &Peek, edits: &Edits<'_>) {
    if !(edits.ask_usage && peek.stream && peek.api.asks_for_usage()) {
        return;
    }
    match peek.places.usage {
        Usage::Asked => {}
        Usage::NoOptions => patches.insert_member(Key::StreamOptions, Value::Json(OPTIONS)),
        Usage::NullOptions(place) => patches.replace(place, Value::Json(OPTIONS)),
        Usage::Declined(place) => patches.replace(place, Value::Json("true")),
        Usage::NoFlag { front, empty: true } => {
            patches.replace(Span::empty(front), Value::Json(FLAG))
        }
        Usage::NoFlag {
            front,
            empty: false,
        } => {
            patches.replace(Span::empty(front), Value::Json(FLAG_BEFORE_OTHERS));
        }
    }
}

/// What a limit field is replaced by, if anything.
///
/// A value that doesn't count becomes the limit where the field is the one to fill, or the API's only one;
/// beside a field that counts, or where another is to be filled, it becomes null: servers that refuse two
/// limits accept that. A null stays where nothing is filled.
fn limited(limit: Limit, most: u64, fill: Option<Key>, peek: &Peek) -> Option<Value<'static>> {
    let is_fill = fill == Some(limit.key);
    let is_only = peek.api.limit_keys().len() == 1;
    match limit.asked {
        Asked::Tokens(tokens) => (tokens > most).then_some(Value::Number(most)),
        Asked::Nothing => is_fill.then_some(Value::Number(most)),
        Asked::Unusable if is_fill || is_only => Some(Value::Number(most)),
        Asked::Unusable => Some(Value::Json("null")),
    }
}

#[cfg(test)]
mod tests;
