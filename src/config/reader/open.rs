//! Opening a mapping: is it one, and are its keys known and written once?

use super::{Reader, Section};
use crate::config::error::{listed, plain, shown, Place};
use crate::config::file::{Entry, Node, Value};
use crate::config::keys;
use crate::config::kind::{Kind, Table};
use crate::config::near::{did_you_mean, nearest};
use std::collections::HashMap;

impl<'a> Section<'a> {
    /// Opens the whole file.
    pub fn root(reader: &'a Reader, node: &'a Node) -> Section<'a> {
        let place = match &node.place {
            Place::File { name, .. } => Place::WholeFile(name.clone()),
            place => place.clone(),
        };
        Section::open(reader, &keys::FILE, String::new(), &place, Some(node))
    }

    /// Opens a mapping of another file, which `place` is told of where a key is missing.
    pub fn of(
        reader: &'a Reader,
        table: &'static Table,
        path: &str,
        place: &Place,
        node: &'a Node,
    ) -> Section<'a> {
        Section::open(reader, table, path.to_string(), place, Some(node))
    }

    pub(super) fn open(
        reader: &'a Reader,
        table: &'static Table,
        path: String,
        place: &Place,
        node: Option<&'a Node>,
    ) -> Section<'a> {
        let kind = Kind::Section(table);
        let (entries, broken) = entries_of(reader, &kind, &path, node);
        let section = Section {
            reader,
            path,
            place: place.clone(),
            table,
            entries,
            broken,
        };
        report_repeated(reader, &section.path, entries);
        section.report_unknown();
        section
    }

    fn report_unknown(&self) {
        for entry in self.entries {
            let withheld = matches!(entry.value.value, Value::Withheld);
            if self.table.key(&entry.name).is_none() && !withheld {
                let path = below(&self.path, &plain(&entry.name));
                self.reader
                    .mistake(&entry.place, &path, unknown(&entry.name, self.table));
            }
        }
    }
}

/// The keys of a mapping, and whether it is broken: something else than a mapping, and reported.
pub fn entries_of<'a>(
    reader: &Reader,
    kind: &Kind,
    path: &str,
    node: Option<&'a Node>,
) -> (&'a [Entry], bool) {
    let Some(node) = node else {
        return (&[], false);
    };
    match &node.value {
        Value::Map(entries) => (entries, false),
        Value::Null => (&[], false),
        Value::Withheld => (&[], true),
        _ => {
            let text = format!(
                "{} is no {} (accepted: {})",
                node.described(),
                kind.noun(),
                kind.accepts()
            );
            reader.mistake(&node.place, path, text);
            (&[], true)
        }
    }
}

pub fn report_repeated(reader: &Reader, path: &str, entries: &[Entry]) {
    let mut first: HashMap<&str, &Place> = HashMap::new();
    for entry in entries {
        match first.get(entry.name.as_str()) {
            Some(place) => {
                let text = format!("{} is written twice; first at {place}", shown(&entry.name));
                reader.mistake(&entry.place, &below(path, &plain(&entry.name)), text);
            }
            None => {
                first.insert(&entry.name, &entry.place);
            }
        }
    }
}

fn unknown(name: &str, table: &Table) -> String {
    let mut hint = did_you_mean(name, table.names());
    if hint.is_empty() {
        hint = elsewhere(name);
    }
    format!(
        "{} is no key of {}{hint} (known: {})",
        shown(name),
        table.title,
        listed(table.names())
    )
}

/// For a key that was written one level off.
fn elsewhere(name: &str) -> String {
    let owners = keys::owners(name);
    if !owners.is_empty() {
        return format!("; it is a key of {}", owners.join(" and "));
    }
    match nearest(name, keys::all()) {
        Some(near) => format!(
            "; `{near}` is a key of {}",
            keys::owners(near).join(" and ")
        ),
        None => String::new(),
    }
}

/// The path of a name below another path.
pub fn below(path: &str, name: &str) -> String {
    match path {
        "" => name.to_string(),
        path => format!("{path}.{name}"),
    }
}
