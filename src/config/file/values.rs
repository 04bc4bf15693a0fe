//! What each node means, as serde_yaml reads it: YAML 1.2, so that `off` and `no` are words.

use crate::config::error::{Mistake, Place};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::sync::Arc;

/// A value without its place. Mappings keep every key, equal ones too.
#[derive(Debug)]
pub enum Raw {
    Null,
    Flag(bool),
    Whole(u64),
    Number,
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
}

/// Reads the whole text, which [`super::places`] has found to be one document of bearable size.
pub fn read(name: &Arc<str>, text: &str) -> Result<Raw, Mistake> {
    serde_yaml::from_str(text).map_err(|error| refuse(name, &error))
}

/// Reads one value.
pub fn literal(text: &str) -> Option<Raw> {
    serde_yaml::from_str(text).ok()
}

fn refuse(name: &Arc<str>, error: &serde_yaml::Error) -> Mistake {
    let place = match error.location() {
        Some(location) => Place::File {
            name: name.clone(),
            line: location.line(),
            column: location.column(),
        },
        None => Place::WholeFile(name.clone()),
    };
    let text = error.to_string();
    let words = text.split(" at line ").next().unwrap_or_default();
    Mistake::new(place, "", format!("is no YAML: {words}"))
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value without a tag")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Whole(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(u64::try_from(value).map_or(Raw::Number, Raw::Whole))
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
