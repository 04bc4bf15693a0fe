//! The whole decision without a lock, a clock or a task: an event comes in, and who is told what comes out.
//!
//! After every event nobody waits who could go in: each ends with [`State::serve`]. So a request that comes may go in at
//! once when there is room for it, unless something is held for somebody before it.

use std::collections::BTreeMap;
use std::time::Instant;

use super::callers::Callers;
use super::lane::LaneState;
use super::line::Left;
use super::per_lane::PerLane;
use super::queue::Turn;
use super::ticket::{Candidate, Inside, Queue, Refused, Taken, Ticket, TicketId, UpstreamId};
use super::upstreams::Upstreams;
use crate::config::{CallerLimits, Lane, Lanes};

/// Everything that requests share. `W` is how a waiting one is told.
#[derive(Debug)]
pub struct State<W> {
    pub(super) lanes: PerLane<LaneState<W>>,
    pub(super) upstreams: Upstreams,
    pub(super) callers: Callers<W>,
    pub(super) arrivals: u64,
    is_closed: bool,
}

/// What came of a request that asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered {
    Inside(Taken),
    /// It is told later, or in the notices of this very event.
    Waiting(TicketId),
    Refused(Refused),
}

/// What a waiting request has to be told.
#[derive(Debug)]
pub struct Notice<W> {
    pub answer: W,
    pub outcome: Result<Taken, Refused>,
}

/// Who asks, for what.
pub(super) struct Asked<'a> {
    pub lane: Lane,
    pub queue: Queue,
    pub candidates: &'a [Candidate],
    pub prompt_bytes: u64,
    pub now: Instant,
}

impl<W> State<W> {
    pub fn new(lanes: &Lanes) -> State<W> {
        State {
            lanes: PerLane {
                interactive: LaneState::new(&lanes.interactive),
                batch: LaneState::new(&lanes.batch),
            },
            upstreams: Upstreams::default(),
            callers: Callers::default(),
            arrivals: 0,
            is_closed: false,
        }
    }

    /// A new request asks for both places; `answer` is made only if it has to wait.
    pub fn enter(
        &mut self,
        ticket: &Ticket<'_>,
        now: Instant,
        answer: impl FnOnce() -> W,
        notices: &mut Vec<Notice<W>>,
    ) -> Entered {
        let asked = Asked {
            lane: ticket.lane,
            queue: Queue::Caller(self.callers.id_of(ticket.caller)),
            candidates: ticket.candidates,
            prompt_bytes: ticket.prompt_bytes,
            now,
        };
        self.let_in_or_queue(&asked, answer, notices)
    }

    /// A request that has its lane place asks for another upstream.
    pub fn enter_again(
        &mut self,
        lane: Lane,
        (candidates, prompt_bytes): (&[Candidate], u64),
        now: Instant,
        answer: impl FnOnce() -> W,
        notices: &mut Vec<Notice<W>>,
    ) -> Entered {
        let asked = Asked {
            lane,
            queue: Queue::Returning,
            candidates,
            prompt_bytes,
            now,
        };
        self.let_in_or_queue(&asked, answer, notices)
    }

    pub fn give_back(&mut self, taken: Taken, notices: &mut Vec<Notice<W>>) {
        if let Some(inside) = taken.upstream {
            self.upstreams.give_back(taken.lane, inside);
        }
        if let Some(caller) = taken.caller {
            let lane = self.lanes.of_mut(taken.lane);
            lane.used = lane.used.saturating_sub(1);
            if let Some(caller) = self.callers.get_mut(caller) {
                caller.streams = caller.streams.saturating_sub(1);
            }
        }
        self.serve(notices);
    }

    /// Its client left or its patience ended. None when it doesn't wait any more.
    pub fn leave(&mut self, ticket: TicketId, notices: &mut Vec<Notice<W>>) -> Option<W> {
        let Left { waiter, group, .. } = self.unqueue(ticket)?;
        let (candidates, bytes) = (&waiter.candidates, waiter.prompt_bytes);
        if let Queue::Caller(caller) = ticket.queue {
            if self
                .upstreams
                .lacks_only_bytes(ticket.lane, candidates, bytes)
            {
                // An upstream was held for it: that was its turn, though nothing came of it.
                self.end_turn(ticket.lane, Turn { caller, group });
            }
        }
        self.serve(notices);
        Some(waiter.answer)
    }

    /// Other targets are open now; the request keeps its turn.
    pub fn reconsider(
        &mut self,
        ticket: TicketId,
        candidates: &[Candidate],
        notices: &mut Vec<Notice<W>>,
    ) {
        self.regroup(ticket, candidates);
        self.serve(notices);
    }

