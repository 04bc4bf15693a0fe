//! JSON Schemas of manifests: read strictly, compiled once, checked in bounded time.
//!
//! A schema that arrives here may be careless and the document that it is held against hostile. So a keyword that isn't
//! checked is refused instead of ignored, nothing is ever looked up elsewhere, patterns run in linear time, and what one
//! value can cost is bounded when the schema is read.

mod compiled;
mod explain;
mod keywords;
mod read;
mod tree;

pub use compiled::{Compiler, Schema};
pub use read::read;

#[cfg(test)]
mod tests;
