//! A validator that is made when it is first needed.

use crate::skill::schema::compiled::build_part;
use jsonschema::Validator;
use serde_json::{json, Value};
use std::fmt;
use std::sync::OnceLock;

/// For most parts of a schema that is never: they are needed only to explain what it refuses.
pub struct Lazy {
    schema: Value,
    validator: OnceLock<Option<Validator>>,
}

impl Lazy {
    pub fn new(schema: Value) -> Lazy {
        Lazy {
            schema,
            validator: OnceLock::new(),
        }
    }

    pub fn pattern(pattern: &str) -> Lazy {
        Lazy::new(json!({ "pattern": pattern }))
    }

    /// None when it can't be built, which a sound schema's part always can.
    pub fn get(&self) -> Option<&Validator> {
        let validator = self.validator.get_or_init(|| build_part(&self.schema));
        validator.as_ref()
    }
}

impl fmt::Debug for Lazy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.schema)
    }
}
