//! Puts the places and the values together, and merges `<<`.

use super::places::{Shape, Spot};
use super::values::Raw;
use super::{Entry, Node, Value};
use crate::config::error::{Mistake, Place};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

const NO_MAPPING: &str = "`<<` merges what is no mapping of keys";

struct Joiner<'a> {
    name: &'a Arc<str>,
    mistakes: Vec<Mistake>,
}

/// One tree of both.
pub fn join(name: &Arc<str>, spot: &Spot, raw: Raw) -> Result<Node, Vec<Mistake>> {
    let mut joiner = Joiner {
        name,
        mistakes: Vec::new(),
    };
    let node = joiner.node(spot, raw);
    if joiner.mistakes.is_empty() {
        Ok(node)
    } else {
        Err(joiner.mistakes)
    }
}

/// A tree of values that all stand at one place; mappings are none of our literals.
pub fn without_places(place: &Place, written: &str, raw: Raw) -> Node {
    let value = match raw {
        Raw::Null | Raw::Map(_) => Value::Null,
        Raw::Flag(flag) => Value::Flag(flag),
        Raw::Whole(number) => Value::Whole(number),
        Raw::Number => Value::Number,
        Raw::Text(text) => return Node::text(place.clone(), text),
        Raw::List(items) => {
            let item = |raw: Raw| without_places(place, &scalar_text(&raw), raw);
            Value::List(items.into_iter().map(item).collect())
        }
    };
    Node {
        place: place.clone(),
        written: written.to_string(),
        value,
    }
}

fn scalar_text(raw: &Raw) -> String {
    match raw {
        Raw::Whole(number) => number.to_string(),
        Raw::Text(text) => text.clone(),
        _ => String::new(),
    }
}

impl Joiner<'_> {
    fn node(&mut self, spot: &Spot, raw: Raw) -> Node {
        let (written, value) = match (&spot.shape, raw) {
            (Shape::Scalar(text), raw) => (text.clone(), self.scalar(spot, raw)),
            (Shape::List(spots), Raw::List(items)) if spots.len() == items.len() => {
                let pairs = spots.iter().zip(items);
                let nodes = pairs.map(|(spot, raw)| self.node(spot, raw)).collect();
                (String::new(), Value::List(nodes))
            }
            (Shape::Map(spots), Raw::Map(pairs)) if spots.len() == pairs.len() => {
                (String::new(), Value::Map(self.entries(spots, pairs)))
            }
            _ => (String::new(), self.torn(spot)),
        };
        Node {
            place: spot.place(self.name),
            written,
            value,
        }
    }

    fn scalar(&mut self, spot: &Spot, raw: Raw) -> Value {
        match raw {
            Raw::Null => Value::Null,
            Raw::Flag(flag) => Value::Flag(flag),
            Raw::Whole(number) => Value::Whole(number),
            Raw::Number => Value::Number,
            Raw::Text(text) => Value::Text(text),
            Raw::List(_) | Raw::Map(_) => self.torn(spot),
        }
    }

    fn entries(&mut self, spots: &[(Rc<Spot>, Rc<Spot>)], pairs: Vec<(Raw, Raw)>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
        let mut merged = Vec::new();
        for ((key, value), (_, raw)) in spots.iter().zip(pairs) {
            let Shape::Scalar(name) = &key.shape else {
                self.refuse(key, "is a list or mapping where a key should be");
                continue;
            };
            let mut node = self.node(value, raw);
            if name == "<<" {
                self.merge(key, node, &mut merged);
                continue;
            }
            // A value that isn't there stands, for the parser, at whatever comes next.
            if matches!(node.value, Value::Null) && node.written.is_empty() {
                node.place = key.place(self.name);
            }
            entries.push(Entry {
                name: name.clone(),
                place: key.place(self.name),
                value: node,
            });
        }
        let mut names: HashSet<String> = entries.iter().map(|own| own.name.clone()).collect();
        for entry in merged {
            if names.insert(entry.name.clone()) {
                entries.push(entry);
            }
        }
        entries
    }

    /// What is merged fills gaps only, and the first of several fills them first.
    fn merge(&mut self, key: &Spot, node: Node, merged: &mut Vec<Entry>) {
        match node.value {
            Value::Map(entries) => merged.extend(entries),
            Value::List(items) => {
                for item in items {
                    match item.value {
                        Value::Map(entries) => merged.extend(entries),
                        _ => self.refuse(key, NO_MAPPING),
                    }
                }
            }
            _ => self.refuse(key, NO_MAPPING),
        }
    }

    fn torn(&mut self, spot: &Spot) -> Value {
        self.refuse(
            spot,
            "is read in two ways by two YAML parsers; write it more plainly",
        );
        Value::Withheld
    }

    fn refuse(&mut self, spot: &Spot, text: &str) {
        let mistake = Mistake::new(spot.place(self.name), "", text);
        self.mistakes.push(mistake);
    }
}
