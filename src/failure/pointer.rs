//! A place in a request, told without repeating anything that the client wrote.
//!
//! Only keys that we or the operator chose may stand in it; every other one prints as `*`.

use std::fmt;
use std::sync::Arc;

/// A JSON pointer (RFC 6901) restricted to known keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    segments: Vec<Segment>,
}

/// One step of a [`Pointer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A key of our own tables.
    Key(&'static str),
    /// A key of the route's or a skill's schema: the operator's word, never the request's.
    SchemaKey(Arc<str>),
    /// A position in an array.
    Index(usize),
    /// Any other key; prints as `*`.
    Other,
}

/// A deeper place is told by its first steps: nesting is the client's choice, and answers are not to grow with it.
const MAX_SEGMENTS: usize = 16;

impl Pointer {
    /// Keeps the first 16 segments.
    pub fn new(segments: impl IntoIterator<Item = Segment>) -> Pointer {
        Pointer {
            segments: segments.into_iter().take(MAX_SEGMENTS).collect(),
        }
    }

    /// Takes apart a pointer written in our own source, such as `/messages/0/role`.
    ///
    /// Its keys are taken as they stand, without `~` escapes. The empty string is the whole document.
    pub fn from_static(pointer: &'static str) -> Pointer {
        let steps = pointer.split('/').skip(1);
        Pointer::new(steps.map(|step| step.parse().map_or(Segment::Key(step), Segment::Index)))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            write!(out, "/{segment}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Segment::Key(key) => out.write_str(&escaped(key)),
            Segment::SchemaKey(key) => out.write_str(&escaped(key)),
            Segment::Index(index) => write!(out, "{index}"),
            Segment::Other => out.write_str("*"),
        }
    }
}

/// RFC 6901, section 3.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
