//! Who goes in when something has fallen free.

use super::state::{Notice, State};
use super::ticket::{Arrival, CallerId, Candidate, Queue, TicketId};
use super::upstreams::Claims;
use crate::config::Lane;

impl<W> State<W> {
    /// Lets in everybody who can go in now, in the order of their turns.
    pub(super) fn serve(&mut self, notices: &mut Vec<Notice<W>>) {
        let mut claims = Claims::default();
        // What interactive requests take or hold is gone for batch; never the other way.
        for lane in [Lane::Interactive, Lane::Batch] {
            if !self.lanes.of(lane).is_idle() {
                self.serve_returning(lane, &mut claims, notices);
                self.serve_callers(lane, &mut claims, notices);
            }
        }
    }

    fn serve_returning(&mut self, lane: Lane, claims: &mut Claims, notices: &mut Vec<Notice<W>>) {
        while let Some((arrival, candidate)) = self.first_fit(lane, Queue::Returning, claims) {
            self.let_in(lane, Queue::Returning, arrival, candidate, notices);
        }
    }

    /// Once around: whoever goes in moves to the back and is looked at again there, everybody else keeps his turn.
    fn serve_callers(&mut self, lane: Lane, claims: &mut Claims, notices: &mut Vec<Notice<W>>) {
        let mut at = 0;
        while let Some(caller) = self.next_in_round(lane, at) {
            let queue = Queue::Caller(caller);
            match self.first_fit(lane, queue, claims) {
                Some((arrival, candidate)) => {
                    self.to_the_back(lane, at);
                    self.let_in(lane, queue, arrival, candidate, notices);
                }
                None => at += 1,
            }
        }
    }

    /// None when nobody is left, or nothing that anybody could use.
    fn next_in_round(&self, lane: Lane, at: usize) -> Option<CallerId> {
        let state = self.lanes.of(lane);
        let caller = *state.round.get(at)?;
        (state.has_place() && self.upstreams.has_wanted_place(lane)).then_some(caller)
    }

    /// The earliest of a line that can go in, and where.
    fn first_fit(
        &self,
        lane: Lane,
        queue: Queue,
        claims: &mut Claims,
    ) -> Option<(Arrival, Candidate)> {
        if !self.has_lane_place(lane, queue) {
            return None;
        }
        let line = match queue {
            Queue::Returning => &self.lanes.of(lane).returning,
            Queue::Caller(id) => self.callers.get(id)?.lines.of(lane),
        };
        line.heads().find_map(|(arrival, waiter)| {
            let (candidates, bytes) = (&waiter.candidates, waiter.prompt_bytes);
            let candidate = self
                .upstreams
                .find_or_claim(lane, candidates, bytes, arrival, claims)?;
            Some((arrival, candidate))
        })
    }

    fn to_the_back(&mut self, lane: Lane, at: usize) {
        let round = &mut self.lanes.of_mut(lane).round;
        if let Some(caller) = round.remove(at) {
            round.push_back(caller);
        }
    }

    fn let_in(
        &mut self,
        lane: Lane,
        queue: Queue,
        arrival: Arrival,
        candidate: Candidate,
        notices: &mut Vec<Notice<W>>,
    ) {
        let ticket = TicketId {
            lane,
            queue,
            arrival,
        };
        let Some(waiter) = self.unqueue(ticket) else {
            return;
        };
        let taken = self.take(lane, queue, candidate, waiter.prompt_bytes);
        notices.push(Notice {
            answer: waiter.answer,
            outcome: Ok(taken),
        });
    }
}
