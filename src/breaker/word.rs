//! A breaker's state in 64 bits.
//!
//! | bits  | what                | range                                             |
//! |-------|---------------------|---------------------------------------------------|
//! | 63–62 | phase               | 0 closed, 1 open, 2 half-open; 3 is corrupt       |
//! | 61–48 | epoch               | 0 to 16,383, then 0 again                         |
//! | 47–38 | failures in a row   | 0 to 1,023, where it stays                        |
//! | 37–0  | open, half-open: until, in ms since boot | 0 to 8.7 years               |
//! |       | closed: how many of the failures are borrowed | 0 to failures           |
//!
//! Zero is a closed breaker that has seen nothing, so a file of zeros is a file of closed breakers. Every other number is
//! a state as well: what can't have been written reads as closed.

use super::state::{Epoch, Phase, State, MOST_FAILURES};
use super::time::BootMillis;

const PHASE_SHIFT: u32 = 62;
const EPOCH_SHIFT: u32 = 48;
const FAILURES_SHIFT: u32 = BootMillis::BITS;

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;

pub fn pack(state: State) -> u64 {
    let (phase, failures, rest) = match state.phase {
        Phase::Closed { failures, borrowed } => (CLOSED, failures, u64::from(borrowed)),
        Phase::Open { failures, until } => (OPEN, failures, until.get()),
        Phase::HalfOpen { failures, until } => (HALF_OPEN, failures, until.get()),
    };
    let epoch = u64::from(state.epoch.get());
    let failures = u64::from(failures.min(MOST_FAILURES));
    phase << PHASE_SHIFT | epoch << EPOCH_SHIFT | failures << FAILURES_SHIFT | rest
}

pub fn unpack(word: u64) -> State {
    let epoch = Epoch::new((word >> EPOCH_SHIFT) as u16);
    let failures = (word >> FAILURES_SHIFT) as u16 & MOST_FAILURES;
    let rest = word & BootMillis::LATEST.get();
    let until = BootMillis::new(rest);
    let phase = match word >> PHASE_SHIFT {
        CLOSED if rest <= u64::from(failures) => Phase::Closed {
            failures,
            borrowed: rest as u16,
        },
        OPEN => Phase::Open { failures, until },
        HALF_OPEN => Phase::HalfOpen { failures, until },
        _ => return State::closed(epoch),
    };
    State { epoch, phase }
}
