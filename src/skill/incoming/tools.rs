//! Which tools a request offers to the model, in all the ways that the APIs have for it.
//!
//! | where | whose name counts |
//! |---|---|
//! | `tools[]` of type `function` or `custom`, or of none | `name`, `function.name`, `custom.name`: each that is there |
//! | `tools[]` of any other type, which the server runs itself | its names, and the type unless it is a name's with a version behind |
//! | `functions[]` | `name` |
//! | `tool_choice`, `function_call` | every `name` in it, and every type that is no word of the API |
//! | keys that switch a server's own tools on, such as `web_search_options` | the key |
//! | `prompt` with an object, which stands for a prompt that the server keeps, tools and all | the key |
//!
//! What can't be read that way is refused: a tool that hides from here could be one that a server finds.

use crate::json::Kind;
use crate::skill::violation::{rule, Step, Violation};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

type Names = BTreeSet<Arc<str>>;

/// Keys of hosted providers that give the model a tool without naming one.
const SWITCHES: [&str; 5] = [
    "web_search_options",
    "mcp_servers",
    "plugins",
    "search_parameters",
    "data_sources",
];

/// A text or texts in one API, in another the name of what the server keeps.
const STORED: &str = "prompt";

const LISTS: [&str; 2] = ["tools", "functions"];

const CHOICES: [&str; 2] = ["tool_choice", "function_call"];

/// Choices that name no tool.
const CHOICE_WORDS: [&str; 8] = [
    "auto",
    "none",
    "required",
    "any",
    "function",
    "tool",
    "custom",
    "allowed_tools",
];

/// Whether a member at the top of a body has to do with tools, for a server that ignores case as well.
pub fn is_watched(key: &str, kind: Kind) -> bool {
    let known = watched(&folded(key));
    // A prompt may be very long, and is only looked at where it is none.
    known.is_some_and(|known| known != STORED || kind == Kind::Object)
}

/// Checks one member at the top of a body.
pub fn check(allowed: &Names, key: &str, value: &Value) -> Result<(), Violation> {
    let Some(known) = watched(&folded(key)) else {
        return Ok(());
    };
    if known != key {
        return Err(Violation::new(rule::TOOLS, [Step::Other]));
    }
    let outcome = if LISTS.contains(&known) {
        list(allowed, value)
    } else if CHOICES.contains(&known) {
        choice(allowed, value)
    } else if known == STORED && !value.is_object() {
        Ok(())
    } else {
        switch(allowed, known, value)
    };
    outcome.map_err(|violation| violation.below([Step::Key(known)]))
}

fn watched(key: &str) -> Option<&'static str> {
    let all = LISTS
        .iter()
        .chain(&CHOICES)
        .chain(&SWITCHES)
        .chain([&STORED]);
    all.copied().find(|known| *known == key)
}

/// Go's `encoding/json` matches keys without regard to case, and folds these two letters to ASCII.
fn folded(key: &str) -> String {
    key.replace('\u{17f}', "s")
        .replace('\u{212a}', "k")
        .to_ascii_lowercase()
}

fn refuse(steps: impl IntoIterator<Item = Step>) -> Violation {
    Violation::new(rule::TOOLS, steps)
}

fn list(allowed: &Names, value: &Value) -> Result<(), Violation> {
    match value {
        Value::Null => Ok(()),
        Value::Array(tools) => {
            for (index, one) in tools.iter().enumerate() {
                tool(allowed, one).map_err(|violation| violation.below([Step::Index(index)]))?;
            }
            Ok(())
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Err(refuse([])),
    }
}

/// Keys below those that mean something to a server, in one case only.
const NESTED: [&str; 5] = ["name", "type", "function", "custom", "tools"];

/// Whether an object has a key that only a server which ignores case takes for one of these.
fn is_disguised(value: &Value) -> bool {
    let Value::Object(members) = value else {
        return false;
    };
    members.keys().any(|key| {
        let known = folded(key);
        known != *key && NESTED.contains(&known.as_str())
    })
}

fn tool(allowed: &Names, value: &Value) -> Result<(), Violation> {
    let inside = ["function", "custom"]
        .iter()
        .filter_map(|key| value.get(key));
    if std::iter::once(value).chain(inside).any(is_disguised) {
        return Err(refuse([Step::Other]));
    }
    let names = names(allowed, value)?;
    if let Some(nested) = value.get("tools") {
        list(allowed, nested).map_err(|violation| violation.below([Step::Key("tools")]))?;
    }
    let kind = match value.get("type") {
        None | Some(Value::Null) => None,
        Some(Value::String(kind)) => Some(kind.as_str()),
        Some(_) => return Err(refuse([Step::Key("type")])),
    };
    let fits = match kind {
        None | Some("function" | "custom") => !names.is_empty(),
        Some(kind) => allowed.contains(kind) || names.iter().any(|name| is_version(kind, name)),
    };
    if fits {
        return Ok(());
    }
    Err(refuse([Step::Key(if kind.is_none() {
        "name"
    } else {
        "type"
    })]))
}

/// The names that a tool has, all of them allowed.
fn names<'v>(allowed: &Names, tool: &'v Value) -> Result<Vec<&'v str>, Violation> {
    let places: [&[&'static str]; 3] = [&["name"], &["function", "name"], &["custom", "name"]];
    let mut names = Vec::new();
    for place in places {
        let found = place.iter().try_fold(tool, |value, key| value.get(key));
        match found {
            None => {}
            Some(Value::String(name)) if allowed.contains(name.as_str()) => {
                names.push(name.as_str())
            }
            Some(_) => return Err(refuse(place.iter().map(|key| Step::Key(key)))),
        }
    }
    Ok(names)
}

/// `bash_20250124` is Anthropic's `bash`.
fn is_version(kind: &str, name: &str) -> bool {
    let behind = kind.strip_prefix(name);
    behind.is_some_and(|behind| {
        let version = behind.strip_prefix('_').unwrap_or(behind);
        version.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn choice(allowed: &Names, value: &Value) -> Result<(), Violation> {
    match value {
        Value::Null => Ok(()),
        Value::String(word) => is_choice(allowed, word),
        Value::Object(_) => every_name(allowed, value),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => Err(refuse([])),
    }
}

fn is_choice(allowed: &Names, word: &str) -> Result<(), Violation> {
    if CHOICE_WORDS.contains(&word) || allowed.contains(word) {
        return Ok(());
    }
    Err(refuse([]))
}

fn every_name(allowed: &Names, value: &Value) -> Result<(), Violation> {
    if is_disguised(value) {
        return Err(refuse([Step::Other]));
    }
    match value {
        Value::Object(members) => {
            for (key, below) in members {
                match (key.as_str(), below) {
                    ("name", Value::String(name)) if allowed.contains(name.as_str()) => {}
                    ("name", _) => return Err(refuse([])),
                    ("type", Value::String(word)) => is_choice(allowed, word)?,
                    ("type", _) => return Err(refuse([])),
                    (_, below) => every_name(allowed, below)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| every_name(allowed, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn switch(allowed: &Names, key: &str, value: &Value) -> Result<(), Violation> {
    let is_off = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        // `web_search_options: {}` switches the search on.
        Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Object(_) => false,
    };
    if is_off || allowed.contains(key) {
        return Ok(());
    }
    Err(refuse([]))
}
