//! What a breaker does with what it is told: a pure function of its state, one event and the time.
//!
//! Each permission to go carries the **epoch** in which it was given. Opening, a probe and a reset begin a new one, so the
//! report of a request that started before changes nothing, and of all requests only the latest probe has the epoch of a
//! half-open breaker. Closing after a probe begins none: what happens to the probe's stream afterwards counts as usual.

use std::time::Duration;

use super::time::BootMillis;
use crate::config::COOL_DOWN_MAX;

/// Counts stop here; more than any threshold that configuration takes.
pub const MOST_FAILURES: u16 = 1023;

/// Epochs begin again after this one. A request would have to outlive that many openings and probes to be taken for a
/// later one, and then counts for once.
pub const LAST_EPOCH: u16 = (1 << 14) - 1;

/// A probe's place falls free this long after the probe should have been given up by itself.
const LEASE_MARGIN: Duration = Duration::from_secs(5);

/// No first-token limit that configuration takes is longer than the longest cool-down.
const LONGEST_LEASE: Duration = COOL_DOWN_MAX.saturating_add(LEASE_MARGIN);

/// `now` was read a moment before the state was: another process may have set a deadline in between.
const READ_MARGIN: Duration = Duration::from_secs(5);

/// While a probe is out nobody can say when it ends; a caller that insists asks again after this.
const PROBE_RETRY: Duration = Duration::from_secs(1);

/// How long a probe may hold its place, given its own limit for the first token (of a plain answer: for the answer).
pub fn lease(first_token: Duration) -> Duration {
    first_token.saturating_add(LEASE_MARGIN).min(LONGEST_LEASE)
}

/// The state of one breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub epoch: Epoch,
    pub phase: Phase,
}

/// What a breaker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Everybody may go. Of the consecutive failures, `borrowed` are failures to connect of the address's other models.
    Closed { failures: u16, borrowed: u16 },
    /// Nobody may go before `until`; then the first one to ask is the probe.
    Open { failures: u16, until: BootMillis },
    /// One probe is out, and holds its place until `until` at most.
    HalfOpen { failures: u16, until: BootMillis },
}

/// A stretch of a breaker's life; reports count in their own only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Epoch(u16);

/// When to open and for how long: the breaker of the route that reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    threshold: u16,
    cool_down: Duration,
}

/// What a breaker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// May I go? If I am the probe, I am done after `lease` at the latest.
    Ask {
        lease: Duration,
    },
    /// It went well; of a probe: its answer has begun.
    Success {
        epoch: Epoch,
    },
    Failure {
        epoch: Epoch,
        rule: Rule,
    },
    /// It ended and says nothing about the upstream: the client left, or its deadline came.
    Left {
        epoch: Epoch,
    },
    /// A request for another model at the address couldn't connect.
    Unreachable {
        rule: Rule,
    },
    /// A request for another model at the address went well.
    Reachable,
    /// An operator closes it.
    Reset,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Go {
        epoch: Epoch,
    },
    Probe {
        epoch: Epoch,
    },
    Refused {
        retry_in: Duration,
    },
    Opened,
    Closed,
    /// Taken into account.
    Counted,
    /// It came too late, or has nothing to say in this phase.
    Ignored,
}

impl Epoch {
    pub const fn new(number: u16) -> Epoch {
        Epoch(number & LAST_EPOCH)
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    fn next(self) -> Epoch {
        Epoch::new(self.0.wrapping_add(1))
    }
}

impl Rule {
    /// Out of range, the nearest that makes sense.
    pub fn new(threshold: u32, cool_down: Duration) -> Rule {
        let threshold = u16::try_from(threshold).unwrap_or(MOST_FAILURES);
        Rule {
            threshold: threshold.clamp(1, MOST_FAILURES),
            cool_down: cool_down.min(COOL_DOWN_MAX),
        }
    }
}

impl State {
    /// A breaker that nobody has told anything yet.
    pub const NEW: State = State::closed(Epoch(0));

    pub const fn closed(epoch: Epoch) -> State {
        let phase = Phase::Closed {
            failures: 0,
            borrowed: 0,
        };
        State { epoch, phase }
    }

    /// The state after `event`, and what came of it. The same state comes back where nothing changes.
    pub fn on(self, event: Event, now: BootMillis) -> (State, Outcome) {
        let state = match event {
            // Reported from `Drop`, where nobody knows what time it is.
            Event::Left { .. } => self,
            _ => self.healed(now),
        };
        match event {
            Event::Ask { lease } => state.asked(lease, now),
            Event::Success { epoch } if epoch == state.epoch => state.succeeded(),
            Event::Failure { epoch, rule } if epoch == state.epoch => state.failed(rule, now),
            Event::Left { epoch } if epoch == state.epoch => state.left(),
            Event::Success { .. } | Event::Failure { .. } | Event::Left { .. } => {
                (state, Outcome::Ignored)
            }
            Event::Unreachable { rule } => state.unreachable(rule, now),
            Event::Reachable => state.reachable(),
            Event::Reset => state.reset(),
        }
    }