    /// New limits. What runs and waits is left alone; more places are given out at once.
    pub fn configure(
        &mut self,
        lanes: &Lanes,
        callers: &BTreeMap<String, CallerLimits>,
        notices: &mut Vec<Notice<W>>,
    ) {
        self.lanes.interactive.configure(&lanes.interactive);
        self.lanes.batch.configure(&lanes.batch);
        self.callers.configure(callers);
        self.serve(notices);
    }

    /// No new request will name this upstream.
    pub fn retire(&mut self, upstream: UpstreamId) {
        self.upstreams.retire(upstream);
        self.upstreams.sweep();
    }

    /// Nobody new comes in any more, and nobody new waits. Retries of what runs go on.
    pub fn close(&mut self, notices: &mut Vec<Notice<W>>) {
        self.is_closed = true;
        for lane in Lane::ALL {
            self.refuse_newcomers(lane, notices);
        }
    }

    /// How many would go in before it, itself included, if all of its lane wanted the same.
    ///
    /// Callers take turns, so this is not the order of arrival. None when it doesn't wait any more.
    pub fn position(&self, ticket: TicketId) -> Option<usize> {
        let lane = self.lanes.of(ticket.lane);
        let line = self.line(ticket.lane, ticket.queue)?;
        let Queue::Caller(caller) = ticket.queue else {
            return Some(line.ahead_of(ticket.arrival)? + 1);
        };
        let (group, rounds) = line.place_of(ticket.arrival)?;
        let mut position = rounds + 1;
        let mut is_before_us = true;
        for turn in &lane.round {
            if *turn == (Turn { caller, group }) {
                is_before_us = false;
                continue;
            }
            let line = self.line(ticket.lane, Queue::Caller(turn.caller));
            let waiting = line.map_or(0, |line| line.len_of(turn.group));
            position += waiting.min(rounds + usize::from(is_before_us));
        }
        Some(position)
    }

    fn let_in_or_queue(
        &mut self,
        asked: &Asked<'_>,
        answer: impl FnOnce() -> W,
        notices: &mut Vec<Notice<W>>,
    ) -> Entered {
        if self.is_closed && asked.queue != Queue::Returning {
            return Entered::Refused(Refused::Closed);
        }
        if self.nobody_is_before(asked.lane) && self.has_lane_place(asked.lane, asked.queue) {
            let (candidates, bytes) = (asked.candidates, asked.prompt_bytes);
            if let Some(candidate) = self.upstreams.find(asked.lane, candidates, bytes) {
                let taken = self.take(asked.lane, asked.queue, candidate, bytes);
                // Its caller may be at its limit now: nothing is held for it any more.
                self.serve(notices);
                return Entered::Inside(taken);
            }
        }
        let Some(ticket) = self.queue(asked, answer()) else {
            // Its caller was looked up a moment ago.
            return Entered::Refused(Refused::Closed);
        };
        self.serve(notices);
        self.keep_bound(ticket, notices);
        Entered::Waiting(ticket)
    }

    /// Nothing can be held for somebody before a request that comes now.
    fn nobody_is_before(&self, lane: Lane) -> bool {
        let is_idle = |lane| self.lanes.of(lane).is_idle();
        match lane {
            Lane::Interactive => is_idle(Lane::Interactive),
            Lane::Batch => is_idle(Lane::Batch) && is_idle(Lane::Interactive),
        }
    }

    pub(super) fn has_lane_place(&self, lane: Lane, queue: Queue) -> bool {
        match queue {
            Queue::Returning => true,
            Queue::Caller(id) => {
                let caller = self.callers.get(id);
                self.lanes.of(lane).has_place() && caller.is_some_and(|caller| caller.has_room())
            }
        }
    }

    pub(super) fn take(
        &mut self,
        lane: Lane,
        queue: Queue,
        candidate: Candidate,
        prompt_bytes: u64,
    ) -> Taken {
        let inside = Inside {
            candidate,
            prompt_bytes,
        };
        self.upstreams.take(lane, inside);
        let caller = match queue {
            Queue::Returning => None,
            Queue::Caller(id) => Some(id),
        };
        if let Some(id) = caller {
            self.lanes.of_mut(lane).used += 1;
            if let Some(caller) = self.callers.get_mut(id) {
                caller.streams += 1;
            }
        }
        Taken {
            lane,
            caller,
            upstream: Some(inside),
        }
    }
}
