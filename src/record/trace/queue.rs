//! What waits for the exporter: requests' spans, bounded, handed over without waiting.
//!
//! A sender holds the lock for one push of a pointer. The exporter takes all that waits in one swap; what it has taken counts
//! until it has been sent or lost, so that memory is bounded while a collector is away.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

use super::span::RequestSpan;

/// Spans in memory at most, waiting or taken: about 4 MB with usual names. The SDKs' default is 2048.
pub const MOST_SPANS: usize = 4096;

/// A batch: the SDKs' default, some 300 kB.
pub const BATCH_SPANS: usize = 512;

/// How long spans gather before they are sent: short for whoever looks for a trace, and one request a second at most
/// while there are few of them.
const GATHER: Duration = Duration::from_secs(1);

pub type Waiting = Vec<Box<RequestSpan>>;

/// Why the exporter's round began.
pub struct Round {
    /// None when only time has passed.
    pub requests: Waiting,
    /// No more come after this round.
    pub last: bool,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    /// Tells the exporter that there is work.
    work: Condvar,
    /// Tells who waits for the end.
    end: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Waiting,
    /// In `waiting`.
    spans: usize,
    /// Taken by the exporter, neither sent nor lost yet.
    taken: usize,
    exporter: Doing,
    closing: bool,
    closed: bool,
}

/// What the exporter's thread is doing; changed by it, and by the sender that wakes it.
#[derive(Default, PartialEq)]
enum Doing {
    #[default]
    Working,
    /// Lets spans gather; a sender needn't wake it before there is a batch.
    Gathering,
    /// Waits for the first span.
    Idle,
}

impl Queue {
    /// False when there is no room for all spans of the request.
    pub fn push(&self, request: Box<RequestSpan>) -> bool {
        let spans = request.count();
        let mut state = self.lock();
        if state.closing || state.spans + state.taken + spans > MOST_SPANS {
            return false;
        }
        state.waiting.push(request);
        state.spans += spans;
        if state.must_wake() {
            state.exporter = Doing::Working;
            drop(state);
            self.work.notify_one();
        }
        true
    }

    /// For the exporter: waits for spans, at most `patience`, and takes them all.
    pub fn next_round(&self, patience: Duration) -> Round {
        let mut state = self.lock();
        state.exporter = Doing::Idle;
        state = self.wait(state, patience, |state| state.closing || state.spans > 0);
        if state.spans > 0 {
            state.exporter = Doing::Gathering;
            state = self.wait(state, GATHER, |state| {
                state.closing || state.spans >= BATCH_SPANS
            });
        }
        state.exporter = Doing::Working;
        state.taken += state.spans;
        state.spans = 0;
        Round {
            requests: std::mem::take(&mut state.waiting),
            last: state.closing,
        }
    }

    /// For the exporter: `spans` of those that it took are sent or lost.
    pub fn settled(&self, spans: usize) {
        let mut state = self.lock();
        state.taken = state.taken.saturating_sub(spans);
    }

    /// For the exporter: waits for `pause`, or until the queue is closed. Returns whether it is.
    pub fn pause(&self, pause: Duration) -> bool {
        self.wait(self.lock(), pause, |state| state.closing).closing
    }

    /// Takes no more spans; the exporter sends what waits and ends.
    pub fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
    }

    /// For the exporter: it is gone, whatever the reason. Returns how many spans are lost with it.
    pub fn exporter_ended(&self) -> usize {
        let mut state = self.lock();
        state.closing = true;
        state.closed = true;
        state.waiting.clear();
        let lost = state.spans + state.taken;
        (state.spans, state.taken) = (0, 0);
        drop(state);
        self.end.notify_all();
        lost
    }

    /// Whether the exporter has ended by `deadline`.
    pub fn wait_until_closed(&self, deadline: Instant) -> bool {
        let patience = deadline.saturating_duration_since(clock::now());
        let waited = self
            .end
            .wait_timeout_while(self.lock(), patience, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        patience: Duration,
        enough: fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self
            .work
            .wait_timeout_while(state, patience, |state| !enough(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn must_wake(&self) -> bool {
        match self.exporter {
            Doing::Working => false,
            Doing::Gathering => self.spans >= BATCH_SPANS,
            Doing::Idle => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_full_queue_takes_nothing_more_and_what_is_taken_counts() {
        let queue = Queue::default();
        let fits = MOST_SPANS / sample::request().count();
        for _ in 0..fits {
            assert!(queue.push(Box::new(sample::request())));
        }
        assert!(!queue.push(Box::new(sample::request())));

        let round = queue.next_round(Duration::ZERO);
        assert_eq!(round.requests.len(), fits);
        assert!(
            !queue.push(Box::new(sample::request())),
            "they are still in memory"
        );

        queue.settled(sample::request().count());
        assert!(queue.push(Box::new(sample::request())));
        assert!(!queue.push(Box::new(sample::request())));
    }

    #[test]
    fn a_request_is_taken_whole_or_not_at_all() {
        let queue = Queue::default();
        let mut large = sample::request();
        large.attempts = vec![sample::attempt(); MOST_SPANS];
        assert!(!queue.push(Box::new(large.clone())));
        large.attempts.pop();
        assert!(queue.push(Box::new(large)));
    }

    #[test]
    fn a_closed_queue_takes_nothing_and_hands_over_what_waits() {
        let queue = Queue::default();
        assert!(queue.push(Box::new(sample::request())));
        queue.close();
        assert!(!queue.push(Box::new(sample::request())));
        assert!(queue.pause(Duration::from_secs(3600)));

        let round = queue.next_round(Duration::from_secs(3600));
        assert!(round.last);
        assert_eq!(round.requests.len(), 1);
        assert_eq!(queue.exporter_ended(), sample::request().count());
        assert!(queue.wait_until_closed(clock::now()));
    }
}
