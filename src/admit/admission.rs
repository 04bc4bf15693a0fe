//! The one lock, and how those who wait are told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::entry::{Entry, Waiting};
use super::places::{Places, UpstreamPlaces};
use super::state::{Entered, Notice, State};
use super::status::Status;
use super::ticket::{Candidate, Refused, Taken, Ticket, TicketId, UpstreamId};
use crate::config::{CallerLimits, Lanes};

/// Shared by all requests; lives as long as the process.
pub struct Admission {
    state: Mutex<State<Answer>>,
}

/// What an upstream takes at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamLimits {
    pub upstream: UpstreamId,
    /// Requests in flight.
    pub streams: u32,
    /// Bytes of their prompts.
    pub prompt_bytes: u64,
}

type Answer = oneshot::Sender<Result<Places, Refused>>;
type Notices = Vec<Notice<Answer>>;

impl Admission {
    pub fn new(lanes: &Lanes) -> Arc<Admission> {
        let state = Mutex::new(State::new(lanes));
        Arc::new(Admission { state })
    }

    /// A new upstream; it has no places until it is configured.
    pub fn add_upstream(self: &Arc<Self>) -> UpstreamPlaces {
        let id = self.lock().upstreams.add();
        UpstreamPlaces::new(Arc::clone(self), id)
    }

    /// Changes all limits at once. What runs is left alone: more places are given out at once, fewer come about as
    /// streams end. An upstream that isn't named keeps what it has.
    pub fn configure(
        self: &Arc<Self>,
        lanes: &Lanes,
        upstreams: &[UpstreamLimits],
        callers: &BTreeMap<String, CallerLimits>,
    ) {
        self.change(|state, notices| {
            for one in upstreams {
                let (streams, bytes) = (one.streams, one.prompt_bytes);
                state.upstreams.configure(one.upstream, streams, bytes);
            }
            state.configure(lanes, callers, notices);
        });
    }

    /// Asks for a place in the lane and one at an upstream, and waits for both no longer than `patience` from `now`.
    pub fn enter(self: &Arc<Self>, ticket: &Ticket<'_>, now: Instant, patience: Duration) -> Entry {
        let mut told = None;
        let entered = self
            .change(|state, notices| state.enter(ticket, now, || answer_into(&mut told), notices));
        match entered {
            Entered::Inside(taken) => Entry::inside(Places::new(Arc::clone(self), taken)),
            Entered::Refused(refused) => Entry::refused(refused),
            Entered::Waiting(ticket) => Entry::waiting(Waiting::new(
                Arc::clone(self),
                (ticket, told),
                (now, patience),
                None,
            )),
        }
    }

    pub(super) fn enter_again(
        self: &Arc<Self>,
        mut kept: Places,
        asked: (&[Candidate], u64),
        now: Instant,
        patience: Duration,
    ) -> Entry {
        let mut told = None;
        let entered = self.change(|state, notices| {
            state.enter_again(kept.lane(), asked, now, || answer_into(&mut told), notices)
        });
        match entered {
            Entered::Inside(taken) => {
                kept.take_over(&mut Places::new(Arc::clone(self), taken));
                Entry::inside(kept)
            }
            Entered::Refused(refused) => Entry::refused(refused),
            Entered::Waiting(ticket) => Entry::waiting(Waiting::new(
                Arc::clone(self),
                (ticket, told),
                (now, patience),
                Some(kept),
            )),
        }
    }

    /// Refuses everybody who waits for a first place, and whoever comes from now on. What runs goes on, with its retries.
    pub fn close(self: &Arc<Self>) {
        self.change(State::close);
    }

    pub fn status(&self, now: Instant) -> Status {
        self.lock().status(now)
    }

    pub(super) fn position(&self, ticket: TicketId) -> Option<usize> {
        self.lock().position(ticket)
    }

    pub(super) fn reconsider(self: &Arc<Self>, ticket: TicketId, candidates: &[Candidate]) {
        self.change(|state, notices| state.reconsider(ticket, candidates, notices));
    }

    /// Whether it was still waiting.
    pub(super) fn leave(self: &Arc<Self>, ticket: TicketId) -> bool {
        self.change(|state, notices| state.leave(ticket, notices))
            .is_some()
    }

    pub(super) fn give_back(self: &Arc<Self>, taken: Taken) {
        self.change(|state, notices| state.give_back(taken, notices));
    }

    pub(super) fn retire(&self, upstream: UpstreamId) {
        self.lock().retire(upstream);
    }

    /// Decides under the lock, tells outside of it.
    fn change<T>(self: &Arc<Self>, event: impl FnOnce(&mut State<Answer>, &mut Notices) -> T) -> T {
        let mut notices = Vec::new();
        let result = event(&mut self.lock(), &mut notices);
        for Notice { answer, outcome } in notices {
            let outcome = outcome.map(|taken| Places::new(Arc::clone(self), taken));
            // Whoever left at this very moment gives the places back by dropping them.
            drop(answer.send(outcome));
        }
        result
    }

    /// A panic while the lock was held leaves plain counts behind: they are as good as before.
    fn lock(&self) -> MutexGuard<'_, State<Answer>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_into(told: &mut Option<oneshot::Receiver<Result<Places, Refused>>>) -> Answer {
    let (answer, receiver) = oneshot::channel();
    *told = Some(receiver);
    answer
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").finish_non_exhaustive()
    }
}
