//! One lane: its places, and whose turn it is there.

use std::collections::VecDeque;

use super::line::Line;
use super::queue::Turn;
use crate::config::LaneLimits;

#[derive(Debug)]
pub struct LaneState<W> {
    /// Places in the lane.
    pub streams: u32,
    pub used: u32,
    /// How many may wait.
    pub queue: u32,
    /// How many do, retries aside.
    pub waiting: u32,
    /// Everybody's turn; the first has waited longest for it.
    pub round: VecDeque<Turn>,
    /// Retries, which have their lane places.
    pub returning: Line<W>,
}

impl<W> LaneState<W> {
    pub fn new(limits: &LaneLimits) -> LaneState<W> {
        LaneState {
            streams: limits.streams,
            used: 0,
            queue: limits.queue,
            waiting: 0,
            round: VecDeque::new(),
            returning: Line::default(),
        }
    }

    pub fn configure(&mut self, limits: &LaneLimits) {
        self.streams = limits.streams;
        self.queue = limits.queue;
    }

    pub fn has_place(&self) -> bool {
        self.used < self.streams
    }

    /// Nobody waits.
    pub fn is_idle(&self) -> bool {
        self.waiting == 0 && self.returning.is_empty()
    }
}
