//! A breaker's word in memory that threads and processes change at the same time.
//!
//! Every change is one compare-and-swap of the whole state. There is no lock that a killed process could take with it,
//! and no second word that could disagree with the first.

use std::sync::atomic::{AtomicU64, Ordering};

use super::state::{Event, Outcome, State};
use super::time::BootMillis;
use super::word::{pack, unpack};

/// A number that is changed by compare-and-swap only; a trait so that a model checker can stand in.
pub trait Word {
    fn load(&self) -> u64;
    /// # Errors
    /// The number that is there instead of `current`.
    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64>;
}

impl Word for AtomicU64 {
    fn load(&self) -> u64 {
        AtomicU64::load(self, Ordering::Acquire)
    }

    fn compare_exchange(&self, current: u64, new: u64) -> Result<u64, u64> {
        AtomicU64::compare_exchange(self, current, new, Ordering::AcqRel, Ordering::Acquire)
    }
}

/// Tells the breaker `event`. Writes nothing where nothing changes, which is the usual case.
pub fn tell<W: Word>(word: &W, event: Event, now: BootMillis) -> Outcome {
    let mut found = word.load();
    loop {
        let (state, outcome) = unpack(found).on(event, now);
        let new = pack(state);
        if new == found {
            return outcome;
        }
        match word.compare_exchange(found, new) {
            Ok(_) => return outcome,
            Err(other) => found = other,
        }
    }
}

/// The state now, as it was written.
pub fn read<W: Word>(word: &W) -> State {
    unpack(word.load())
}
