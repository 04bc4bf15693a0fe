//! A schema taken apart: what each of its parts says of a value, and where it leads.

mod build;
mod lazy;
mod matched;
mod reach;

use std::collections::HashMap;
use std::sync::Arc;

pub use lazy::Lazy;
pub use reach::Reach;

/// All parts; they refer to each other by index, the whole is the first one.
#[derive(Debug)]
pub struct Tree {
    parts: Vec<Part>,
}

/// One schema within a schema.
#[derive(Debug, Default)]
pub struct Part {
    /// It is `false`.
    pub never: bool,
    pub own: Option<Lazy>,
    /// Patterns in here alone.
    pub pattern_count: u64,
    /// What its patterns cost for each byte of a text.
    pub text_cost: u64,
    /// The same for each byte of a key.
    pub key_cost: u64,
    pub required: Vec<Arc<str>>,
    pub properties: HashMap<Arc<str>, usize>,
    pub patterns: Vec<(Lazy, usize)>,
    pub additional: Option<usize>,
    pub names: Option<usize>,
    pub prefix: Vec<usize>,
    pub items: Option<usize>,
    pub contains: Option<Contains>,
    pub refers: Option<usize>,
    pub all: Vec<usize>,
    pub any: Vec<usize>,
    pub one: Vec<usize>,
    pub not: Option<usize>,
    pub condition: Option<Condition>,
}

#[derive(Debug)]
pub struct Contains {
    pub part: usize,
    pub least: u64,
    pub most: Option<u64>,
}

#[derive(Debug)]
pub struct Condition {
    pub holds: usize,
    pub then: Option<usize>,
    pub otherwise: Option<usize>,
}

impl Tree {
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    pub fn part(&self, index: usize) -> Option<&Part> {
        self.parts.get(index)
    }

    /// Patterns in all of it.
    pub fn patterns(&self) -> u64 {
        self.parts.iter().map(|part| part.pattern_count).sum()
    }
}
