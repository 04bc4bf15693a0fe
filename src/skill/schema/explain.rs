//! Finds where a document breaks a schema, and by which keyword.
//!
//! Runs only for a document that the library refused. What each part says of a value by itself the library judges here
//! too; this walks from part to part. It ends after a fixed number of steps, whatever schema and document are like.

use super::keywords;
use super::tree::{Condition, Contains, Part, Tree};
use crate::skill::violation::{rule, Step, Violation};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Visits of a value by a part; a real request takes some hundred.
const STEPS: u32 = 200_000;

/// The first broken rule that is found.
pub fn explain(tree: &Tree, document: &Value) -> Violation {
    // A document that fits after all is one that the library judges otherwise; it was the one to decide.
    walk(tree, document).unwrap_or_else(|| Violation::new(rule::SCHEMA, []))
}

/// None for a document that fits.
pub fn walk(tree: &Tree, document: &Value) -> Option<Violation> {
    let mut walk = Walk {
        tree,
        at: Vec::new(),
        steps: STEPS,
    };
    match walk.check(0, document) {
        Err(Stop::Broken(violation)) => Some(violation),
        Err(Stop::Tired) => Some(Violation::new(rule::SCHEMA, [])),
        Ok(()) => None,
    }
}

/// Why a walk ended.
enum Stop {
    Broken(Violation),
    /// It took too many steps.
    Tired,
}

struct Walk<'a> {
    tree: &'a Tree,
    at: Vec<Step>,
    steps: u32,
}

type Outcome = Result<(), Stop>;

impl<'a> Walk<'a> {
    fn check(&mut self, part: usize, value: &Value) -> Outcome {
        self.steps = self.steps.checked_sub(1).ok_or(Stop::Tired)?;
        let Some(part) = self.tree.part(part) else {
            return Ok(());
        };
        if part.never {
            return Err(self.broken("false"));
        }
        self.own(part, value)?;
        for below in part.refers.iter().chain(&part.all) {
            self.check(*below, value)?;
        }
        match value {
            Value::Object(members) => self.object(part, members)?,
            Value::Array(items) => self.array(part, items)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
        self.branches(part, value)
    }

    fn broken(&self, rule: &'static str) -> Stop {
        Stop::Broken(Violation::new(rule, self.at.iter().cloned()))
    }

    fn broken_at(&mut self, step: Step, rule: &'static str) -> Stop {
        self.at.push(step);
        let broken = self.broken(rule);
        self.at.pop();
        broken
    }

    /// Whether a part takes a value, as long as there are steps left.
    fn fits(&mut self, part: usize, value: &Value) -> Result<bool, Stop> {
        match self.check(part, value) {
            Ok(()) => Ok(true),
            Err(Stop::Broken(_)) => Ok(false),
            Err(Stop::Tired) => Err(Stop::Tired),
        }
    }

    fn below(&mut self, step: Step, part: usize, value: &Value) -> Outcome {
        self.at.push(step);
        let outcome = self.check(part, value);
        self.at.pop();
        outcome
    }

    fn own(&mut self, part: &Part, value: &Value) -> Outcome {
        let Some(validator) = part.own.as_ref().and_then(|own| own.get()) else {
            return Ok(());
        };
        match validator.validate(value) {
            Ok(()) => Ok(()),
            Err(error) => {
                Err(self.broken(keywords::known(error.kind().keyword()).unwrap_or(rule::SCHEMA)))
            }
        }
    }

    fn object(&mut self, part: &'a Part, members: &Map<String, Value>) -> Outcome {
        for name in &part.required {
            if !members.contains_key(name.as_ref()) {
                return Err(self.broken_at(Step::SchemaKey(Arc::clone(name)), "required"));
            }
        }
        for (key, value) in members {
            self.member(part, key, value)?;
        }
        Ok(())
    }

    fn member(&mut self, part: &'a Part, key: &str, value: &Value) -> Outcome {
        let mut named = false;
        if let Some((name, below)) = part.properties.get_key_value(key) {
            named = true;
            self.below(Step::SchemaKey(Arc::clone(name)), *below, value)?;
        }
        let text = Value::from(key);
        for (pattern, below) in &part.patterns {
            if pattern.get().is_some_and(|pattern| pattern.is_valid(&text)) {
                named = true;
                self.below(Step::Other, *below, value)?;
            }
        }
        if let Some(names) = part.names {
            if !self.fits(names, &text)? {
                return Err(self.broken_at(Step::Other, "propertyNames"));
            }
        }
        let Some(additional) = part.additional.filter(|_| !named) else {
            return Ok(());
        };
        if self.tree.part(additional).is_some_and(|part| part.never) {
            return Err(self.broken_at(Step::Other, "additionalProperties"));
        }
        self.below(Step::Other, additional, value)
    }

    fn array(&mut self, part: &Part, items: &[Value]) -> Outcome {
        for (index, item) in items.iter().enumerate() {
            if let Some(below) = part.prefix.get(index).copied().or(part.items) {
                self.below(Step::Index(index), below, item)?;
            }
        }
        match &part.contains {
            Some(contains) => self.contains(contains, items),
            None => Ok(()),
        }
    }

    fn contains(&mut self, contains: &Contains, items: &[Value]) -> Outcome {
        let mut found = 0;
        for item in items {
            found += u64::from(self.fits(contains.part, item)?);
        }
        if contains.most.is_some_and(|most| found > most) {
            return Err(self.broken("maxContains"));
        }
        if found < contains.least {
            return Err(self.broken("contains"));
        }
        Ok(())
    }

    fn branches(&mut self, part: &Part, value: &Value) -> Outcome {
        if !part.any.is_empty() && self.count(&part.any, value)? == 0 {
            return Err(self.broken("anyOf"));
        }
        if !part.one.is_empty() && self.count(&part.one, value)? != 1 {
            return Err(self.broken("oneOf"));
        }
        if let Some(not) = part.not {
            if self.fits(not, value)? {
                return Err(self.broken("not"));
            }
        }
        match &part.condition {
            Some(condition) => self.condition(condition, value),
            None => Ok(()),
        }
    }

    fn count(&mut self, parts: &[usize], value: &Value) -> Result<usize, Stop> {
        let mut fitting = 0;
        for part in parts {
            fitting += usize::from(self.fits(*part, value)?);
        }
        Ok(fitting)
    }

    fn condition(&mut self, condition: &Condition, value: &Value) -> Outcome {
        let next = if self.fits(condition.holds, value)? {
            condition.then
        } else {
            condition.otherwise
        };
        match next {
            Some(part) => self.check(part, value),
            None => Ok(()),
        }
    }
}
