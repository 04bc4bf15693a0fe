//! The circuit breaker: leaves an upstream alone that keeps failing, and remembers it across restarts.
//!
//! `state` decides (pure), `word` packs a state into 64 bits, `cell` changes such a word by compare-and-swap, `claim` and
//! `table` give every upstream's address and model a word of its own, `map` opens the file that holds them, `handle` is
//! what a request uses, `picture` what a command reads. The rule a reader would break: **a word changes in one
//! compare-and-swap or not at all**, so that a kill at any instruction leaves a file that every process understands.
//!
//! # A failure to connect
//!
//! It counts for every model at the address. Each model has its own word, so the one who couldn't connect tells all words
//! whose record bears the same address, those of other processes included. A word keeps apart what it *borrowed* in this
//! way: when a request for any model there comes to a good end, connecting works, and what the other models borrowed is
//! taken back. So five failures to connect in a row open all models, whichever of them was asked for; now and then one
//! among answers opens none; and a model's own failures are forgotten for its own successes only.

pub mod cell;
pub mod claim;
mod handle;
mod key;
mod layout;
mod map;
mod picture;
mod problem;
pub mod state;
mod table;
mod time;
mod view;
mod word;

pub use handle::{Breakers, Opened, Permit, ProbeSign, Refused, Slot};
pub use key::Key;
pub use picture::{Picture, Unread};
pub use problem::{Flaw, Problem, Why};
pub use state::{lease, Rule};
pub use table::SlotId;
pub use time::BootMillis;
pub use view::{whole_seconds, Condition, View};

#[cfg(test)]
mod tests;
