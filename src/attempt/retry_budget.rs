//! How many retries an upstream may get from everybody together.
//!
//! Each request bounds its own retries, but a thousand requests that each try four times are an upstream's end. So each
//! upstream has one budget: within the window, retries are at most `floor` plus `percent` of the first attempts. The rule
//! a reader would break: **ask last, then send**, because what is granted is counted, sent or not.
//!
//! Time is cut into slices of a 32nd of the window. A slice that the window cuts through counts with its retries but not
//! with its first attempts, so never more is granted than the rule allows; what is refused for that reason would be
//! granted one slice later.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config;

/// Slices that a window is cut into: the budget is up to 3 % of the window stricter than its rule.
const SLICES: usize = 32;

/// One upstream's budget, shared by all requests.
#[derive(Debug)]
pub struct RetryBudget {
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    rule: config::RetryBudget,
    /// Where slice 0 began.
    origin: Instant,
    /// The number of `current`.
    number: u64,
    current: Slice,
    /// The [`SLICES`] before `current`, oldest first; the window cuts through the oldest one.
    older: VecDeque<Slice>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    firsts: u32,
    retries: u32,
}

impl RetryBudget {
    pub fn new(rule: config::RetryBudget, now: Instant) -> RetryBudget {
        RetryBudget {
            counts: Mutex::new(Counts::new(rule, now, now)),
        }
    }

    /// Counts a request whose first attempt goes to this upstream. One that failed over to it is a retry.
    pub fn first_attempt(&self, now: Instant) {
        let mut counts = self.counts();
        counts.move_on(now);
        counts.current.add_firsts(1);
    }

    /// Whether a retry may be sent; if so, it is counted.
    pub fn try_retry(&self, now: Instant) -> bool {
        let mut counts = self.counts();
        counts.move_on(now);
        let granted = counts.retries() < counts.allowed();
        if granted {
            counts.current.add_retries(1);
        }
        granted
    }

    /// From now on `rule` holds, for what is counted already too.
    ///
    /// A longer window starts without what the shorter one has forgotten.
    pub fn set_rule(&self, rule: config::RetryBudget, now: Instant) {
        let mut counts = self.counts();
        counts.move_on(now);
        if counts.rule.window == rule.window {
            counts.rule = rule;
        } else {
            *counts = counts.cut_anew(rule, now);
        }
    }

    /// A panic while the lock was held leaves plain numbers behind: they are as good as before.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn new(rule: config::RetryBudget, origin: Instant, now: Instant) -> Counts {
        Counts {
            number: slice_at(now.saturating_duration_since(origin), rule.window),
            rule,
            origin,
            current: Slice::default(),
            older: VecDeque::from([Slice::default(); SLICES]),
        }
    }

    /// Makes the slice of `now` the current one. A clock that was read before another's turn came counts as that turn's.
    fn move_on(&mut self, now: Instant) {
        let number = slice_at(now.saturating_duration_since(self.origin), self.rule.window);
        let steps = number.saturating_sub(self.number);
        // After so many steps all slices are empty.
        for _ in 0..steps.min(SLICES as u64 + 1) {
            self.older.pop_front();
            self.older.push_back(std::mem::take(&mut self.current));
        }
        self.number += steps;
    }

    fn retries(&self) -> u64 {
        let older = self.older.iter().map(|slice| u64::from(slice.retries));
        older.sum::<u64>() + u64::from(self.current.retries)
    }

    /// The most that the window may hold.
    fn allowed(&self) -> u64 {
        let whole = self.older.iter().skip(1);
        let older: u64 = whole.map(|slice| u64::from(slice.firsts)).sum();
        let firsts = older + u64::from(self.current.firsts);
        u64::from(self.rule.floor) + firsts * u64::from(self.rule.percent) / 100
    }

    /// The same counts in slices of another window: retries as late as they can have been, first attempts as early.
    fn cut_anew(&self, rule: config::RetryBudget, now: Instant) -> Counts {
        let mut anew = Counts::new(rule, self.origin, now);
        let width = width(self.rule.window);
        let numbers = (0..=self.number).rev();
        let newest_first = std::iter::once(&self.current).chain(self.older.iter().rev());
        for (number, slice) in numbers.zip(newest_first) {
            let begin = Duration::from_nanos(number.saturating_mul(width));
            let end = begin + Duration::from_nanos(width - 1);
            if let Some(late) = anew.slice_mut(slice_at(end, anew.rule.window)) {
                late.add_retries(slice.retries);
            }
            if let Some(early) = anew.slice_mut(slice_at(begin, anew.rule.window)) {
                early.add_firsts(slice.firsts);
            }
        }
        anew
    }

    /// The slice of that number, or the current one for a later number; none when it is forgotten.
    fn slice_mut(&mut self, number: u64) -> Option<&mut Slice> {
        let Some(age) = self.number.checked_sub(number).filter(|age| *age > 0) else {
            return Some(&mut self.current);
        };
        let place = SLICES.checked_sub(usize::try_from(age).ok()?)?;
        self.older.get_mut(place)
    }
}

impl Slice {
    fn add_firsts(&mut self, more: u32) {
        self.firsts = self.firsts.saturating_add(more);
    }

    fn add_retries(&mut self, more: u32) {
        self.retries = self.retries.saturating_add(more);
    }
}

/// Nanoseconds of one slice, at least one.
fn width(window: Duration) -> u64 {
    let nanos = window.as_nanos().div_ceil(SLICES as u128).max(1);
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

fn slice_at(since_origin: Duration, window: Duration) -> u64 {
    let nanos = u64::try_from(since_origin.as_nanos()).unwrap_or(u64::MAX);
    nanos / width(window)
}

#[cfg(test)]
mod tests;
