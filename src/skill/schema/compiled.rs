//! A compiled schema, and the only place that knows the library.

use super::explain;
use super::tree::{Reach, Tree};
use crate::skill::strict::Read;
use crate::skill::violation::{rule, Violation};
use jsonschema::{Draft, PatternCache, PatternOptions, ValidationOptions, Validator};
use serde_json::{json, Value};

/// Of a compiled pattern, and of what it remembers while it runs. Enough for a thousand ordinary characters or classes.
const PATTERN_MEMORY: usize = 128 << 10;

/// Schemas that one value may have to meet, all branches counted.
const WIDTH: u64 = 1000;

/// Schemas inside each other that say something of the same value: each is a step on the stack, for each level of the
/// document.
const HEIGHT: u32 = 16;

/// Values times schemas in one check. No real request has a hundredth of it.
const WORK: u64 = 50_000_000;

/// Patterns by the memory that they compile to, and what they may cost for each byte. Measured with texts that no shortcut
/// helps with: 0.3 µs for the smallest, up to 4 µs for the largest.
const COSTS: [(usize, u64); 3] = [(8 << 10, 1), (32 << 10, 4), (PATTERN_MEMORY, 16)];

/// Bytes of texts times what their patterns cost: 3 s at the most, and some milliseconds for ordinary patterns.
const MATCHED: u64 = 8 << 20;

/// What is checked in between, beside other requests of the same thread: a sixteenth of all that is.
const AT_ONCE: u64 = 16;

/// A document of more is read and checked for milliseconds in any case.
const SHORT_BYTES: u64 = 256 << 10;

/// Patterns of one schema. Each has its memory.
const PATTERNS: u64 = 200;

/// Compiles schemas that share their patterns.
pub struct Compiler {
    patterns: PatternCache,
}

/// Ready to be held against documents.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    tree: Tree,
    /// What one value costs.
    reach: Reach,
}

impl Compiler {
    #[allow(clippy::new_without_default)] // There is one for each load; none is made in passing.
    pub fn new() -> Compiler {
        Compiler {
            patterns: PatternCache::new(),
        }
    }

    /// Whether a pattern can be matched in linear time.
    pub fn takes_pattern(&self, pattern: &str) -> bool {
        self.cost(pattern).is_some()
    }

    /// What a pattern may cost for each byte: the time goes by its size, where no shortcut helps.
    fn cost(&self, pattern: &str) -> Option<u64> {
        let schema = json!({ "pattern": pattern });
        let fits = |(memory, _): &&(usize, u64)| self.build(&schema, *memory).is_ok();
        COSTS.iter().find(fits).map(|(_, cost)| *cost)
    }

    /// Compiles a schema that [`super::read()`] has passed.
    ///
    /// # Errors
    /// What is wrong with it as a whole; reads well after its path.
    pub fn compile(&self, schema: &Value) -> Result<Schema, String> {
        let tree = Tree::of(schema, &|pattern| self.cost(pattern).unwrap_or_default());
        let reach = tree.reach();
        if reach.turns_back {
            return Err(
                "refers back to itself without going into an object or array first".to_string(),
            );
        }
        if tree.patterns() > PATTERNS {
            return Err(format!("holds more than {PATTERNS} patterns"));
        }
        if reach.width > WIDTH {
            return Err(format!(
                "holds one value against more than {WIDTH} schemas at once"
            ));
        }
        if reach.height > HEIGHT {
            return Err(format!(
                "puts more than {HEIGHT} schemas inside each other for one value (`$ref`, `allOf` and the like)"
            ));
        }
        let validator = self
            .build(schema, PATTERN_MEMORY)
            .map_err(|error| format!("is no JSON Schema: {error}"))?;
        Ok(Schema {
            validator,
            tree,
            reach,
        })
    }

    fn build(&self, schema: &Value, memory: usize) -> Result<Validator, String> {
        let options = options(memory).with_pattern_cache(self.patterns.clone());
        options
            .build(schema)
            .map_err(|error| error.masked().to_string())
    }
}

/// A part of a schema that is needed only to explain what it refuses.
pub fn build_part(schema: &Value) -> Option<Validator> {
    options(PATTERN_MEMORY).build(schema).ok()
}

/// `offline`: what isn't in the schema doesn't exist. The `regex` engine: a pattern can't backtrack.
fn options(memory: usize) -> ValidationOptions<'static> {
    let patterns = PatternOptions::regex()
        .size_limit(memory)
        .dfa_size_limit(PATTERN_MEMORY);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .offline()
        .with_pattern_options(patterns)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
}

impl Schema {
    /// How many schemas are in it, itself included.
    pub fn parts(&self) -> usize {
        self.tree.len()
    }

    /// How many patterns are in it.
    pub fn patterns(&self) -> u64 {
        self.tree.patterns()
    }

    /// Holds a document against the schema.
    ///
    /// Whether it fits is the library's word. Where it doesn't is found by `explain`: the library's own
    /// errors hold copies of the values, which for a large request under `anyOf` are gigabytes.
    ///
    /// # Errors
    /// The first place that breaks the schema, told by the schema's own keys.
    pub fn check(&self, read: &Read) -> Result<(), Violation> {
        self.check_within(read, 1)
    }

    /// The same for where others wait: a document that takes longer breaks the schema.
    ///
    /// # Errors
    /// Like [`Schema::check`].
    pub fn check_at_once(&self, read: &Read) -> Result<(), Violation> {
        self.check_within(read, AT_ONCE)
    }

    /// Whether no document of so many bytes holds up those who wait for the same thread.
    pub fn is_quick(&self, bytes: u64) -> bool {
        let most =
            |limit: u64, each: u64| bytes.saturating_mul(each) <= limit / (AT_ONCE * AT_ONCE);
        bytes <= SHORT_BYTES && most(WORK, self.reach.width) && most(MATCHED, self.reach.matching)
    }

    fn check_within(&self, read: &Read, share: u64) -> Result<(), Violation> {
        if self.is_too_much(read, share) {
            return Err(Violation::new(rule::TOO_LARGE, []));
        }
        if self.validator.is_valid(&read.value) {
            return Ok(());
        }
        Err(explain::explain(&self.tree, &read.value))
    }

    /// The quick look is enough for all but large documents.
    fn is_too_much(&self, read: &Read, share: u64) -> bool {
        if read.values.saturating_mul(self.reach.width) > WORK / share {
            return true;
        }
        let most = read.bytes.saturating_mul(self.reach.matching);
        most > MATCHED / share
            && self
                .tree
                .matched(&read.value)
                .is_none_or(|cost| cost > MATCHED / share)
    }

    /// What the explaining walk alone says of a document.
    #[cfg(test)]
    pub fn walked(&self, document: &Value) -> Option<Violation> {
        explain::walk(&self.tree, document)
    }
}
