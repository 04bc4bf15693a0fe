//! The JSON Schema of the file, for editors: the key tables in another notation.

use super::file::{self, Node, Value as Written};
use super::kind::{Fallback, Key, Kind, Table};
use super::{duration, keys, rules, size};
use serde_json::{json, Map, Value};

/// The schema of `sidegate.yaml`, in draft 2020-12.
pub fn json_schema() -> Value {
    let mut schema = table(&keys::FILE);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sidegate.yaml",
        "description": "The configuration of sidegate, a sidecar gateway for local inference.",
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> = table
        .keys
        .iter()
        .map(|key| (key.name.to_string(), described(key)))
        .collect();
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(|key| matches!(key.fallback, Fallback::Required))
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".to_string(), json!(required));
    }
    schema
}

fn described(key: &Key) -> Value {
    let mut schema = kind(&key.kind);
    let Value::Object(fields) = &mut schema else {
        return schema;
    };
    let mut words = key.doc.to_string();
    if let Some(bounds) = bounds(&key.kind) {
        words.push_str(&format!(" {bounds}"));
    }
    match key.fallback {
        Fallback::Value(text) => {
            fields.insert("default".to_string(), default(&file::literal(text)));
        }
        Fallback::Depends(on) => words.push_str(&format!(" Default: {on}.")),
        Fallback::Required | Fallback::Absent => {}
    }
    fields.insert("description".to_string(), json!(words));
    schema
}

fn kind(kind_: &Kind) -> Value {
    match kind_ {
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Count(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Duration(..) => json!({"type": "string", "pattern": duration::PATTERN}),
        Kind::Size(..) => json!({"type": "string", "pattern": size::PATTERN}),
        Kind::Text(rule) => json!({"type": "string", "pattern": rule.pattern}),
        Kind::Path => json!({"type": "string", "pattern": "^(/|~/).*[^/]$"}),
        // A bare `~` is YAML for null.
        Kind::Folder => json!({"type": ["string", "null"], "pattern": "^(/|~/|~$)"}),
        Kind::Address => {
            json!({"type": "string", "pattern": r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$"})
        }
        Kind::Url => {
            json!({"type": "string", "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s?#@/]+(/[^\s?#]*)?$"})
        }
        Kind::Choice(words) => json!({"enum": with_false(words())}),
        Kind::Or(word, inner) => json!({"anyOf": [{"enum": with_false(vec![word])}, kind(inner)]}),
        Kind::List(item) => json!({"type": "array", "items": kind(item)}),
        Kind::Section(below) => table(below),
        Kind::Named(below) => json!({
            "type": "object",
            "propertyNames": {"pattern": rules::NAME_PATTERN},
            "additionalProperties": table(below),
        }),
        Kind::Items(below) => json!({"type": "array", "minItems": 1, "items": table(below)}),
    }
}

/// An editor that reads YAML 1.1 takes `off` for a truth value.
fn with_false(words: Vec<&str>) -> Vec<Value> {
    let off = words.contains(&"off").then_some(Value::Bool(false));
    words.into_iter().map(Value::from).chain(off).collect()
}

/// Patterns can't compare, so that people get the bounds in words.
fn bounds(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Duration(least, most) => Some(format!(
            "From {} to {}.",
            duration::print(*least),
            duration::print(*most)
        )),
        Kind::Size(least, most) => Some(format!(
            "From {} to {}.",
            size::print(*least),
            size::print(*most)
        )),
        Kind::Or(_, inner) => bounds(inner),
        _ => None,
    }
}

fn default(node: &Node) -> Value {
    match &node.value {
        Written::Flag(flag) => json!(flag),
        Written::Whole(number) => json!(number),
        Written::Text(text) => json!(text),
        Written::List(items) => items.iter().map(default).collect(),
        Written::Null | Written::Number | Written::Map(_) | Written::Withheld => Value::Null,
    }
}
