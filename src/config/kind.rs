//! What a key may hold, as data: the checker reads by it and the schema describes it.

use super::error::Refusal;
use super::{duration, size};
use std::time::Duration;

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Flag,
    /// A whole number within these bounds.
    Count(u64, u64),
    Duration(Duration, Duration),
    /// In bytes.
    Size(u64, u64),
    Text(&'static Rule),
    /// A file: absolute, or below `~/`.
    Path,
    /// A folder: like a file, or `~` itself.
    Folder,
    Address,
    Url,
    /// One of these words.
    Choice(fn() -> Vec<&'static str>),
    /// A word that stands for "none of it", or a value.
    Or(&'static str, &'static Kind),
    List(&'static Kind),
    Section(&'static Table),
    /// Sections by names that the operator chooses.
    Named(&'static Table),
    /// A list of sections.
    Items(&'static Table),
}

/// What a text must look like.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Brings the text to its one form.
    pub read: fn(&str) -> Result<String, Refusal>,
    /// Reads well after "accepted: ".
    pub accepts: &'static str,
    pub pattern: &'static str,
}

/// The keys of one mapping.
#[derive(Debug)]
pub struct Table {
    /// Reads well after "is no key of ".
    pub title: &'static str,
    pub keys: &'static [Key],
}

#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    /// Whole sentences, for editors.
    pub doc: &'static str,
}

/// What holds where a key isn't written.
#[derive(Debug, Clone, Copy)]
pub enum Fallback {
    Required,
    /// Then there is none of it.
    Absent,
    /// As it would be written.
    Value(&'static str),
    /// It depends; this says how, and reads well after "Default: ".
    Depends(&'static str),
}

impl Key {
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
        Key::new(name, kind, Fallback::Required, doc)
    }

    pub const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Key {
        Key::new(name, kind, Fallback::Absent, doc)
    }

    pub const fn or(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Key {
        Key::new(name, kind, Fallback::Value(default), doc)
    }

    pub const fn depends(
        name: &'static str,
        kind: Kind,
        on: &'static str,
        doc: &'static str,
    ) -> Key {
        Key::new(name, kind, Fallback::Depends(on), doc)
    }

    pub const fn new(name: &'static str, kind: Kind, fallback: Fallback, doc: &'static str) -> Key {
        Key {
            name,
            kind,
            fallback,
            doc,
        }
    }
}

impl Table {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }
}

impl Kind {
    /// The table below this kind, for the three that have one.
    pub fn table(&self) -> Option<&'static Table> {
        match self {
            Kind::Section(table) | Kind::Named(table) | Kind::Items(table) => Some(table),
            _ => None,
        }
    }

    /// One such value is "no …" otherwise.
    pub fn noun(&self) -> &'static str {
        match self {
            Kind::Flag => "truth value",
            Kind::Count(..) => "whole number",
            Kind::Duration(..) => "duration",
            Kind::Size(..) => "size",
            Kind::Text(_) => "text",
            Kind::Path => "path",
            Kind::Folder => "folder",
            Kind::Address => "address with a port",
            Kind::Url => "URL",
            Kind::Choice(_) => "word",
            Kind::Or(_, kind) => kind.noun(),
            Kind::List(_) | Kind::Items(_) => "list",
            Kind::Section(_) | Kind::Named(_) => "mapping of keys",
        }
    }

    /// Reads well after "accepted: ".
    pub fn accepts(&self) -> String {
        match self {
            Kind::Flag => "`true` or `false`".to_string(),
            Kind::Count(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Duration(least, most) => format!(
                "a duration with units such as `250ms`, `2s` or `9m30s`, from {} to {}",
                duration::print(*least),
                duration::print(*most)
            ),
            Kind::Size(least, most) => format!(
                "a size with a unit such as `64KiB` or `8MiB`, from {} to {}",
                size::print(*least),
                size::print(*most)
            ),
            Kind::Text(rule) => rule.accepts.to_string(),
            Kind::Path => "a path that begins with `/` or `~/`".to_string(),
            Kind::Folder => "a path that begins with `/` or `~/`, or `~`".to_string(),
            Kind::Address => "an IP address with a port, such as `127.0.0.1:8787`".to_string(),
            Kind::Url => "a URL such as `http://127.0.0.1:8000/v1`".to_string(),
            Kind::Choice(words) => one_of(&words()),
            Kind::Or(word, kind) => format!("`{word}`, or {}", kind.accepts()),
            Kind::List(kind) => format!("a list such as `[a, b]`, each item {}", kind.accepts()),
            Kind::Section(table) => format!("a mapping with {}", keys(table)),
            Kind::Named(table) => format!("names of your choice, each with {}", keys(table)),
            Kind::Items(table) => format!("a list, each item with {}", keys(table)),
        }
    }
}

/// What a mapping needs, and what it may have.
fn keys(table: &Table) -> String {
    let (needed, others): (Vec<&Key>, Vec<&Key>) = table
        .keys
        .iter()
        .partition(|key| matches!(key.fallback, Fallback::Required));
    match (needed.as_slice(), others.as_slice()) {
        ([], others) => format!("any of {}", comma(others)),
        (needed, []) => comma(needed),
        (needed, others) => format!("at least {} (also: {})", comma(needed), comma(others)),
    }
}

fn comma(keys: &[&Key]) -> String {
    keys.iter()
        .map(|key| key.name)
        .collect::<Vec<_>>()
        .join(", ")
}

fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}
