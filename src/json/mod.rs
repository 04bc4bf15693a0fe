//! Looks at JSON without building it: a strict scan of a whole request, an incremental skim of an answer.
//!
//! Nothing here makes a document tree. Bodies pass through unchanged, so all that is needed is whether every
//! server would read them the same way, and where the few values stand that the gateway decides by.

mod cursor;
#[cfg(test)]
pub mod sample;
mod scan;
mod skim;
mod text;
mod walk;

pub use cursor::{Malformed, Span, Why};
pub use scan::{scan, Kind, Member, Scanned, MAX_DEPTH, MAX_MEMBERS};
pub use skim::{Skimmed, Skimmer};
pub use text::{unescape, Quoted};
pub use walk::{items, members, text, tokens};
