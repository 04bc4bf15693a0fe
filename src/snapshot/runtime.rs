//! What is learned of an upstream while the gateway runs; it outlives reloads, by the upstream's name and address.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::attempt::{Health, Prefill, Pressure, Probed, RetryBudget};
use crate::clock;
use crate::config;
use crate::record::status::{LastFailure, Recent};

/// One upstream's memory.
#[derive(Debug)]
pub struct Runtime {
    pub retry_budget: RetryBudget,
    pub prefill: Prefill,
    /// How busy the server says that it is.
    pub pressure: Pressure,
    health: Mutex<Health>,
    /// When an answer last moved on there, in milliseconds since `origin`; 0 for never.
    progress: AtomicU64,
    origin: Instant,
    /// Requests that the server runs at a time, by its own word; 0 while unknown.
    slots: AtomicU32,
    /// An operator has taken it out of use.
    is_drained: AtomicBool,
    /// A ring of one: the newest failed attempt.
    failed: Recent<LastFailure>,
}

impl Runtime {
    pub fn new(rule: config::RetryBudget) -> Runtime {
        let now = clock::now();
        Runtime {
            retry_budget: RetryBudget::new(rule, now),
            prefill: Prefill::new(),
            pressure: Pressure::default(),
            health: Mutex::default(),
            progress: AtomicU64::new(0),
            origin: now,
            slots: AtomicU32::new(0),
            is_drained: AtomicBool::new(false),
            failed: Recent::new(1),
        }
    }

    pub fn health(&self) -> Health {
        *self.lock()
    }

    /// Takes in another probe; the standing before and after it.
    pub fn probed(&self, probed: Probed) -> (Health, Health) {
        let mut health = self.lock();
        let before = *health;
        *health = before.after(probed);
        (before, *health)
    }

    /// No probe is configured any more: what the last one said is forgotten.
    pub fn forget_probes(&self) {
        *self.lock() = Health::default();
    }

    /// Something of an answer came from there.
    pub fn made_progress(&self, now: Instant) {
        let since = now.saturating_duration_since(self.origin).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX).max(1);
        self.progress.store(since, Ordering::Relaxed);
    }

    /// Something of an answer came from there no longer ago than `within`.
    pub fn progressed_within(&self, within: Duration, now: Instant) -> bool {
        let at = self.progress.load(Ordering::Relaxed);
        let since = now.saturating_duration_since(self.origin);
        at != 0 && since.saturating_sub(Duration::from_millis(at)) <= within
    }

    /// Takes it out of use, or into it again. A restart of the gateway does so too.
    pub fn drain(&self, drained: bool) {
        self.is_drained.store(drained, Ordering::Relaxed);
    }

    /// It gets no new requests, by an operator's order.
    pub fn is_drained(&self) -> bool {
        self.is_drained.load(Ordering::Relaxed)
    }

    /// An attempt there has failed.
    pub fn failed(&self, failure: LastFailure) {
        self.failed.push(failure);
    }

    /// The newest attempt that failed there.
    pub fn last_failure(&self) -> Option<LastFailure> {
        self.failed.newest_first().pop()
    }

    /// Requests that the server runs at a time, by its own word.
    pub fn slots(&self) -> Option<u32> {
        Some(self.slots.load(Ordering::Relaxed)).filter(|slots| *slots > 0)
    }

    /// Whether that is news.
    pub fn learn_slots(&self, slots: u32) -> bool {
        self.slots.swap(slots, Ordering::Relaxed) != slots
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> Runtime {
        Runtime::new(config::RetryBudget {
            percent: 20,
            floor: 10,
            window: Duration::from_secs(10),
        })
    }

    #[test]
    fn of_failures_the_newest_stays() {
        let runtime = runtime();
        assert!(runtime.last_failure().is_none());
        for code in ["rate_limited", "upstream_error"] {
            runtime.failed(LastFailure {
                at: clock::wall(),
                code,
                correlation_id: code.to_owned(),
            });
        }
        let last = runtime.last_failure();
        assert_eq!(last.map(|last| last.code), Some("upstream_error"));
    }

    #[test]
    fn progress_is_forgotten_after_a_while() {
        let runtime = runtime();
        let start = clock::now();
        assert!(!runtime.progressed_within(Duration::from_secs(9), start));
        runtime.made_progress(start);
        assert!(runtime.progressed_within(Duration::from_secs(5), start + Duration::from_secs(4)));
        assert!(!runtime.progressed_within(Duration::from_secs(5), start + Duration::from_secs(6)));
    }
}
