//! What people are shown of a breaker.

use std::time::Duration;

use super::state::{Phase, State};
use super::time::BootMillis;

/// What would happen to the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It goes.
    Closed,
    /// It is refused, and so are all until the time is over.
    Open,
    /// It is the probe, or one is out.
    HalfOpen,
}

/// A breaker at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    pub condition: Condition,
    /// Consecutive ones, of an open breaker those that opened it.
    pub failures: u32,
    /// How long it stays open yet.
    pub open_for: Option<Duration>,
    /// How long the probe that is out may hold its place yet.
    pub probe_for: Option<Duration>,
}

impl View {
    /// Of a breaker that has seen nothing, or that doesn't exist.
    pub const CLOSED: View = View {
        condition: Condition::Closed,
        failures: 0,
        open_for: None,
        probe_for: None,
    };

    pub(super) fn of(state: State, now: BootMillis) -> View {
        let view = |condition, failures, open_for, probe_for| View {
            condition,
            failures: u32::from(failures),
            open_for,
            probe_for,
        };
        match state.healed(now).phase {
            Phase::Closed { failures, .. } => view(Condition::Closed, failures, None, None),
            Phase::Open { failures, until } => match now.until(until) {
                Some(left) => view(Condition::Open, failures, Some(left), None),
                None => view(Condition::HalfOpen, failures, None, None),
            },
            Phase::HalfOpen { failures, until } => {
                view(Condition::HalfOpen, failures, None, now.until(until))
            }
        }
    }
}

/// What is left, for people and scripts; never 0: it isn't over yet.
pub fn whole_seconds(left: Duration) -> u64 {
    left.as_secs().max(1)
}
