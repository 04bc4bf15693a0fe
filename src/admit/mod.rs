//! Who may go in now and who waits: places in a lane and at an upstream, and callers taking turns for them.
//!
//! [`Admission`] is one lock around plain data that decides ([`state`]); whoever is let in is told outside of it. The rule
//! a reader would break: **a request that waits holds nothing**. It takes its place in the lane and the one at the upstream
//! together, when both are free, and [`Places`] gives them back when dropped, on every way out.
//!
//! * Interactive comes first at every upstream, and a quarter of each upstream's places and prompt bytes is never batch's.
//! * Within a lane callers take turns. Whoever has had its turn goes to the back of the round; whoever can't use what is
//!   free keeps its place in it. A caller that wants different upstreams has a turn for each choice of them.
//! * Each caller's requests go first in, first out, among those that could use the same place. A request whose upstreams
//!   are all full holds up nobody who wants another one, and so does one whose caller is at its limit.
//! * A retry keeps its lane place and asks only for one at an upstream. It goes before all who wait in its lane, because
//!   it was let in before them.
//! * A prompt that lacks nothing but room for its bytes has the upstream held for it when its turn has come: short ones
//!   can't pass it for ever. One that is larger than all that may be in flight goes alone.
//! * A full queue refuses at once; but a caller that has fewer in it than another gets in, and the newest request of the
//!   one with the most gives way. So a flood can't keep others out of the queue either.

mod admission;
mod callers;
mod entry;
mod lane;
mod last_wait;
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
pub use last_wait::LastWait;
pub use per_lane::PerLane;
pub use places::{Places, UpstreamPlaces};
pub use status::{LaneStatus, Status, UpstreamStatus};
pub use ticket::{Candidate, Refused, Ticket, UpstreamId};

#[cfg(test)]
mod tests;
