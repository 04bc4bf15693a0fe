//! The places of every upstream, and which of them a request may take.

use super::line::upstreams_of;
use super::per_lane::PerLane;
use super::ticket::{Candidate, Inside, UpstreamId};
use crate::config::Lane;

/// All upstreams that anybody may still name, in the order of their ids.
#[derive(Debug, Default)]
pub struct Upstreams {
    all: Vec<Upstream>,
    next: u32,
}

/// One upstream's places and prompt bytes.
#[derive(Debug)]
pub struct Upstream {
    pub id: UpstreamId,
    pub streams: u32,
    pub prompt_bytes: u64,
    pub used: PerLane<Used>,
    /// How many waiting requests would go there.
    pub wanted: PerLane<u32>,
    /// No configuration names it any more; what runs there ends by itself.
    is_retired: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    pub streams: u32,
    pub bytes: u64,
}

/// Upstreams that are held for requests whose turn it is and which lack nothing but prompt bytes there.
///
/// Without these, short prompts would take every byte that falls free, and a long one would wait for ever. One request
/// holds one upstream at most: its best.
#[derive(Debug, Default)]
pub struct Claims(Vec<UpstreamId>);

enum Room {
    Free,
    NoBytes,
    NoPlace,
}

impl Upstreams {
    /// A new one, without places until it is configured.
    pub fn add(&mut self) -> UpstreamId {
        let id = UpstreamId(self.next);
        self.next = self.next.wrapping_add(1);
        self.all.push(Upstream {
            id,
            streams: 0,
            prompt_bytes: 0,
            used: PerLane::default(),
            wanted: PerLane::default(),
            is_retired: false,
        });
        id
    }

    /// No new request will name it; it goes with the last one that does.
    pub fn retire(&mut self, id: UpstreamId) {
        if let Some(upstream) = self.get_mut(id) {
            upstream.is_retired = true;
        }
    }

    /// Forgets those that nobody names any more.
    pub fn sweep(&mut self) {
        if self.all.iter().any(Upstream::is_over) {
            self.all.retain(|upstream| !upstream.is_over());
        }
    }

    pub fn configure(&mut self, id: UpstreamId, streams: u32, prompt_bytes: u64) {
        if let Some(upstream) = self.get_mut(id) {
            upstream.streams = streams;
            upstream.prompt_bytes = prompt_bytes;
        }
    }

    /// The first candidate with room for the prompt, for a request that nobody is before.
    pub fn find(&self, lane: Lane, candidates: &[Candidate], bytes: u64) -> Option<Candidate> {
        let mut candidates = candidates.iter().copied();
        candidates.find(|one| matches!(self.room(one.upstream, lane, bytes), Room::Free))
    }

    /// The same for a request in the queue, which leaves alone what is held for others and holds what it needs.
    pub fn find_or_claim(
        &self,
        lane: Lane,
        candidates: &[Candidate],
        bytes: u64,
        claims: &mut Claims,
    ) -> Option<Candidate> {
        let mut lacks_bytes_at = None;
        for &candidate in candidates {
            if claims.0.contains(&candidate.upstream) {
                continue;
            }
            match self.room(candidate.upstream, lane, bytes) {
                Room::Free => return Some(candidate),
                Room::NoBytes => lacks_bytes_at = lacks_bytes_at.or(Some(candidate.upstream)),
                Room::NoPlace => {}
            }
        }
        claims.0.extend(lacks_bytes_at);
        None
    }

    /// There is a place at one of these, but no room for the prompt at any.
    pub fn lacks_only_bytes(&self, lane: Lane, candidates: &[Candidate], bytes: u64) -> bool {
        let mut claims = Claims::default();
        let found = self.find_or_claim(lane, candidates, bytes, &mut claims);
        found.is_none() && !claims.0.is_empty()
    }

    pub fn take(&mut self, lane: Lane, inside: Inside) {
        if let Some(upstream) = self.get_mut(inside.candidate.upstream) {
            let used = upstream.used.of_mut(lane);
            used.streams = used.streams.saturating_add(1);
            used.bytes = used.bytes.saturating_add(inside.prompt_bytes);
        }
    }