    /// Closed where its deadline is later than any that can have been set: such a word is corrupt.
    pub fn healed(self, now: BootMillis) -> State {
        let (until, longest) = match self.phase {
            Phase::Closed { .. } => return self,
            Phase::Open { until, .. } => (until, COOL_DOWN_MAX),
            Phase::HalfOpen { until, .. } => (until, LONGEST_LEASE),
        };
        if until > now.plus(longest).plus(READ_MARGIN) {
            return State::closed(self.epoch);
        }
        self
    }

    fn asked(self, lease: Duration, now: BootMillis) -> (State, Outcome) {
        let (failures, retry_in) = match self.phase {
            Phase::Closed { .. } => return (self, Outcome::Go { epoch: self.epoch }),
            Phase::Open { failures, until } => (failures, now.until(until)),
            Phase::HalfOpen { failures, until } => {
                (failures, now.until(until).map(|_| PROBE_RETRY))
            }
        };
        if let Some(retry_in) = retry_in {
            return (self, Outcome::Refused { retry_in });
        }
        let epoch = self.epoch.next();
        let until = now.plus(lease.min(LONGEST_LEASE));
        let phase = Phase::HalfOpen { failures, until };
        (State { epoch, phase }, Outcome::Probe { epoch })
    }

    fn succeeded(self) -> (State, Outcome) {
        let outcome = match self.phase {
            Phase::Closed { .. } => Outcome::Counted,
            Phase::HalfOpen { .. } => Outcome::Closed,
            Phase::Open { .. } => return (self, Outcome::Ignored),
        };
        (State::closed(self.epoch), outcome)
    }

    fn failed(self, rule: Rule, now: BootMillis) -> (State, Outcome) {
        match self.phase {
            Phase::Closed { failures, borrowed } => {
                self.count(one_more(failures), borrowed, rule, now)
            }
            Phase::HalfOpen { failures, .. } => self.open(one_more(failures), rule, now),
            Phase::Open { .. } => (self, Outcome::Ignored),
        }
    }

    /// The probe's place is free for the next one who asks.
    fn left(self) -> (State, Outcome) {
        let Phase::HalfOpen { failures, .. } = self.phase else {
            return (self, Outcome::Ignored);
        };
        let phase = Phase::Open {
            failures,
            until: BootMillis::BOOT,
        };
        (State { phase, ..self }, Outcome::Counted)
    }

    fn unreachable(self, rule: Rule, now: BootMillis) -> (State, Outcome) {
        let Phase::Closed { failures, borrowed } = self.phase else {
            // It is left alone already; its own probe will find out.
            return (self, Outcome::Ignored);
        };
        self.count(one_more(failures), one_more(borrowed), rule, now)
    }

    fn reachable(self) -> (State, Outcome) {
        match self.phase {
            Phase::Closed { failures, borrowed } if borrowed > 0 => {
                let phase = Phase::Closed {
                    failures: failures.saturating_sub(borrowed),
                    borrowed: 0,
                };
                (State { phase, ..self }, Outcome::Counted)
            }
            _ => (self, Outcome::Ignored),
        }
    }

    fn reset(self) -> (State, Outcome) {
        let outcome = match self.phase {
            Phase::Closed { failures: 0, .. } => return (self, Outcome::Ignored),
            Phase::Closed { .. } => Outcome::Counted,
            Phase::Open { .. } | Phase::HalfOpen { .. } => Outcome::Closed,
        };
        (State::closed(self.epoch.next()), outcome)
    }

    fn count(self, failures: u16, borrowed: u16, rule: Rule, now: BootMillis) -> (State, Outcome) {
        if failures >= rule.threshold {
            return self.open(failures, rule, now);
        }
        let phase = Phase::Closed { failures, borrowed };
        (State { phase, ..self }, Outcome::Counted)
    }

    fn open(self, failures: u16, rule: Rule, now: BootMillis) -> (State, Outcome) {
        let epoch = self.epoch.next();
        let until = now.plus(rule.cool_down);
        let phase = Phase::Open { failures, until };
        (State { epoch, phase }, Outcome::Opened)
    }
}

fn one_more(count: u16) -> u16 {
    count.saturating_add(1).min(MOST_FAILURES)
}

#[cfg(test)]
mod tests;
