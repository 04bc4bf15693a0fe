//! How much all manifests of a folder may hold together, so that reading them takes bounded time and memory.

use super::{Manifest, Schema};

/// A thousand manifests of 16 KiB.
const BYTES: usize = 16 << 20;

/// Schemas within schemas; the memory and the time of compiling go by them.
const SCHEMAS: usize = 50_000;

/// Patterns; the memory of matching goes by them.
const PATTERNS: u64 = 2000;

/// What has been taken so far.
#[derive(Debug, Default)]
pub struct Budgets {
    bytes: usize,
    schemas: usize,
    patterns: u64,
}

impl Budgets {
    /// # Errors
    /// There are too many; reads well after the file's name.
    pub fn take_bytes(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        within(self.bytes, BYTES, "bytes")
    }

    /// # Errors
    /// Like [`Budgets::take_bytes`].
    pub fn take_schemas(&mut self, manifest: &Manifest) -> Result<(), String> {
        for schema in all(manifest) {
            self.schemas = self.schemas.saturating_add(schema.parts());
            self.patterns = self.patterns.saturating_add(schema.patterns());
        }
        within(self.schemas, SCHEMAS, "schemas")?;
        within(self.patterns, PATTERNS, "patterns")
    }
}

fn all(manifest: &Manifest) -> impl Iterator<Item = &Schema> {
    let response = &manifest.response;
    let answers = response.content.iter().chain(response.tools.values());
    manifest.request.iter().chain(answers)
}

fn within<N: PartialOrd + std::fmt::Display>(taken: N, most: N, what: &str) -> Result<(), String> {
    if taken > most {
        return Err(format!(
            "brings the manifests to more than {most} {what} together"
        ));
    }
    Ok(())
}
