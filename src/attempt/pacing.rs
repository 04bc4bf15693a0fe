//! Who may ask an upstream's model again after it said 429, and when.
//!
//! A 429 proves that the server lives, so the breaker leaves it alone; instead everybody keeps away until the time that it
//! named. Then one request a `base` goes through for the first second, because all who waited come back at once. The rule
//! a reader would break: **a turn is taken by asking for it**, so ask with [`Pace::try_pass`] when about to send, and look
//! with [`Pace::ready_at`] while still choosing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long requests go through one by one after the wait.
const ONE_BY_ONE: Duration = Duration::from_secs(1);

/// The pace of one upstream's model, shared by all requests. Without a 429 it holds nobody up.
#[derive(Debug, Default)]
pub struct Pace {
    held: Mutex<Option<Held>>,
}

/// What a request that is about to be sent is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    Go,
    /// Not before this; ask again then, for another one may be first.
    WaitUntil(Instant),
}

#[derive(Debug, Clone, Copy)]
struct Held {
    /// Nobody goes through before this.
    until: Instant,
    /// When the next one may, within [`ONE_BY_ONE`] of `until`.
    next: Instant,
}

impl Pace {
    pub fn new() -> Pace {
        Pace::default()
    }

    /// Keeps everybody away for as long as the 429 asked, at most `cap`; of two waits the longer one counts.
    ///
    /// A 429 that names no time holds nobody up: how long its own request backs off says nothing about others.
    pub fn on_429(&self, now: Instant, asked: Option<Duration>, cap: Duration) {
        let Some(until) = asked.and_then(|asked| now.checked_add(asked.min(cap))) else {
            return;
        };
        let mut held = self.held();
        *held = Some(match *held {
            Some(before) if before.until >= until => before,
            Some(before) => Held {
                until,
                next: until.max(before.next),
            },
            None => Held { until, next: until },
        });
    }

    /// When a request may go through at the earliest; none when it may now. Takes no turn.
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        let held = self.held().filter(|held| now < held.end())?;
        Some(held.opens()).filter(|at| *at > now)
    }

    /// Lets a request through or tells it how long to stay away; `base` lies between two of the first second.
    pub fn try_pass(&self, now: Instant, base: Duration) -> Pass {
        let mut held = self.held();
        let Some(mut current) = held.filter(|held| now < held.end()) else {
            *held = None;
            return Pass::Go;
        };
        if now < current.opens() {
            return Pass::WaitUntil(current.opens());
        }
        current.next = now.checked_add(base).unwrap_or(current.end());
        *held = Some(current);
        Pass::Go
    }

    /// A panic while the lock was held leaves plain values behind: they are as good as before.
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// When everybody may go through.
    fn end(self) -> Instant {
        self.until.checked_add(ONE_BY_ONE).unwrap_or(self.until)
    }

    /// When the next one may go through.
    fn opens(self) -> Instant {
        self.next.clamp(self.until, self.end())
    }
}

#[cfg(test)]
mod tests;
