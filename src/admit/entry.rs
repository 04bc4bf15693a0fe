//! A request's way in: a future that is ready at once when nobody is before it.
//!
//! Dropping it, at any moment, takes the request out of its queue; places that were on their way to it come back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::{sleep_until, Sleep};

use super::admission::Admission;
use super::places::Places;
use super::ticket::{Candidate, Refused, TicketId};

type Outcome = Result<Places, Refused>;

/// Resolves to the places, or to why there are none.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Entry {
    step: Step,
}

enum Step {
    Settled(Outcome),
    Waiting(Waiting),
    /// The outcome has been handed out.
    Over,
}

/// A request in the queue.
pub struct Waiting {
    admission: Arc<Admission>,
    ticket: TicketId,
    /// Carries the outcome once there is one.
    told: Option<oneshot::Receiver<Outcome>>,
    until: Instant,
    /// Made when it is first waited for.
    patience: Option<Pin<Box<Sleep>>>,
    /// The lane place of a retry.
    kept: Option<Places>,
}

impl Entry {
    pub(super) fn inside(places: Places) -> Entry {
        let step = Step::Settled(Ok(places));
        Entry { step }
    }

    pub(super) fn refused(refused: Refused) -> Entry {
        let step = Step::Settled(Err(refused));
        Entry { step }
    }

    pub(super) fn waiting(waiting: Waiting) -> Entry {
        let step = Step::Waiting(waiting);
        Entry { step }
    }

    /// It was neither let in nor refused at once.
    pub fn waits(&self) -> bool {
        matches!(self.step, Step::Waiting(_))
    }

    /// How many would go in before it, itself included, if all of its lane wanted the same; at this moment, for callers
    /// that come later take their turns too. None when it doesn't wait, or not any more.
    pub fn position(&self) -> Option<usize> {
        match &self.step {
            Step::Waiting(waiting) => waiting.admission.position(waiting.ticket),
            Step::Settled(_) | Step::Over => None,
        }
    }

    /// Other targets are open now than when it began to wait; it keeps its turn. Without any it waits for the next call.
    pub fn reconsider(&mut self, candidates: &[Candidate]) {
        if let Step::Waiting(waiting) = &self.step {
            waiting.admission.reconsider(waiting.ticket, candidates);
        }
    }
}

impl Future for Entry {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Step::Waiting(waiting) = &mut self.step {
            let outcome = std::task::ready!(waiting.poll(context));
            self.step = Step::Over;
            return Poll::Ready(outcome);
        }
        match std::mem::replace(&mut self.step, Step::Over) {
            Step::Settled(outcome) => Poll::Ready(outcome),
            Step::Waiting(_) | Step::Over => unreachable!("polled again after it was ready"),
        }
    }
}

impl Waiting {
    pub(super) fn new(
        admission: Arc<Admission>,
        (ticket, told): (TicketId, Option<oneshot::Receiver<Outcome>>),
        (now, patience): (Instant, Duration),
        kept: Option<Places>,
    ) -> Waiting {
        Waiting {
            admission,
            ticket,
            told,
            until: now.checked_add(patience).unwrap_or(now),
            patience: None,
            kept,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        // Before the clock: what has come in time counts, however late it is looked at.
        if let Some(told) = &mut self.told {
            if let Poll::Ready(outcome) = Pin::new(told).poll(context) {
                self.told = None;
                return Poll::Ready(self.settle(outcome));
            }
        }
        let until = self.until;
        let patience = self
            .patience
            .get_or_insert_with(|| Box::pin(sleep_until(until.into())));
        std::task::ready!(patience.as_mut().poll(context));
        if self.admission.leave(self.ticket) {
            self.told = None;
            return Poll::Ready(Err(Refused::QueueTimeout));
        }
        // It was let in at this very moment: the places are on their way.
        Poll::Pending
    }

    fn settle(&mut self, outcome: Result<Outcome, oneshot::error::RecvError>) -> Outcome {
        // Nobody drops an answer without a word.
        let mut places = outcome.unwrap_or(Err(Refused::Closed))?;
        match self.kept.take() {
            None => Ok(places),
            Some(mut kept) => {
                kept.take_over(&mut places);
                Ok(kept)
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.told.is_some() {
            self.admission.leave(self.ticket);
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match &self.step {
            Step::Settled(outcome) => format!("{outcome:?}"),
            Step::Waiting(waiting) => format!("{:?}", waiting.ticket),
            Step::Over => "over".to_owned(),
        };
        f.debug_tuple("Entry").field(&step).finish()
    }
}
