//! Who may go in now and who waits: places in a lane and at an upstream, and callers taking turns for them.
//!
//! [`Admission`] is one lock around plain data that decides ([`state`]); whoever is let in is told outside of it. The rule
//! a reader would break: **a request that waits holds nothing**. It takes its place in the lane and the one at the upstream
//! together, when both are free, and [`Places`] gives them back when dropped, on every way out.
//!
//! * Interactive comes first at every upstream, and a part of each upstream's places is never batch's.
//! * Within a lane callers take turns. A caller that has had its turn goes to the back of the round; one that can't use
//!   what is free now keeps its place in the round, so that nobody waits longer than one turn of each of the others.
//! * Each caller's requests go first in, first out, among those that could use the same upstreams: a request whose
//!   upstreams are all full holds up nobody who wants another one.
//! * A retry keeps its lane place and asks only for the one at an upstream; it goes before all who wait in its lane,
//!   because it was let in before them.
//! * A long prompt that lacks nothing but prompt bytes has the upstream held for it: short ones can't pass it for ever.
//! * A full queue makes room for a caller that has less in it: the newest request of the caller with the most gives way.

mod admission;
mod callers;
mod entry;
mod line;
mod per_lane;
mod places;
mod queue;
mod serve;
mod state;
mod status;
mod ticket;
mod upstreams;

pub use admission::{Admission, UpstreamLimits};
pub use entry::Entry;
pub use per_lane::PerLane;
pub use places::{Places, UpstreamPlaces};
pub use status::{LaneStatus, Status, UpstreamStatus};
pub use ticket::{Candidate, Refused, Ticket, UpstreamId};

#[cfg(test)]
mod tests;
