//! What a request holds, given back when dropped.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::entry::Entry;
use super::ticket::{Candidate, Taken, UpstreamId};
use crate::config::Lane;

/// A place in a lane, and one at an upstream with the prompt's bytes.
///
/// Both come back together when it is dropped. Were the one at the upstream given back first, batch could take it while
/// the interactive request that waits for both lacks only the other.
#[must_use = "dropping it gives the places back"]
pub struct Places {
    admission: Arc<Admission>,
    taken: Taken,
}

/// One upstream's places. It is known to admission for as long as any snapshot holds this.
///
/// A snapshot takes it over from the one before where name and address are the same; so a request goes on by the
/// configuration it started with, and an upstream that moved doesn't wait for streams that run where it was.
pub struct UpstreamPlaces {
    admission: Arc<Admission>,
    id: UpstreamId,
}

impl Places {
    pub(super) fn new(admission: Arc<Admission>, taken: Taken) -> Places {
        Places { admission, taken }
    }

    /// The target that there is a place for; none between attempts.
    pub fn target(&self) -> Option<usize> {
        Some(self.taken.upstream?.candidate.target)
    }

    /// The attempt is over: its place at the upstream comes back, the one in the lane stays for the next.
    pub fn leave_upstream(&mut self) {
        let inside = self.taken.upstream.take();
        if inside.is_some() {
            self.admission.give_back(Taken {
                lane: self.taken.lane,
                caller: None,
                upstream: inside,
            });
        }
    }

    /// Asks for another place at an upstream; while it waits, it holds none there but keeps the lane's.
    ///
    /// One that is still held at an upstream comes back first. When the wait ends without success or the entry is dropped,
    /// the lane's comes back too.
    pub fn enter_again(
        mut self,
        candidates: &[Candidate],
        prompt_bytes: u64,
        now: Instant,
        patience: Duration,
    ) -> Entry {
        self.leave_upstream();
        let admission = Arc::clone(&self.admission);
        admission.enter_again(self, (candidates, prompt_bytes), now, patience)
    }

    pub(super) fn lane(&self) -> Lane {
        self.taken.lane
    }

    /// Takes over the place at an upstream that `other` got.
    pub(super) fn take_over(&mut self, other: &mut Places) {
        self.taken.upstream = other.taken.upstream.take();
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if self.taken.caller.is_some() || self.taken.upstream.is_some() {
            self.admission.give_back(self.taken);
        }
    }
}

impl UpstreamPlaces {
    pub(super) fn new(admission: Arc<Admission>, id: UpstreamId) -> UpstreamPlaces {
        UpstreamPlaces { admission, id }
    }

    pub fn id(&self) -> UpstreamId {
        self.id
    }
}

impl Drop for UpstreamPlaces {
    fn drop(&mut self) {
        self.admission.retire(self.id);
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Places").field(&self.taken).finish()
    }
}

impl fmt::Debug for UpstreamPlaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UpstreamPlaces").field(&self.id).finish()
    }
}
