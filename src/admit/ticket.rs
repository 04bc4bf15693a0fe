//! What a request asks for, and what it is told when it doesn't get it.

use std::sync::Arc;

use crate::config::Lane;

/// A request that wants to go in.
#[derive(Debug, Clone, Copy)]
pub struct Ticket<'a> {
    pub lane: Lane,
    pub caller: &'a Arc<str>,
    /// Where it may go, best first. While all of these are full it waits for any of them.
    pub candidates: &'a [Candidate],
    pub prompt_bytes: u64,
}

/// A target that may be asked now, as far as anything but places goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Index into the route's targets; only handed back.
    pub target: usize,
    pub upstream: UpstreamId,
}

/// An upstream, as [`super::UpstreamPlaces`] names it. Never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpstreamId(pub(super) u32);

/// Why a request didn't get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// As many wait already as may, and none of them has to give way.
    LaneFull,
    /// Its patience ended.
    QueueTimeout,
    /// The gateway is shutting down.
    Closed,
}

/// When a request came, in the order of all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrival(pub u64);

/// A caller's place in [`super::callers::Callers`], for as long as it waits or holds anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CallerId(pub usize);

/// The line in which a request waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// It has its lane place, from an earlier attempt.
    Returning,
    Caller(CallerId),
}

/// A request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TicketId {
    pub lane: Lane,
    pub queue: Queue,
    pub arrival: Arrival,
}

/// Places that were taken: a lane place, one at an upstream, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub lane: Lane,
    /// Who is charged for the lane place; none without one.
    pub caller: Option<CallerId>,
    pub upstream: Option<Inside>,
}

/// A place at an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inside {
    pub candidate: Candidate,
    pub prompt_bytes: u64,
}
