//! 7 summarise: what the client is told when something fails, and the one place that makes an answer of it.
//!
//! Every text that leaves here is made of this folder's own words, configured names, numbers, and the correlation
//! id. No function takes text of an upstream or of a client, so none can be passed on by mistake.

mod code;
mod hint;
mod message;
mod pointer;
mod summary;
mod table;
mod value;

#[cfg(test)]
mod tests;

pub use code::Code;
pub use hint::hint;
pub use pointer::{Pointer, Segment};
pub use summary::{body, event, headers, About, Shape};
pub use table::table_markdown;
pub use value::Failure;
