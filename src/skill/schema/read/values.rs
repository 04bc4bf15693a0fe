//! What stands under keywords that hold no schema.

use super::Walk;
use crate::config::kit::{did_you_mean, listed, shown, Node, Value as Written};
use crate::config::Place;
use crate::skill::schema::keywords::{FORMATS, TYPES};
use serde_json::{Map, Number, Value};

/// A longer pattern is a program.
const PATTERN_BYTES: usize = 1024;

/// Texts are looked up, so there may be many.
const TEXTS_OF_ONE_ENUM: usize = 10_000;

/// Other values are compared one by one.
const OTHERS_OF_ONE_ENUM: usize = 256;

/// Drafts whose keywords mean the same where they are known here.
const DRAFTS: [&str; 3] = ["draft-07", "draft/2019-09", "draft/2020-12"];

impl Walk<'_> {
    pub(super) fn any(&mut self, node: &Node, path: &str) -> Option<Value> {
        match &node.value {
            Written::Null | Written::Withheld => Some(Value::Null),
            Written::Flag(flag) => Some(Value::Bool(*flag)),
            Written::Whole(number) => Some(Value::from(*number)),
            Written::Number => self.number(node, path, false),
            Written::Text(text) => Some(Value::from(text.as_str())),
            Written::List(items) => {
                let read =
                    |(index, item): (usize, &Node)| self.any(item, &format!("{path}[{index}]"));
                Some(items.iter().enumerate().filter_map(read).collect())
            }
            Written::Map(_) => {
                let mut map = Map::new();
                for entry in self.entries(node, path)? {
                    map.insert(entry.name.clone(), self.any(&entry.value, path)?);
                }
                Some(Value::Object(map))
            }
        }
    }

    pub(super) fn choices(&mut self, node: &Node, path: &str) -> Option<Value> {
        let items = match &node.value {
            Written::List(items) if !items.is_empty() => items,
            _ => {
                self.refuse(
                    node,
                    path,
                    "is no list of choices",
                    "a list such as `[a, b]`",
                );
                return None;
            }
        };
        let texts = items
            .iter()
            .filter(|item| matches!(item.value, Written::Text(_)));
        let others = items.len() - texts.count();
        // One that is no text makes the whole list be compared one by one.
        let most = if others == 0 {
            TEXTS_OF_ONE_ENUM
        } else {
            OTHERS_OF_ONE_ENUM
        };
        if items.len() > most {
            let text = format!(
                "has {} choices, and {most} are the most (texts alone: {TEXTS_OF_ONE_ENUM})",
                items.len()
            );
            self.mistake(&node.place, path, text);
            return None;
        }
        self.any(node, path)
    }

    pub(super) fn names(&mut self, node: &Node, path: &str) -> Option<Value> {
        const ACCEPTS: &str = "a list of names such as `[a, b]`";
        let Written::List(items) = &node.value else {
            self.refuse(node, path, "is no list", ACCEPTS);
            return None;
        };
        let mut names: Vec<Value> = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Written::Text(name) if names.iter().any(|known| known == name) => {
                    self.refuse(item, path, "stands there twice", ACCEPTS);
                }
                Written::Text(name) => names.push(Value::from(name.as_str())),
                _ => self.refuse(
                    item,
                    path,
                    "is no text",
                    "a name, in quotes where YAML reads it as something else",
                ),
            }
        }
        Some(Value::Array(names))
    }

    pub(super) fn names_by(&mut self, node: &Node, path: &str) -> Option<Value> {
        let mut map = Map::new();
        for entry in self.entries(node, path)? {
            let names = self.names(&entry.value, path)?;
            map.insert(entry.name.clone(), names);
        }
        Some(Value::Object(map))
    }

    pub(super) fn number(&mut self, node: &Node, path: &str, above_zero: bool) -> Option<Value> {
        let number = match &node.value {
            Written::Whole(number) => Some(Number::from(*number)),
            Written::Number => serde_json::from_str(&node.written).ok(),
            _ => None,
        };
        let accepts = if above_zero {
            "a number above 0"
        } else {
            "a number as JSON writes it"
        };
        let fit =
            |number: &Number| !above_zero || number.as_f64().is_some_and(|number| number > 0.0);
        let number = number.filter(fit);
        if number.is_none() {
            self.refuse(node, path, "is no such number", accepts);
        }
        number.map(Value::Number)
    }

    pub(super) fn count(&mut self, node: &Node, path: &str) -> Option<Value> {
        match &node.value {
            Written::Whole(number) => Some(Value::from(*number)),
            _ => {
                self.refuse(node, path, "is no whole number", "0, 1, 2 and so on");
                None
            }
        }
    }

    pub(super) fn flag(&mut self, node: &Node, path: &str) -> Option<Value> {
        match &node.value {
            Written::Flag(flag) => Some(Value::Bool(*flag)),
            _ => {
                self.refuse(node, path, "is no truth value", "`true` or `false`");
                None
            }
        }
    }

    pub(super) fn pattern(&mut self, node: &Node, path: &str) -> Option<Value> {
        let Written::Text(pattern) = &node.value else {
            self.refuse(
                node,
                path,
                "is no pattern",
                "a regular expression, in quotes",
            );
            return None;
        };
        self.check_pattern(pattern, &node.place, path);
        Some(Value::from(pattern.as_str()))
    }

    pub(super) fn check_pattern(&mut self, pattern: &str, place: &Place, path: &str) {
        let why = if pattern.len() > PATTERN_BYTES {
            format!("is a pattern of more than {PATTERN_BYTES} bytes")
        } else if !self.compiler.takes_pattern(pattern) {
            "is no pattern that runs in linear time: it is malformed, looks around, refers back, or counts too far \
             (`maxLength` counts better)"
                .to_string()
        } else {
            return;
        };
        self.mistake(place, path, format!("{} {why}", shown(pattern)));
    }

    pub(super) fn format(&mut self, node: &Node, path: &str) -> Option<Value> {
        let accepts = || format!("one of {}", listed(FORMATS));
        match &node.value {
            Written::Text(format) if FORMATS.contains(&format.as_str()) => {
                Some(Value::from(format.as_str()))
            }
            Written::Text(format) => {
                let near = did_you_mean(format, FORMATS);
                self.refuse(
                    node,
                    path,
                    &format!("is not checked here{near}"),
                    &accepts(),
                );
                None
            }
            _ => {
                self.refuse(node, path, "is no format", &accepts());
                None
            }
        }
    }

    pub(super) fn types(&mut self, node: &Node, path: &str) -> Option<Value> {
        match &node.value {
            Written::List(items) if !items.is_empty() => {
                let mut types: Vec<Value> = Vec::with_capacity(items.len());
                for item in items {
                    let name = self.one_type(item, path)?;
                    if types.contains(&name) {
                        self.refuse(item, path, "stands there twice", "each type once");
                        return None;
                    }
                    types.push(name);
                }
                Some(Value::Array(types))
            }
            _ => self.one_type(node, path),
        }
    }

    fn one_type(&mut self, node: &Node, path: &str) -> Option<Value> {
        let name = match &node.value {
            Written::Text(name) => name.as_str(),
            // YAML's own null, which nobody who writes `type: [string, null]` means.
            Written::Null if node.written == "null" => "null",
            _ => "",
        };
        if TYPES.contains(&name) {
            return Some(Value::from(name));
        }
        let near = did_you_mean(name, TYPES);
        self.refuse(
            node,
            path,
            &format!("is no type{near}"),
            &format!("one of {}", listed(TYPES)),
        );
        None
    }

    pub(super) fn draft(&mut self, node: &Node, path: &str) -> Option<Value> {
        let known = |text: &str| {
            let named = text.split_once("//json-schema.org/");
            named.is_some_and(|(_, draft)| DRAFTS.iter().any(|known| draft.starts_with(known)))
        };
        match &node.value {
            Written::Text(text) if known(text) => {}
            _ => self.refuse(
                node,
                path,
                "is no draft that is known here",
                "https://json-schema.org/draft/2020-12/schema",
            ),
        }
        None
    }
}
