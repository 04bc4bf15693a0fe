//! Who goes in when something has fallen free.

use super::queue::Turn;
use super::state::{Notice, State};
use super::ticket::{Arrival, Candidate, Queue, TicketId};
use super::upstreams::Claims;
use crate::config::Lane;

/// A request that can go in.
struct Next {
    ticket: TicketId,
    candidate: Candidate,
    /// The turn that is used up for it; a retry needs none.
    turn: Option<Turn>,
}

impl<W> State<W> {
    /// Lets in everybody who can go in now.
    pub(super) fn serve(&mut self, notices: &mut Vec<Notice<W>>) {
        while let Some(next) = self.next() {
            if self.let_in(&next, notices).is_none() {
                break;
            }
        }
        self.upstreams.sweep();
    }

    /// Whose turn it is among those who can go in, and where.
    fn next(&self) -> Option<Next> {
        let mut claims = Claims::default();
        // What interactive requests hold is held from batch too; never the other way.
        self.next_of(Lane::Interactive, &mut claims)
            .or_else(|| self.next_of(Lane::Batch, &mut claims))
    }

    fn next_of(&self, lane: Lane, claims: &mut Claims) -> Option<Next> {
        let state = self.lanes.of(lane);
        if state.is_idle() || !self.upstreams.has_wanted_place(lane) {
            return None;
        }
        if let Some(next) = self.next_retry(lane, claims) {
            return Some(next);
        }
        if !state.has_place() {
            return None;
        }
        let mut round = state.round.iter();
        round.find_map(|turn| self.next_by(*turn, lane, claims))
    }

    fn next_retry(&self, lane: Lane, claims: &mut Claims) -> Option<Next> {
        let mut heads = self.lanes.of(lane).returning.heads();
        heads.find_map(|(arrival, head)| {
            let (candidates, bytes) = (&head.candidates, head.prompt_bytes);
            let found = self
                .upstreams
                .find_or_claim(lane, candidates, bytes, claims);
            let ticket = TicketId {
                lane,
                queue: Queue::Returning,
                arrival,
            };
            found.map(|candidate| Next {
                ticket,
                candidate,
                turn: None,
            })
        })
    }

    fn next_by(&self, turn: Turn, lane: Lane, claims: &mut Claims) -> Option<Next> {
        let queue = Queue::Caller(turn.caller);
        if !self.has_lane_place(lane, queue) {
            return None;
        }
        let (arrival, head) = self.line(lane, queue)?.head_of(turn.group)?;
        let (candidates, bytes) = (&head.candidates, head.prompt_bytes);
        let found = self
            .upstreams
            .find_or_claim(lane, candidates, bytes, claims)?;
        let earlier = self.earlier(lane, queue, arrival, found);
        let (arrival, candidate) = earlier.unwrap_or((arrival, found));
        let ticket = TicketId {
            lane,
            queue,
            arrival,
        };
        Some(Next {
            ticket,
            candidate,
            turn: Some(turn),
        })
    }

    /// An earlier request of the same caller that could use this place too, although it has another choice of upstreams.
    fn earlier(
        &self,
        lane: Lane,
        queue: Queue,
        than: Arrival,
        found: Candidate,
    ) -> Option<(Arrival, Candidate)> {
        let heads = self.line(lane, queue)?.heads();
        let mut earlier = heads.take_while(|(arrival, _)| *arrival < than);
        earlier.find_map(|(arrival, head)| {
            let mut candidates = head.candidates.iter();
            let same = candidates.find(|one| one.upstream == found.upstream)?;
            let bytes = head.prompt_bytes;
            let candidate = self.upstreams.find(lane, &[*same], bytes)?;
            Some((arrival, candidate))
        })
    }

    fn let_in(&mut self, next: &Next, notices: &mut Vec<Notice<W>>) -> Option<()> {
        let ticket = next.ticket;
        let waiter = self.unqueue(ticket)?.waiter;
        if let Some(turn) = next.turn {
            self.end_turn(ticket.lane, turn);
        }
        let bytes = waiter.prompt_bytes;
        let taken = self.take(ticket.lane, ticket.queue, next.candidate, bytes);
        notices.push(Notice {
            answer: waiter.answer,
            outcome: Ok(taken),
        });
        Some(())
    }
}
