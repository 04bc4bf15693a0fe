//! What breaks a rule of a skill, told without repeating anything that a client or a model wrote.

use std::fmt;
use std::sync::Arc;

/// One step of the way to the offending place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key that the API itself has.
    Key(&'static str),
    /// A key of the skill's manifest: the operator's word.
    SchemaKey(Arc<str>),
    /// A position in an array.
    Index(usize),
    /// Any other key, which is not told.
    Other,
}

/// Where a rule is broken, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// From the root of what was checked.
    pub steps: Vec<Step>,
    /// A keyword of JSON Schema, or one of the manifest's own rules ([`rule`]).
    pub rule: &'static str,
}

/// The rules that are no keywords of JSON Schema.
pub mod rule {
    /// A tool that isn't on the skill's list, or one that has no name.
    pub const TOOLS: &str = "tools";
    /// Another route than the skill's.
    pub const ROUTE: &str = "route";
    /// Another lane than the skill's.
    pub const LANE: &str = "lane";
    /// A key stands twice in one object: two parsers would take different ones.
    pub const REPEATED_KEY: &str = "repeated_key";
    /// Nested deeper than what can be checked.
    pub const TOO_DEEP: &str = "too_deep";
    /// So many values under so wide a schema that the check would take too long.
    pub const TOO_LARGE: &str = "too_large";
    /// It should be JSON.
    pub const JSON: &str = "json";
    /// A schema is broken somewhere; where would take too long to find.
    pub const SCHEMA: &str = "schema";
}

impl Violation {
    pub fn new(rule: &'static str, steps: impl IntoIterator<Item = Step>) -> Violation {
        Violation {
            steps: steps.into_iter().collect(),
            rule,
        }
    }

    /// The same below another place.
    pub fn below(mut self, steps: impl IntoIterator<Item = Step>) -> Violation {
        self.steps.splice(0..0, steps);
        self
    }
}

/// For process logs and tests: the pointer (RFC 6901) and the rule.
impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::Key(key) => write!(out, "/{}", escaped(key))?,
                Step::SchemaKey(key) => write!(out, "/{}", escaped(key))?,
                Step::Index(index) => write!(out, "/{index}")?,
                Step::Other => out.write_str("/*")?,
            }
        }
        write!(out, ": {}", self.rule)
    }
}

/// RFC 6901, section 3.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
