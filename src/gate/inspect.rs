//! Somebody who looks at a whole answer before it goes out, or, where it has gone already, at its end.
//!
//! The gate doesn't know what an answer should be like. It hands over what was said and asks once, at the end.

use std::fmt;

/// Hears an answer and judges it.
pub trait Inspect: fmt::Debug + Send + Sync {
    /// A piece of an answer that is no stream.
    fn plain(&mut self, piece: &[u8]);

    /// The data of one event.
    fn event(&mut self, data: &[u8]);

    /// The answer is larger than what is held, and so never whole here; what it said, for the restricted log.
    fn give_up(self: Box<Self>) -> Vec<u8>;

    /// The answer is whole. An error is what it said, for the restricted log: it isn't what was wanted.
    fn finish(self: Box<Self>) -> Result<(), Vec<u8>>;
}
