//! From the nodes of a manifest to a JSON Schema: every problem at once, each with its place.

mod values;

use super::compiled::Compiler;
use super::keywords::{self, Takes};
use crate::config::kit::{
    did_you_mean, listed, plain, shown, Entry, Node, Reader, Value as Written,
};
use crate::config::Place;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Schemas within one schema, itself included. A large API's request has some hundred.
const SCHEMAS: usize = 5000;

/// Each key of an object is matched with each of them.
const PATTERNS_OF_ONE_OBJECT: usize = 16;

const ACCEPTS: &str = "a mapping of JSON Schema keywords, `true` or `false`";

/// Reads what stands under a key of a manifest; none when there is a mistake in it, which is reported.
pub fn read(reader: &Reader, compiler: &Compiler, path: &str, node: &Node) -> Option<Value> {
    let mut walk = Walk {
        reader,
        compiler,
        places: HashSet::new(),
        references: Vec::new(),
        schemas: 0,
        sound: true,
    };
    let value = walk.schema(node, path, "#");
    walk.resolve();
    if walk.schemas > SCHEMAS {
        let text = format!("holds more than {SCHEMAS} schemas, which takes too long to check");
        walk.mistake(&node.place, path, text);
    }
    value.filter(|_| walk.sound)
}

struct Walk<'a> {
    reader: &'a Reader,
    compiler: &'a Compiler,
    /// Where schemas stand, as `$ref` names them.
    places: HashSet<String>,
    references: Vec<Reference>,
    schemas: usize,
    sound: bool,
}

struct Reference {
    to: String,
    place: Place,
    path: String,
}

