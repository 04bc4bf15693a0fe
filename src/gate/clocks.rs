//! The clocks of one attempt, and which of them runs in which phase.

use std::time::{Duration, Instant};

use super::watch::Fault;

/// After every choice has its `finish_reason` the rest is waited for in at most this much silence.
pub const AFTER_FINISH: Duration = Duration::from_secs(1);

/// The body of an error answer is waited for this long: it only helps to classify what is already a failure.
pub const ERROR_BODY: Duration = Duration::from_secs(5);

/// Limits of one attempt, each counted from what its name says.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// From the attempt's start to the answer's head, of a stream.
    pub header: Duration,
    /// From the attempt's start to the first event with content.
    pub first_token: Duration,
    /// Between two reads of a stream.
    pub idle: Duration,
    /// From the attempt's start to the end of a plain answer. A stream's clocks don't apply to it, because most servers
    /// send the head of a plain answer only when all of it exists.
    pub plain: Duration,
    /// The request's own end, attempts and waiting included.
    pub total_at: Instant,
}

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Sending the request or waiting for the head.
    Header,
    /// The head is here, nothing that may be committed yet.
    FirstToken,
    /// Events are on their way to the client.
    Stream,
    /// Events are being collected until the answer is whole.
    Collecting,
    /// The answer is whole; its framing's end is still missing.
    Finished,
    /// The body of an answer that isn't a stream.
    PlainBody,
    /// The body of an answer that is an error.
    ErrorBody,
}

/// When something last happened.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    pub started: Instant,
    pub head: Option<Instant>,
    pub last_read: Instant,
}

impl Clocks {
    /// The next deadline and what missing it means.
    pub fn next(&self, phase: Phase, wants_stream: bool, marks: Marks) -> (Instant, Fault) {
        let own = match phase {
            Phase::Header if wants_stream => (marks.started + self.header, Fault::HeaderTimeout),
            Phase::Header => (marks.started + self.plain, Fault::PlainTimeout),
            Phase::FirstToken => (marks.started + self.first_token, Fault::FirstTokenTimeout),
            Phase::Stream | Phase::Collecting => (marks.last_read + self.idle, Fault::IdleTimeout),
            Phase::Finished => (marks.last_read + AFTER_FINISH, Fault::IdleTimeout),
            Phase::PlainBody if wants_stream => (marks.last_read + self.idle, Fault::IdleTimeout),
            Phase::PlainBody => (marks.started + self.plain, Fault::PlainTimeout),
            Phase::ErrorBody => (
                marks.head.unwrap_or(marks.started) + ERROR_BODY,
                Fault::Status,
            ),
        };
        if own.0 <= self.total_at {
            own
        } else {
            (self.total_at, Fault::TotalTimeout)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(start: Instant) -> Clocks {
        Clocks {
            header: Duration::from_secs(1),
            first_token: Duration::from_secs(2),
            idle: Duration::from_secs(3),
            plain: Duration::from_secs(4),
            total_at: start + Duration::from_secs(10),
        }
    }

    #[test]
    fn each_phase_has_its_clock() {
        let start = crate::clock::now();
        let later = start + Duration::from_secs(5);
        let marks = Marks {
            started: start,
            head: Some(start),
            last_read: later,
        };
        let at = |phase, stream| clocks(start).next(phase, stream, marks);
        let seconds = |n| start + Duration::from_secs(n);
        assert_eq!(at(Phase::Header, true), (seconds(1), Fault::HeaderTimeout));
        assert_eq!(at(Phase::Header, false), (seconds(4), Fault::PlainTimeout));
        assert_eq!(
            at(Phase::FirstToken, true),
            (seconds(2), Fault::FirstTokenTimeout)
        );
        assert_eq!(at(Phase::Stream, true), (seconds(8), Fault::IdleTimeout));
        assert_eq!(
            at(Phase::Collecting, true),
            (seconds(8), Fault::IdleTimeout)
        );
        assert_eq!(at(Phase::Finished, true), (seconds(6), Fault::IdleTimeout));
        assert_eq!(
            at(Phase::PlainBody, false),
            (seconds(4), Fault::PlainTimeout)
        );
        assert_eq!(at(Phase::ErrorBody, false), (seconds(5), Fault::Status));
    }

    #[test]
    fn the_request_ends_before_any_other_clock() {
        let start = crate::clock::now();
        let late = start + Duration::from_secs(9);
        let marks = Marks {
            started: start,
            head: None,
            last_read: late,
        };
        let next = clocks(start).next(Phase::Stream, true, marks);
        assert_eq!(next, (start + Duration::from_secs(10), Fault::TotalTimeout));
    }
}