    pub fn give_back(&mut self, lane: Lane, inside: Inside) {
        if let Some(upstream) = self.get_mut(inside.candidate.upstream) {
            let used = upstream.used.of_mut(lane);
            used.streams = used.streams.saturating_sub(1);
            used.bytes = used.bytes.saturating_sub(inside.prompt_bytes);
        }
    }

    /// One more request waits for any of these.
    pub fn want(&mut self, lane: Lane, candidates: &[Candidate]) {
        for id in upstreams_of(candidates) {
            if let Some(upstream) = self.get_mut(id) {
                *upstream.wanted.of_mut(lane) += 1;
            }
        }
    }

    /// One fewer does.
    pub fn unwant(&mut self, lane: Lane, candidates: &[Candidate]) {
        for id in upstreams_of(candidates) {
            if let Some(upstream) = self.get_mut(id) {
                let wanted = upstream.wanted.of_mut(lane);
                *wanted = wanted.saturating_sub(1);
            }
        }
    }

    /// Some upstream that a waiting request of the lane would go to has a place for it, bytes aside.
    pub fn has_wanted_place(&self, lane: Lane) -> bool {
        let wanted = |upstream: &Upstream| *upstream.wanted.of(lane) > 0;
        self.all
            .iter()
            .any(|one| wanted(one) && one.has_place(lane))
    }

    pub fn iter(&self) -> impl Iterator<Item = &Upstream> {
        self.all.iter()
    }

    fn room(&self, id: UpstreamId, lane: Lane, bytes: u64) -> Room {
        match self.get(id) {
            Some(upstream) if upstream.has_place(lane) => match upstream.has_bytes(lane, bytes) {
                true => Room::Free,
                false => Room::NoBytes,
            },
            _ => Room::NoPlace,
        }
    }

    fn get(&self, id: UpstreamId) -> Option<&Upstream> {
        let place = self.all.binary_search_by_key(&id, |one| one.id).ok()?;
        self.all.get(place)
    }

    fn get_mut(&mut self, id: UpstreamId) -> Option<&mut Upstream> {
        let place = self.all.binary_search_by_key(&id, |one| one.id).ok()?;
        self.all.get_mut(place)
    }
}

impl Upstream {
    pub fn streams_in_use(&self) -> u32 {
        let PerLane { interactive, batch } = &self.used;
        interactive.streams.saturating_add(batch.streams)
    }

    pub fn bytes_in_use(&self) -> u64 {
        let PerLane { interactive, batch } = &self.used;
        interactive.bytes.saturating_add(batch.bytes)
    }

    fn is_over(&self) -> bool {
        let wanted = self.wanted.interactive + self.wanted.batch;
        self.is_retired && self.streams_in_use() == 0 && wanted == 0
    }

    fn has_place(&self, lane: Lane) -> bool {
        let is_own = match lane {
            Lane::Interactive => true,
            Lane::Batch => self.used.batch.streams < batch_places(self.streams),
        };
        is_own && self.streams_in_use() < self.streams
    }

    /// A prompt larger than all that may be in flight goes alone: else it would wait for ever.
    fn has_bytes(&self, lane: Lane, bytes: u64) -> bool {
        if self.streams_in_use() == 0 {
            return true;
        }
        let fits = |used: u64, limit: u64| used.checked_add(bytes).is_some_and(|sum| sum <= limit);
        let is_own = match lane {
            Lane::Interactive => true,
            Lane::Batch => fits(self.used.batch.bytes, batch_bytes(self.prompt_bytes)),
        };
        is_own && fits(self.bytes_in_use(), self.prompt_bytes)
    }
}

/// The places that batch may take: a quarter, at least one, is interactive's own. A single one is shared.
pub fn batch_places(streams: u32) -> u32 {
    match streams {
        0 | 1 => streams,
        _ => streams - (streams / 4).max(1),
    }
}

/// The prompt bytes that batch may have in flight: else a reserved place would lack the bytes to be used.
pub fn batch_bytes(prompt_bytes: u64) -> u64 {
    prompt_bytes - prompt_bytes / 4
}