impl Walk<'_> {
    fn mistake(&mut self, place: &Place, path: &str, text: impl Into<String>) {
        self.reader.mistake(place, path, text);
        self.sound = false;
    }

    fn refuse(&mut self, node: &Node, path: &str, why: &str, accepts: &str) {
        let text = format!("{} {why} (accepted: {accepts})", node.described());
        self.mistake(&node.place, path, text);
    }

    /// `here` is the schema's place as a `$ref` would name it.
    fn schema(&mut self, node: &Node, path: &str, here: &str) -> Option<Value> {
        self.schemas += 1;
        self.places.insert(here.to_string());
        match &node.value {
            Written::Flag(flag) => Some(Value::Bool(*flag)),
            Written::Map(entries) => {
                self.report_repeated(entries, path);
                let mut schema = Map::new();
                for entry in entries {
                    if let Some(value) = self.keyword(entry, path, here) {
                        schema.insert(entry.name.clone(), value);
                    }
                }
                Some(Value::Object(schema))
            }
            _ => {
                self.refuse(node, path, "is no JSON Schema", ACCEPTS);
                None
            }
        }
    }

    /// None for a mistake, which is reported, and for words that mean nothing to the check.
    fn keyword(&mut self, entry: &Entry, path: &str, here: &str) -> Option<Value> {
        let name = entry.name.as_str();
        let (path, node) = (format!("{path}.{}", plain(name)), &entry.value);
        let here = || format!("{here}/{}", escaped(name));
        match keywords::takes(name) {
            Some(Takes::Schema) => self.schema(node, &path, &here()),
            Some(Takes::Schemas) => self.schemas(node, &path, &here()),
            Some(Takes::Named) => self.named(node, &path, &here()),
            Some(Takes::Patterned) => self.patterned(node, &path, &here()),
            Some(Takes::Names) => self.names(node, &path),
            Some(Takes::NamesBy) => self.names_by(node, &path),
            Some(Takes::Choices) => self.choices(node, &path),
            Some(Takes::AnyValue) => self.any(node, &path),
            Some(Takes::Number) => self.number(node, &path, false),
            Some(Takes::AboveZero) => self.number(node, &path, true),
            Some(Takes::Count) => self.count(node, &path),
            Some(Takes::Flag) => self.flag(node, &path),
            Some(Takes::Pattern) => self.pattern(node, &path),
            Some(Takes::Format) => self.format(node, &path),
            Some(Takes::Types) => self.types(node, &path),
            Some(Takes::Reference) => self.reference(node, path),
            Some(Takes::Draft) => self.draft(node, &path),
            Some(Takes::Nothing) => None,
            None if name.starts_with("x-") => None,
            None => self.unknown(entry, &path),
        }
    }

    fn unknown(&mut self, entry: &Entry, path: &str) -> Option<Value> {
        let name = &entry.name;
        let text = match keywords::instead(name) {
            Some(advice) => format!("{} is not checked here; {advice}", shown(name)),
            None => format!(
                "{} is no keyword of a schema{} (known: {})",
                shown(name),
                did_you_mean(name, keywords::names()),
                listed(keywords::names())
            ),
        };
        self.mistake(&entry.place, path, text);
        None
    }

    fn schemas(&mut self, node: &Node, path: &str, here: &str) -> Option<Value> {
        let Written::List(items) = &node.value else {
            self.refuse(node, path, "is no list", "a list of schemas");
            return None;
        };
        if items.is_empty() {
            self.refuse(node, path, "is empty", "a list of schemas");
        }
        let read = |(index, item): (usize, &Node)| {
            self.schema(
                item,
                &format!("{path}[{index}]"),
                &format!("{here}/{index}"),
            )
        };
        Some(items.iter().enumerate().filter_map(read).collect())
    }

    fn named(&mut self, node: &Node, path: &str, here: &str) -> Option<Value> {
        let entries = self.entries(node, path)?;
        let mut schemas = Map::new();
        for entry in entries {
            let below = format!("{path}.{}", plain(&entry.name));
            let there = format!("{here}/{}", escaped(&entry.name));
            if let Some(schema) = self.schema(&entry.value, &below, &there) {
                schemas.insert(entry.name.clone(), schema);
            }
        }
        Some(Value::Object(schemas))
    }

    fn patterned(&mut self, node: &Node, path: &str, here: &str) -> Option<Value> {
        let entries = self.entries(node, path)?;
        if entries.len() > PATTERNS_OF_ONE_OBJECT {
            let text = format!("has more than {PATTERNS_OF_ONE_OBJECT} patterns");
            self.mistake(&node.place, path, text);
            return None;
        }
        for entry in entries {
            let below = format!("{path}.{}", plain(&entry.name));
            self.check_pattern(&entry.name, &entry.place, &below);
        }
        self.named(node, path, here)
    }

    /// The entries of a mapping. Repeated ones are reported by whoever reads them first.
    fn entries<'n>(&mut self, node: &'n Node, path: &str) -> Option<&'n [Entry]> {
        match &node.value {
            Written::Map(entries) => {
                self.report_repeated(entries, path);
                Some(entries)
            }
            _ => {
                self.refuse(
                    node,
                    path,
                    "is no mapping",
                    "names of your choice, each with its value",
                );
                None
            }
        }
    }

    fn report_repeated(&mut self, entries: &[Entry], path: &str) {
        let mut names = HashSet::new();
        for entry in entries {
            if !names.insert(entry.name.as_str()) {
                let text = format!("{} is written twice", shown(&entry.name));
                self.mistake(
                    &entry.place,
                    &format!("{path}.{}", plain(&entry.name)),
                    text,
                );
            }
        }
    }

    fn reference(&mut self, node: &Node, path: String) -> Option<Value> {
        const ACCEPTS: &str =
            "a place in this schema, such as `#/$defs/NAME`; nothing is looked up elsewhere";
        let Written::Text(text) = &node.value else {
            self.refuse(node, &path, "is no reference", ACCEPTS);
            return None;
        };
        if !text.starts_with('#') {
            self.refuse(node, &path, "is not in this schema", ACCEPTS);
            return None;
        }
        self.references.push(Reference {
            to: text.clone(),
            place: node.place.clone(),
            path,
        });
        Some(Value::String(text.clone()))
    }

    /// Once all schemas are known.
    fn resolve(&mut self) {
        for reference in std::mem::take(&mut self.references) {
            if !self.places.contains(&reference.to) {
                let mut places: Vec<&str> = self.places.iter().map(String::as_str).collect();
                places.sort_unstable();
                let near = did_you_mean(&reference.to, places);
                let text = format!("{} names no schema in here{near}", shown(&reference.to));
                self.mistake(&reference.place, &reference.path, text);
            }
        }
    }
}

/// RFC 6901, section 3.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
