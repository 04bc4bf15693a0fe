//! Who goes in when something has fallen free.

use super::state::{Notice, State};
use super::ticket::{Candidate, Queue, TicketId};
use super::upstreams::Claims;
use crate::config::Lane;

impl<W> State<W> {
    /// Lets in everybody who can go in now.
    pub(super) fn serve(&mut self, notices: &mut Vec<Notice<W>>) {
        while let Some((ticket, candidate)) = self.next() {
            if self.let_in(ticket, candidate, notices).is_none() {
                break;
            }
        }
        self.upstreams.sweep();
    }

    /// Whose turn it is among those who can go in, and where.
    fn next(&self) -> Option<(TicketId, Candidate)> {
        let mut claims = Claims::default();
        // What interactive requests hold is held from batch too; never the other way.
        self.next_of(Lane::Interactive, &mut claims)
            .or_else(|| self.next_of(Lane::Batch, &mut claims))
    }

    fn next_of(&self, lane: Lane, claims: &mut Claims) -> Option<(TicketId, Candidate)> {
        let state = self.lanes.of(lane);
        if state.is_idle() || !self.upstreams.has_wanted_place(lane) {
            return None;
        }
        if let Some(next) = self.first_of(lane, Queue::Returning, claims) {
            return Some(next);
        }
        let mut round = state.round.iter();
        round.find_map(|&caller| self.first_of(lane, Queue::Caller(caller), claims))
    }

    /// The earliest of a line that can go in, and where.
    fn first_of(
        &self,
        lane: Lane,
        queue: Queue,
        claims: &mut Claims,
    ) -> Option<(TicketId, Candidate)> {
        if !self.has_lane_place(lane, queue) {
            return None;
        }
        self.line(lane, queue)?.heads().find_map(|(arrival, head)| {
            let (candidates, bytes) = (&head.candidates, head.prompt_bytes);
            let candidate = self
                .upstreams
                .find_or_claim(lane, candidates, bytes, claims)?;
            let ticket = TicketId {
                lane,
                queue,
                arrival,
            };
            Some((ticket, candidate))
        })
    }

    fn let_in(
        &mut self,
        ticket: TicketId,
        candidate: Candidate,
        notices: &mut Vec<Notice<W>>,
    ) -> Option<()> {
        let waiter = self.unqueue(ticket)?;
        self.end_turn(ticket);
        let taken = self.take(ticket.lane, ticket.queue, candidate, waiter.prompt_bytes);
        notices.push(Notice {
            answer: waiter.answer,
            outcome: Ok(taken),
        });
        Some(())
    }
}
