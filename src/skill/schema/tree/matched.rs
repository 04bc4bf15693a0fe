//! What matching the patterns of a schema with the texts of a document costs.

use super::{Part, Tree};
use serde_json::{Map, Value};

/// Visits of a value by a schema; a document that takes more counts as one that costs too much.
const STEPS: u32 = 1_000_000;

impl Tree {
    /// Bytes times what each costs, never less than it will be; none where that takes too long to find out.
    pub fn matched(&self, document: &Value) -> Option<u64> {
        let mut walk = Walk {
            tree: self,
            steps: STEPS,
            cost: 0,
        };
        walk.visit(0, document).map(|()| walk.cost)
    }
}

struct Walk<'a> {
    tree: &'a Tree,
    steps: u32,
    cost: u64,
}

impl Walk<'_> {
    fn visit(&mut self, index: usize, value: &Value) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        let Some(part) = self.tree.part(index) else {
            return Some(());
        };
        for below in part.at_the_same_value() {
            self.visit(below, value)?;
        }
        match value {
            Value::String(text) => self.add(part.text_cost, text),
            Value::Array(items) => self.items(part, items)?,
            Value::Object(members) => self.members(part, members)?,
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Some(())
    }

    fn add(&mut self, cost: u64, text: &str) {
        let cost = cost.saturating_mul(text.len() as u64);
        self.cost = self.cost.saturating_add(cost);
    }

    fn items(&mut self, part: &Part, items: &[Value]) -> Option<()> {
        for (index, item) in items.iter().enumerate() {
            let below = part.prefix.get(index).copied().or(part.items);
            let contains = part.contains.as_ref().map(|contains| contains.part);
            for below in below.into_iter().chain(contains) {
                self.visit(below, item)?;
            }
        }
        Some(())
    }

    fn members(&mut self, part: &Part, members: &Map<String, Value>) -> Option<()> {
        for (key, value) in members {
            self.add(part.key_cost, key);
            if let Some(names) = part.names {
                self.visit(names, &Value::from(key.as_str()))?;
            }
            let named = part.properties.get(key.as_str()).copied();
            let patterned = part.patterns.iter().map(|(_, below)| *below);
            for below in named.into_iter().chain(patterned).chain(part.additional) {
                self.visit(below, value)?;
            }
        }
        Some(())
    }
}
