//! Stage 2, pick route: which path this is, what its body asks for, which route that means, what changes on
//! the way.
//!
//! All of it is pure. The body is looked at once ([`peek()`]), nothing of it is re-serialised, and the
//! bytes that were checked are the bytes that [`splice()`] sends on, but for the few values that it
//! replaces.

mod api;
mod fields;
mod keys;
mod limit;
mod paths;
mod peek;
mod prefix;
mod refused;
mod splice;
mod table;

pub use api::{Api, Shape};
pub use keys::Key;
pub use limit::{Asked, Limit};
pub use paths::{match_target, Endpoint};
pub use peek::{peek, Peek};
pub use prefix::prefix_key;
pub use refused::Refused;
pub use splice::{splice, Edits};
pub use table::{pick, Unknown};
