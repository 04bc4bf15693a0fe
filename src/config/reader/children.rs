//! Sections below a section: single ones, named ones, lists of them.

use super::open::{below, entries_of, report_repeated};
use super::Section;
use crate::config::error::{plain, shown};
use crate::config::file::{Entry, Node, Value};
use crate::config::keys;
use crate::config::kind::{Fallback, Key, Kind, Table};
use crate::config::rules;

impl<'a> Section<'a> {
    /// A section; an empty one where it isn't written.
    pub fn section(&self, name: &'static str) -> Section<'a> {
        let path = self.path_of(name);
        let Some(Kind::Section(table)) = self.key(name).map(|key| key.kind) else {
            return Section::open(self.reader, &keys::NOTHING, path, &self.place, None);
        };
        let place = self.entry(name).map_or(&self.place, |entry| &entry.place);
        Section::open(self.reader, table, path, place, self.node(name))
    }

    /// A section of which there may be none.
    pub fn optional_section(&self, name: &'static str) -> Option<Section<'a>> {
        if !self.has(name) {
            self.explain_none(name);
            return None;
        }
        Some(self.section(name))
    }

    /// The sections below a key that holds names chosen by the operator.
    pub fn named(&self, name: &'static str) -> Vec<(&'a str, Section<'a>)> {
        let Some((key, table)) = self.key_with_table(name) else {
            return Vec::new();
        };
        let path = self.path_of(name);
        let (entries, broken) = entries_of(self.reader, &key.kind, &path, self.node(name));
        if entries.is_empty() && !broken && matches!(key.fallback, Fallback::Required) {
            self.report_none(key);
        }
        report_repeated(self.reader, &path, entries);
        let mut sections = Vec::with_capacity(entries.len());
        for entry in entries {
            // Its name was a secret.
            if matches!(entry.value.value, Value::Withheld) {
                continue;
            }
            let path = below(&path, &plain(&entry.name));
            self.check_name(&path, entry);
            let node = Some(&entry.value);
            let section = Section::open(self.reader, table, path, &entry.place, node);
            sections.push((entry.name.as_str(), section));
        }
        sections
    }

    /// The sections of a list, of which there must be one.
    pub fn items(&self, name: &'static str) -> Vec<Section<'a>> {
        let Some((key, table)) = self.key_with_table(name) else {
            return Vec::new();
        };
        let items = self.list(key);
        let path = self.path_of(name);
        let open = |(index, item): (usize, &'a Node)| {
            let path = format!("{path}[{index}]");
            Section::open(self.reader, table, path, &item.place, Some(item))
        };
        items.iter().enumerate().map(open).collect()
    }

    fn list(&self, key: &Key) -> &'a [Node] {
        let node = self.node(key.name);
        match node.map(|node| (node, &node.value)) {
            Some((_, Value::Withheld)) => &[],
            Some((_, Value::List(items))) if !items.is_empty() => items,
            Some((_, Value::List(_) | Value::Null)) | None => {
                self.report_none(key);
                &[]
            }
            Some((node, _)) => {
                let accepts = key.kind.accepts();
                let text = format!("{} is no list (accepted: {accepts})", node.described());
                self.mistake(key.name, &node.place, text);
                &[]
            }
        }
    }

    fn key_with_table(&self, name: &'static str) -> Option<(&'static Key, &'static Table)> {
        let key = self.key(name)?;
        key.kind.table().map(|table| (key, table))
    }

    fn report_none(&self, key: &Key) {
        if self.broken {
            return;
        }
        let state = match self.has(key.name) {
            true => "is empty",
            false => "is missing",
        };
        let text = format!("{state} (accepted: {})", key.kind.accepts());
        self.mistake(key.name, &self.place_of(key.name), text);
    }

    fn check_name(&self, path: &str, entry: &Entry) {
        if let Err(refusal) = rules::check_name(&entry.name) {
            let text = format!(
                "{} {} (accepted: {})",
                shown(&entry.name),
                refusal.why,
                rules::NAME_ACCEPTS
            );
            self.reader.mistake(&entry.place, path, text);
        }
    }
}
