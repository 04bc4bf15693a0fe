//! How busy an upstream says it is: its own metrics, read now and then, beside our count of what we sent.
//!
//! Our count is exact and always fresh, but others may send requests past the gateway. The upstream counts those too, but
//! with ours among them and some seconds ago. So what is taken from its numbers is only the difference to ours **as it was
//! when they were read**: compared with our count of now, a burst of ours that has ended would look like somebody else's.
//!
//! The formula is that of vLLM 0.32 for its own engines (`get_core_engine_for_request`: the greater of the own count and
//! `waiting + running`, and `6 × waiting × (cache - 0.5)` when requests wait), with the difference where vLLM compares,
//! because its numbers are 100 ms old and ours may be seconds. What waits isn't counted more than once otherwise: a request
//! passes through the queue of an idle vLLM too, and a queue seen seconds ago is often gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

mod text;

pub use text::{read, NoReading};

/// A reading is used until it is this many intervals old: two may be missed. While llama.cpp reads a long prompt, it doesn't
/// answer its metrics path either.
const FRESH_INTERVALS: u32 = 3;

/// From here on the cache counts as if a request waited for it. Keeping the last 5 % of the blocks free took away 82 % of
/// vLLM's preemptions, keeping 10 % hardly more (its pull request 44594, June 2026).
const NEARLY_FULL: f64 = 0.95;

/// What a waiting request costs more when the cache is full, and from where on it costs more: see above.
const CACHE_PENALTY: f64 = 6.0;
const CACHE_PENALTY_FROM: f64 = 0.5;

/// What an upstream's metrics said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Requests that it works on.
    pub running: u32,
    /// Requests that wait inside it.
    pub waiting: u32,
    /// The used share of its KV cache, from 0 to 1; none where it doesn't say.
    pub kv_cache: Option<f64>,
}

/// A reading and what is needed to compare it with our own count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    pub reading: Reading,
    /// Requests of ours that were there when it was read.
    pub ours: u32,
}

/// The last reading of one upstream, shared by all requests.
#[derive(Debug, Default)]
pub struct Pressure {
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    seen: Option<(Seen, Instant)>,
    /// Why the last answer was no reading.
    trouble: Option<NoReading>,
}

impl Pressure {
    /// Remembers what was read at `now`; whether that is news, because the answer before was no reading.
    ///
    /// `ours` is the greater of our counts before and after reading, so that a request of ours that just came or just went
    /// isn't taken for somebody else's.
    pub fn saw(&self, reading: Reading, ours: u32, now: Instant) -> bool {
        let mut last = self.lock();
        last.seen = Some((Seen { reading, ours }, now));
        last.trouble.take().is_some()
    }

    /// Remembers why an answer was no reading; whether that is news. The last reading holds as long as it is fresh.
    pub fn failed(&self, why: NoReading) -> bool {
        self.lock().trouble.replace(why) != Some(why)
    }

    /// Nobody reads it any more.
    pub fn forget(&self) {
        *self.lock() = Last::default();
    }

    /// The last reading, unless it is older than three times `every`, the time between two.
    pub fn fresh(&self, now: Instant, every: Duration) -> Option<Seen> {
        let (seen, at) = self.lock().seen?;
        let age = now.saturating_duration_since(at);
        (age <= every.saturating_mul(FRESH_INTERVALS)).then_some(seen)
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an upstream has to do, in requests: `ours` of now, those of others, and what a full cache makes them cost.
pub fn load(ours: u32, seen: Option<Seen>) -> u32 {
    let Some(Seen {
        reading,
        ours: then,
    }) = seen
    else {
        return ours;
    };
    let theirs = reading.running.saturating_add(reading.waiting);
    let others = theirs.saturating_sub(then);
    ours.saturating_add(others)
        .saturating_add(penalty(&reading))
}

/// Requests that wait for room in the cache drain slowly, so each counts up to four times.
fn penalty(reading: &Reading) -> u32 {
    let Some(used) = reading.kv_cache else {
        return 0;
    };
    let waiting = reading.waiting.max(u32::from(used >= NEARLY_FULL));
    let over = (used - CACHE_PENALTY_FROM).max(0.0);
    // Saturates, and a reading is never negative.
    (f64::from(waiting) * CACHE_PENALTY * over).ceil() as u32
}

#[cfg(test)]
mod tests;
