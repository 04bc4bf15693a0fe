//! The file as written: a tree of values, each with the place where it stands.
//!
//! Two parsers read the text. saphyr-parser goes first: it says where each node is and bounds what
//! aliases may unfold to. serde_yaml then says what each node means. Where the two see different
//! shapes the file is refused, because then nobody knows what it says.

mod join;
mod places;
mod read;
mod values;

use super::error::{shown, Mistake, Place};
use std::sync::Arc;

pub use read::read;

/// A value with its place and the characters that stand there.
#[derive(Debug, Clone)]
pub struct Node {
    pub place: Place,
    /// A scalar as written, without quotes; empty for lists and mappings.
    pub written: String,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Flag(bool),
    /// A whole number from 0 to 2^64 - 1.
    Whole(u64),
    /// Any other number.
    Number,
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// It was taken out, and the mistake is reported already.
    Withheld,
}

/// A key and what it holds.
#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub place: Place,
    pub value: Node,
}

impl Node {
    pub fn text(place: Place, text: impl Into<String>) -> Node {
        let text = text.into();
        Node {
            place,
            written: text.clone(),
            value: Value::Text(text),
        }
    }

    pub fn map(place: Place, entries: Vec<Entry>) -> Node {
        Node {
            place,
            written: String::new(),
            value: Value::Map(entries),
        }
    }

    /// The node in a few words for a message.
    pub fn described(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_string(),
            Value::List(_) => "a list".to_string(),
            Value::Map(_) => "a mapping of keys".to_string(),
            Value::Withheld => "a withheld value".to_string(),
            _ => shown(&self.written),
        }
    }
}

/// Reads the text of a file into its tree.
///
/// # Errors
/// It is no YAML, is empty, holds several documents, or unfolds to more than a configuration can be.
pub fn parse(name: &Arc<str>, text: &str) -> Result<Node, Vec<Mistake>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let spots = places::locate(name, text).map_err(|mistake| vec![mistake])?;
    let values = values::read(name, text).map_err(|mistake| vec![mistake])?;
    let tree = join::join(name, &spots, values)?;
    if matches!(tree.value, Value::Null) {
        return Err(vec![is_empty(name)]);
    }
    Ok(tree)
}

/// A default from the key tables, as a node.
pub fn literal(text: &str) -> Node {
    let place = Place::Default(None);
    let value = values::literal(text).unwrap_or(values::Raw::Text(text.to_string()));
    join::without_places(&place, text, value)
}

fn is_empty(name: &Arc<str>) -> Mistake {
    let text = "is empty; the smallest useful file has `upstreams` and `routes`";
    Mistake::new(Place::WholeFile(name.clone()), "", text)
}

#[cfg(test)]
mod tests;
