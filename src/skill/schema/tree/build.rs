//! Takes a schema apart.

use super::{Condition, Contains, Lazy, Part, Tree};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::Arc;

/// Keywords that speak of the value itself.
const OWN: [&str; 17] = [
    "type",
    "enum",
    "const",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

impl Tree {
    /// Takes a sound schema apart.
    /// `cost` says what a pattern costs for each byte.
    pub fn of(schema: &Value, cost: &dyn Fn(&str) -> u64) -> Tree {
        let mut builder = Builder {
            parts: Vec::new(),
            places: HashMap::new(),
            references: Vec::new(),
            cost,
        };
        builder.part(schema, "#");
        for (part, target) in std::mem::take(&mut builder.references) {
            let target = builder.places.get(&target).copied();
            if let Some(part) = builder.parts.get_mut(part) {
                part.refers = target;
            }
        }
        Tree {
            parts: builder.parts,
        }
    }
}

struct Builder<'a> {
    parts: Vec<Part>,
    /// By the name that a `$ref` has for them.
    places: HashMap<String, usize>,
    references: Vec<(usize, String)>,
    cost: &'a dyn Fn(&str) -> u64,
}

impl Builder<'_> {
    fn part(&mut self, schema: &Value, here: &str) -> usize {
        let index = self.parts.len();
        self.parts.push(Part::default());
        self.places.insert(here.to_string(), index);
        let part = match schema {
            Value::Object(keywords) => self.keywords(keywords, here, index),
            _ => Part {
                never: schema == &Value::Bool(false),
                ..Part::default()
            },
        };
        if let Some(place) = self.parts.get_mut(index) {
            *place = part;
        }
        index
    }

    fn keywords(&mut self, schema: &Map<String, Value>, here: &str, index: usize) -> Part {
        if let Some(Value::String(target)) = schema.get("$ref") {
            self.references.push((index, target.clone()));
        }
        for name in ["$defs", "definitions"] {
            self.named(schema, name, here);
        }
        let patterns = self.named(schema, "patternProperties", here);
        let cost = self.cost;
        let pattern = |(name, part): (Arc<str>, usize)| (Lazy::pattern(&name), part);
        Part {
            never: false,
            pattern_count: patterns.len() as u64 + u64::from(schema.contains_key("pattern")),
            text_cost: schema
                .get("pattern")
                .and_then(Value::as_str)
                .map_or(0, cost),
            key_cost: patterns.iter().map(|(name, _)| cost(name)).sum(),
            own: own(schema),
            required: texts(schema.get("required")),
            properties: self.named(schema, "properties", here).into_iter().collect(),
            patterns: patterns.into_iter().map(pattern).collect(),
            additional: self.one(schema, "additionalProperties", here),
            names: self.one(schema, "propertyNames", here),
            prefix: self.list(schema, "prefixItems", here),
            items: self.one(schema, "items", here),
            contains: self.contains(schema, here),
            refers: None,
            all: self.list(schema, "allOf", here),
            any: self.list(schema, "anyOf", here),
            one: self.list(schema, "oneOf", here),
            not: self.one(schema, "not", here),
            condition: self.condition(schema, here),
        }
    }

    fn one(&mut self, schema: &Map<String, Value>, name: &str, here: &str) -> Option<usize> {
        let below = schema.get(name)?;
        Some(self.part(below, &format!("{here}/{name}")))
    }

    fn list(&mut self, schema: &Map<String, Value>, name: &str, here: &str) -> Vec<usize> {
        let items = schema.get(name).and_then(Value::as_array);
        let items = items.into_iter().flatten().enumerate();
        items
            .map(|(place, item)| self.part(item, &format!("{here}/{name}/{place}")))
            .collect()
    }

    fn named(
        &mut self,
        schema: &Map<String, Value>,
        name: &str,
        here: &str,
    ) -> Vec<(Arc<str>, usize)> {
        let entries = schema.get(name).and_then(Value::as_object);
        let entries = entries.into_iter().flatten();
        entries
            .map(|(key, below)| {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                let part = self.part(below, &format!("{here}/{name}/{escaped}"));
                (Arc::from(key.as_str()), part)
            })
            .collect()
    }

    fn contains(&mut self, schema: &Map<String, Value>, here: &str) -> Option<Contains> {
        let part = self.one(schema, "contains", here)?;
        let count = |name| schema.get(name).and_then(Value::as_u64);
        Some(Contains {
            part,
            least: count("minContains").unwrap_or(1),
            most: count("maxContains"),
        })
    }

    fn condition(&mut self, schema: &Map<String, Value>, here: &str) -> Option<Condition> {
        let (then, otherwise) = (
            self.one(schema, "then", here),
            self.one(schema, "else", here),
        );
        Some(Condition {
            holds: self.one(schema, "if", here)?,
            then,
            otherwise,
        })
    }
}

/// The keywords that the library judges alone; it is asked for each part by itself.
fn own(schema: &Map<String, Value>) -> Option<Lazy> {
    let keyword = |name: &&str| {
        schema
            .get(*name)
            .map(|value| ((*name).to_string(), value.clone()))
    };
    let names = OWN.iter().chain(&["dependentRequired"]);
    let own: Map<String, Value> = names.filter_map(keyword).collect();
    (!own.is_empty()).then(|| Lazy::new(Value::Object(own)))
}

fn texts(list: Option<&Value>) -> Vec<Arc<str>> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(Arc::from).collect()
}
