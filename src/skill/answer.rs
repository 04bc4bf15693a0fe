//! The gate out: whether a whole answer is what its skill accepts.
//!
//! | what is looked at | held against |
//! |---|---|
//! | the text of each choice or message that calls no tool | the manifest's `response`; and that it is JSON, where that or the request's `response_format` says so |
//! | each call's name | the manifest's `tools` |
//! | each call's arguments | the manifest's schema for that tool; and that they are a JSON object |
//!
//! A schema that a client sends along is the upstream's to keep: the gateway compiles only what its operator wrote. A refusal
//! of the model is no answer of the wrong form, and passes.

mod chat;
mod listener;
mod messages;
mod responses;

use super::manifest::Manifest;
use super::strict::{self, Unread};
use super::violation::{rule, Violation};
use serde_json::{json, Value};
use std::sync::Arc;

pub use listener::Listener;

/// The shape of an answer, by the API that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Chat,
    Completions,
    Responses,
    Messages,
}

/// What a request says that the text of its answer will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Text,
    /// A JSON object.
    Object,
    /// Any JSON.
    Json,
}

/// What a model said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub turns: Vec<Turn>,
}

/// One choice, or one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    pub text: String,
    pub calls: Vec<Call>,
    /// The model says that it won't.
    pub is_refusal: bool,
}

/// A tool that the model calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    /// Tells calls of one place apart, while they come in pieces.
    pub id: String,
    pub arguments: String,
    /// The arguments are free text by the tool's own nature.
    pub is_free: bool,
}

impl Answer {
    /// What the model said, for the restricted log.
    pub fn to_json(&self) -> Vec<u8> {
        let call = |call: &Call| json!({"name": call.name, "arguments": call.arguments});
        let turn = |turn: &Turn| {
            let calls: Vec<Value> = turn.calls.iter().map(call).collect();
            json!({"content": turn.text, "tool_calls": calls})
        };
        let turns: Vec<Value> = self.turns.iter().map(turn).collect();
        Value::Array(turns).to_string().into_bytes()
    }
}

/// What is wrong with an answer, if anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Fits,
    Breaks {
        at: Where,
        violation: Violation,
    },
    /// It should be JSON.
    NotJson(Where),
}

/// The part of an answer that a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    Content,
    /// The arguments of a call; none for a tool that the manifest doesn't name.
    Arguments(Option<Arc<str>>),
}

/// Whether the same request would get the same bytes again, so that a second try is in vain.
///
/// llama.cpp takes -1, and the same as 32 bits, for a seed of its own choice.
pub fn would_repeat(temperature: Option<f64>, seed: Option<i64>) -> bool {
    let is_fixed = seed.is_some_and(|seed| seed >= 0 && seed != i64::from(u32::MAX));
    is_fixed && temperature == Some(0.0)
}

/// Judges a whole answer; none is one that couldn't be read.
pub fn judge(manifest: &Manifest, claim: Claim, answer: Option<&Answer>) -> Verdict {
    let wants_json = manifest.response.content.is_some() || claim != Claim::Text;
    let says_of_calls = manifest.tools.is_some() || !manifest.response.tools.is_empty();
    if answer.is_none() && says_of_calls {
        return Verdict::NotJson(Where::Content);
    }
    let turns = answer
        .map(|answer| answer.turns.as_slice())
        .unwrap_or_default();
    if turns.is_empty() && wants_json {
        return Verdict::NotJson(Where::Content);
    }
    for turn in turns {
        for call in &turn.calls {
            if let Err(verdict) = judge_call(manifest, call) {
                return verdict;
            }
        }
        let is_told = turn.calls.is_empty() && !turn.is_refusal;
        if is_told && wants_json {
            if let Err(verdict) = judge_text(manifest, claim, &turn.text) {
                return verdict;
            }
        }
    }
    Verdict::Fits
}

fn judge_text(manifest: &Manifest, claim: Claim, text: &str) -> Result<(), Verdict> {
    let read = parsed(text, Where::Content)?;
    let breaks = |violation| Verdict::Breaks {
        at: Where::Content,
        violation,
    };
    if claim == Claim::Object && !read.value.is_object() {
        return Err(breaks(Violation::new("type", [])));
    }
    match &manifest.response.content {
        Some(schema) => schema.check_at_once(&read).map_err(breaks),
        None => Ok(()),
    }
}

fn judge_call(manifest: &Manifest, call: &Call) -> Result<(), Verdict> {
    let listed = manifest.tools.as_ref();
    let known = listed.and_then(|tools| tools.get(call.name.as_str()));
    let schema = manifest.response.tools.get_key_value(call.name.as_str());
    let name = known.or(schema.map(|(name, _)| name)).cloned();
    let at = Where::Arguments(name);
    let breaks = |rule| Verdict::Breaks {
        at: at.clone(),
        violation: Violation::new(rule, []),
    };
    if listed.is_some() && known.is_none() {
        return Err(breaks(rule::TOOLS));
    }
    // Free text meets no schema of arguments.
    if call.is_free {
        return schema.map_or(Ok(()), |_| Err(breaks("type")));
    }
    let read = parsed(&call.arguments, at.clone())?;
    let Value::Object(_) = read.value else {
        return Err(breaks("type"));
    };
    match schema {
        Some((_, schema)) => schema
            .check_at_once(&read)
            .map_err(|violation| Verdict::Breaks { at, violation }),
        None => Ok(()),
    }
}

fn parsed(text: &str, at: Where) -> Result<strict::Read, Verdict> {
    strict::read(text.as_bytes()).map_err(|unread| match unread {
        Unread::NotJson => Verdict::NotJson(at),
        Unread::RepeatedKey | Unread::TooDeep | Unread::TooLarge => Verdict::Breaks {
            at,
            violation: unread.violation(),
        },
    })
}

/// The text of a member, if it is one.
fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a member, if it is a list.
fn items_of<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The turn at a place that an event names. One far out is another's: no real answer has so many.
fn turn_at(turns: &mut Vec<Turn>, index: usize) -> Option<&mut Turn> {
    const TURNS: usize = 128;
    if index >= TURNS {
        return None;
    }
    if turns.len() <= index {
        turns.resize_with(index + 1, Turn::default);
    }
    turns.get_mut(index)
}

#[cfg(test)]
mod tests;
