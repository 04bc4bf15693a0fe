//! How many retries an upstream may get from everybody together.
//!
//! Each request bounds its own retries, but a thousand requests that each try four times are an upstream's end. So each
//! upstream has one budget: within the window, retries are at most `floor` plus `percent` of the first attempts. The rule
//! a reader would break: **ask last and then send**, because what is granted is counted whether it is sent or not.
//!
//! Time is cut into slices of a 32nd of the window. A slice that the window cuts through counts with its retries and not
//! with its first attempts, so never more is granted than the rule allows; what is refused would have been allowed at
//! most one slice later.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::config;

/// Slices that a window is cut into: a retry becomes free again at most 3 % of the window late.
const SLICES: u32 = 32;

/// The window's slices and the one that it cuts through.
const KEPT: usize = SLICES as usize + 1;

/// One upstream's budget, shared by all requests.
#[derive(Debug)]
pub struct RetryBudget {
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    rule: config::RetryBudget,
    /// The beginning of slice 0.
    origin: Instant,
    /// The number of the last slice in `slices`.
    newest: u64,
    /// Always [`KEPT`], the oldest first.
    slices: VecDeque<Slice>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slice {
    firsts: u32,
    retries: u32,
}

impl RetryBudget {
    pub fn new(rule: config::RetryBudget, now: Instant) -> RetryBudget {
        RetryBudget {
            counts: Mutex::new(Counts::new(rule, now)),
        }
    }

    /// Counts a request's first attempt at this upstream.
    pub fn first_attempt(&self, now: Instant) {
        let mut counts = self.counts();
        let slice = counts.slice(now);
        slice.firsts = slice.firsts.saturating_add(1);
    }

    /// Whether a retry may be sent; if so, it is counted.
    pub fn try_retry(&self, now: Instant) -> bool {
        let mut counts = self.counts();
        let slice = counts.slice(now);
        let more = slice.retries.saturating_add(1);
        if !counts.allows_another() {
            return false;
        }
        counts.slice(now).retries = more;
        true
    }

    /// From now on `rule` holds, also for what is counted already.
    ///
    /// A longer window begins without what the shorter one has forgotten.
    pub fn set_rule(&self, rule: config::RetryBudget, now: Instant) {
        let mut counts = self.counts();
        if counts.rule.window == rule.window {
            counts.rule = rule;
        } else {
            *counts = counts.recut(rule, now);
        }
    }

    /// A panic while the lock was held leaves plain numbers behind: they are as good as before.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
