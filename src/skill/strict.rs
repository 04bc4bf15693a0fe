//! Reads JSON into a tree, and refuses a key that stands twice in one object.
//!
//! Of two equal keys one parser takes the first and the next one the last: what was checked would not be what the
//! server reads.

use super::violation::{rule, Violation};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Why there is no tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    NotJson,
    RepeatedKey,
    TooDeep,
    TooLarge,
}

/// Deeper documents are not checked: each level takes as many steps on the stack as a schema is high.
const DEPTH: u32 = 64;

/// A tree takes some forty bytes a value: documents with more are not checked. No real request has a tenth of it.
const VALUES: u64 = 500_000;

/// A tree and how many values are in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub value: Value,
    pub values: u64,
    /// How long the document was.
    pub bytes: u64,
}

/// Reads one document, to its last byte.
pub fn read(bytes: &[u8]) -> Result<Read, Unread> {
    let mut values = 0;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let whole = Strict {
        values: &mut values,
        depth: 0,
    };
    let value = whole
        .deserialize(&mut deserializer)
        .map_err(|error| why(&error))?;
    deserializer.end().map_err(|_| Unread::NotJson)?;
    Ok(Read {
        value,
        values,
        bytes: bytes.len() as u64,
    })
}

impl Unread {
    /// The rule that a request breaks by it; one that is no JSON at all was refused before.
    pub fn violation(self) -> Violation {
        let broken = match self {
            Unread::NotJson => rule::SCHEMA,
            Unread::RepeatedKey => rule::REPEATED_KEY,
            Unread::TooDeep => rule::TOO_DEEP,
            Unread::TooLarge => rule::TOO_LARGE,
        };
        Violation::new(broken, [])
    }
}

const REPEATED: &str = "a key stands twice";
const DEEP: &str = "too deep";
const LARGE: &str = "too many values";

/// serde_json tells its own errors apart by their words alone.
fn why(error: &serde_json::Error) -> Unread {
    let text = error.to_string();
    if text.starts_with(REPEATED) {
        return Unread::RepeatedKey;
    }
    if text.starts_with(DEEP) || text.starts_with("recursion limit") {
        return Unread::TooDeep;
    }
    if text.starts_with(LARGE) {
        return Unread::TooLarge;
    }
    Unread::NotJson
}

/// Counts the values it reads.
struct Strict<'a> {
    values: &'a mut u64,
    /// Lists and objects around the value.
    depth: u32,
}

impl Strict<'_> {
    fn below<E: Error>(&mut self) -> Result<Strict<'_>, E> {
        if self.depth == DEPTH {
            return Err(E::custom(DEEP));
        }
        Ok(Strict {
            values: self.values,
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        *self.values += 1;
        if *self.values > VALUES {
            return Err(D::Error::custom(LARGE));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("no number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.below()?)?;
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom(REPEATED));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_repeated_key_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"[{"b":{"a":1,"\u0061":2}}]"#,
            r#"{"a":[{"x":null,"x":null}]}"#,
        ] {
            assert_eq!(read(text.as_bytes()), Err(Unread::RepeatedKey), "{text}");
        }
        assert!(read(br#"{"a":{"a":{"a":1}}}"#).is_ok());
    }

    #[test]
    fn nesting_ends_somewhere() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(read(deep(64).as_bytes()).is_ok());
        assert_eq!(read(deep(66).as_bytes()), Err(Unread::TooDeep));
        assert_eq!(read(deep(1_000_000).as_bytes()), Err(Unread::TooDeep));
    }

    #[test]
    fn all_else_that_is_no_json_is_refused() {
        for text in [
            "",
            "{",
            "nul",
            "1 2",
            "{\"a\":}",
            "```json\n{}\n```",
            "1e999",
        ] {
            assert_eq!(read(text.as_bytes()), Err(Unread::NotJson), "{text}");
        }
    }

    #[test]
    fn a_document_of_very_many_values_is_not_held_in_memory() {
        let list = |values: usize| format!("[0{}]", ",0".repeat(values - 2));
        assert!(read(list(VALUES as usize).as_bytes()).is_ok());
        let more = list(VALUES as usize + 1);
        assert_eq!(read(more.as_bytes()), Err(Unread::TooLarge));
    }

    #[test]
    fn every_value_is_counted() {
        let count = |text: &str| read(text.as_bytes()).unwrap().values;
        assert_eq!(count("1"), 1);
        assert_eq!(count(r#"{"a":[1,2,{}],"b":null}"#), 6);
    }

    proptest! {
        #[test]
        fn a_tree_is_the_one_that_serde_json_reads(text in crate::json::sample::value()) {
            let usual: Value = serde_json::from_str(&text).unwrap();
            if let Ok(read) = read(text.as_bytes()) {
                prop_assert_eq!(read.value, usual);
            }
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
