//! What can be seen of admission at one moment.

use std::time::{Duration, Instant};

use super::line::Line;
use super::per_lane::PerLane;
use super::state::State;
use super::ticket::UpstreamId;
use crate::config::Lane;

/// All of it, taken at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub lanes: PerLane<LaneStatus>,
    /// In the order in which they were first configured; also those that a reload removed, while requests are there.
    pub upstreams: Vec<UpstreamStatus>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneStatus {
    /// Requests that hold a place.
    pub streams: u32,
    /// Places. After a reload there may be fewer than are held.
    pub capacity: u32,
    /// Requests that wait for a place.
    pub waiting: u32,
    /// Requests that may wait.
    pub queue: u32,
    /// Requests that hold a place and wait for another upstream to try.
    pub retrying: u32,
    /// How long the one that waits longest has done so; none when nobody waits.
    pub oldest: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamStatus {
    pub upstream: UpstreamId,
    /// Requests in flight there, by lane.
    pub streams: PerLane<u32>,
    pub capacity: u32,
    pub prompt_bytes: u64,
    pub prompt_bytes_capacity: u64,
    /// Requests that would go there; one that may go elsewhere too is counted there as well.
    pub waiting: PerLane<u32>,
}

impl Status {
    pub fn upstream(&self, id: UpstreamId) -> Option<&UpstreamStatus> {
        self.upstreams.iter().find(|one| one.upstream == id)
    }
}

impl UpstreamStatus {
    /// Requests in flight there.
    pub fn in_flight(&self) -> u32 {
        self.streams.interactive.saturating_add(self.streams.batch)
    }
}

impl<W> State<W> {
    pub fn status(&self, now: Instant) -> Status {
        let upstream = |one: &super::upstreams::Upstream| UpstreamStatus {
            upstream: one.id,
            streams: PerLane {
                interactive: one.used.interactive.streams,
                batch: one.used.batch.streams,
            },
            capacity: one.streams,
            prompt_bytes: one.bytes_in_use(),
            prompt_bytes_capacity: one.prompt_bytes,
            waiting: one.wanted,
        };
        Status {
            lanes: PerLane {
                interactive: self.lane_status(Lane::Interactive, now),
                batch: self.lane_status(Lane::Batch, now),
            },
            upstreams: self.upstreams.iter().map(upstream).collect(),
        }
    }

    fn lane_status(&self, lane: Lane, now: Instant) -> LaneStatus {
        let state = self.lanes.of(lane);
        let callers = state
            .round
            .iter()
            .filter_map(|turn| self.callers.get(turn.caller));
        let lines = callers.map(|caller| caller.lines.of(lane));
        let since = lines.filter_map(Line::since).min();
        LaneStatus {
            streams: state.used,
            capacity: state.streams,
            waiting: state.waiting,
            queue: state.queue,
            retrying: u32::try_from(state.returning.len()).unwrap_or(u32::MAX),
            oldest: since.map(|since| now.saturating_duration_since(since)),
        }
    }
}
