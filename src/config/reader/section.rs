//! One mapping of the file, read by its key table.

use super::found::Typed;
use super::open::below;
use super::{Found, Reader};
use crate::config::error::Place;
use crate::config::file::{self, Entry, Node};
use crate::config::kind::{Fallback, Key, Table};
use crate::config::parse::{parse, Parsed};

/// A mapping that has been opened: unknown and repeated keys are reported already.
pub struct Section<'a> {
    pub reader: &'a Reader,
    /// Dotted; empty for the file as a whole.
    pub path: String,
    /// Where it stands, or where it would.
    pub place: Place,
    pub(super) table: &'static Table,
    pub(super) entries: &'a [Entry],
    /// It is no mapping at all: that its keys are missing needs no saying.
    pub(super) broken: bool,
}

impl<'a> Section<'a> {
    /// The path of a key in here.
    pub fn path_of(&self, name: &str) -> String {
        below(&self.path, name)
    }

    /// Whether it is something else than a mapping, which is reported already.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    pub fn has(&self, name: &str) -> bool {
        self.node(name).is_some()
    }

    /// Where a key's value stands, or where it would.
    pub fn place_of(&self, name: &str) -> Place {
        self.node(name)
            .map_or(&self.place, |node| &node.place)
            .clone()
    }

    /// A mistake about a key in here.
    pub fn mistake(&self, name: &str, place: &Place, text: impl Into<String>) {
        self.reader.mistake(place, &self.path_of(name), text);
    }

    /// A warning about a key in here.
    pub fn warn(&self, name: &str, place: &Place, text: impl Into<String>) {
        self.reader.warn(place, &self.path_of(name), text);
    }

    /// A key that is required or has a fixed default.
    pub fn get<T: Typed>(&self, name: &'static str) -> Found<T> {
        match self.key(name).map(|key| (key, key.fallback)) {
            Some((key, _)) if self.has(name) => self.written(key),
            Some((key, Fallback::Value(text))) => self.read(key, &file::literal(text)),
            Some((_, Fallback::Required)) => self.missing(name),
            // The tables and the checker disagree: that must not go unnoticed.
            Some((_, Fallback::Absent | Fallback::Depends(_))) | None => {
                self.reader.mistake(
                    &self.place,
                    &self.path_of(name),
                    "has no default in the key tables",
                );
                self.stand_in()
            }
        }
    }

    /// A key whose default is said elsewhere, with the reason for it.
    pub fn get_or<T: Typed>(&self, name: &'static str, default: &str, why: &str) -> Found<T> {
        match self.key(name) {
            Some(key) if self.has(name) => self.written(key),
            Some(key) => {
                let mut node = file::literal(default);
                node.place = Place::Default((!why.is_empty()).then(|| why.to_string()));
                self.read(key, &node)
            }
            None => self.stand_in(),
        }
    }

    /// What holds where a key isn't written, for one with a fixed default.
    pub fn usual<T: Typed>(&self, name: &'static str) -> Option<T> {
        let key = self.key(name)?;
        let Fallback::Value(text) = key.fallback else {
            return None;
        };
        let parsed = parse(&key.kind, &file::literal(text), self.reader.home.as_deref()).ok()?;
        T::from_parsed(parsed)
    }

    /// A key that takes another's value where it isn't written.
    pub fn inherit<T: Typed + Clone>(&self, name: &'static str, from: &Found<T>) -> Found<T> {
        match self.key(name) {
            Some(key) if self.has(name) => self.written(key),
            _ => {
                self.reader
                    .explain(&self.path_of(name), &from.printed, &from.place);
                from.clone()
            }
        }
    }

    /// A key of which there may be none.
    pub fn optional<T: Typed>(&self, name: &'static str) -> Option<Found<T>> {
        match self.key(name) {
            Some(key) if self.has(name) => Some(self.written(key)),
            _ => {
                self.explain_none(name);
                None
            }
        }
    }

    /// Says that something isn't there, for `check --explain`.
    pub fn explain_none(&self, name: &str) {
        self.reader
            .explain(&self.path_of(name), "none", &Place::Default(None));
    }

    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        let key = self.table.key(name);
        if key.is_none() {
            self.reader
                .mistake(&self.place, &self.path_of(name), "is in no key table");
        }
        key
    }

    /// What stands under a key, unread.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    pub(super) fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    fn written<T: Typed>(&self, key: &'static Key) -> Found<T> {
        match self.node(key.name) {
            Some(node) => self.read(key, node),
            None => self.stand_in(),
        }
    }

    fn read<T: Typed>(&self, key: &'static Key, node: &Node) -> Found<T> {
        let path = self.path_of(key.name);
        let parsed: Parsed = match parse(&key.kind, node, self.reader.home.as_deref()) {
            Ok(parsed) => parsed,
            Err(problems) => {
                self.reader.problems(&path, problems);
                return self.stand_in();
            }
        };
        let printed = parsed.to_string();
        let Some(value) = T::from_parsed(parsed) else {
            self.reader.mistake(
                &node.place,
                &path,
                "is read as another kind than the key tables say",
            );
            return self.stand_in();
        };
        self.reader.explain(&path, &printed, &node.place);
        Found {
            value,
            place: node.place.clone(),
            printed,
            sound: true,
        }
    }

    fn missing<T: Typed>(&self, name: &'static str) -> Found<T> {
        if let (Some(key), false) = (self.key(name), self.broken) {
            let text = format!("is missing (accepted: {})", key.kind.accepts());
            self.reader.mistake(&self.place, &self.path_of(name), text);
        }
        self.stand_in()
    }

    fn stand_in<T: Typed>(&self) -> Found<T> {
        Found {
            value: T::stand_in(),
            place: self.place.clone(),
            printed: String::new(),
            sound: false,
        }
    }
}
