//! The queue: who waits in which line, and how many may.

use super::line::{Line, Waiter};
use super::state::{Asked, Notice, State};
use super::ticket::{Arrival, Queue, Refused, TicketId};
use crate::config::Lane;

impl<W> State<W> {
    pub(super) fn queue(&mut self, asked: &Asked<'_>, answer: W) -> Option<TicketId> {
        let ticket = TicketId {
            lane: asked.lane,
            queue: asked.queue,
            arrival: Arrival(self.arrivals),
        };
        let line = self.line_mut(ticket.lane, ticket.queue)?;
        let is_first = line.is_empty();
        let waiter = Waiter {
            candidates: asked.candidates.to_vec(),
            prompt_bytes: asked.prompt_bytes,
            since: asked.now,
            answer,
        };
        line.insert(ticket.arrival, waiter);
        self.arrivals += 1;
        self.upstreams.want(asked.lane, asked.candidates);
        if let Queue::Caller(id) = asked.queue {
            let lane = self.lanes.of_mut(asked.lane);
            lane.waiting += 1;
            if is_first {
                lane.round.push_back(id);
            }
        }
        Some(ticket)
    }

    /// Takes it out of its line; a caller without any leaves the round.
    pub(super) fn unqueue(&mut self, ticket: TicketId) -> Option<Waiter<W>> {
        let line = self.line_mut(ticket.lane, ticket.queue)?;
        let waiter = line.remove(ticket.arrival)?;
        let was_last = line.is_empty();
        self.upstreams.unwant(ticket.lane, &waiter.candidates);
        if let Queue::Caller(id) = ticket.queue {
            let lane = self.lanes.of_mut(ticket.lane);
            lane.waiting = lane.waiting.saturating_sub(1);
            if was_last {
                lane.round.retain(|other| *other != id);
            }
        }
        Some(waiter)
    }

    /// The ticket's caller has had its turn.
    pub(super) fn end_turn(&mut self, ticket: TicketId) {
        let Queue::Caller(caller) = ticket.queue else {
            return;
        };
        let round = &mut self.lanes.of_mut(ticket.lane).round;
        let place = round.iter().position(|&id| id == caller);
        if let Some(caller) = place.and_then(|place| round.remove(place)) {
            round.push_back(caller);
        }
    }

    /// When one too many waits, the newest request of the caller with the most gives way, be it the one that just came.
    ///
    /// So one caller's flood can't keep another one out of the queue.
    pub(super) fn keep_bound(&mut self, newcomer: TicketId, notices: &mut Vec<Notice<W>>) {
        let lane = self.lanes.of(newcomer.lane);
        let Queue::Caller(_) = newcomer.queue else {
            // A retry has its lane place: there are never more of these than places.
            return;
        };
        let own = self.line(newcomer.lane, newcomer.queue);
        let own = own.filter(|line| line.contains(newcomer.arrival));
        let (Some(own), true) = (own, lane.waiting > lane.queue) else {
            return;
        };
        let mut most = own.len();
        let mut loser = newcomer;
        for &id in &lane.round {
            let queue = Queue::Caller(id);
            let line = self.line(newcomer.lane, queue);
            let longer = line.filter(|line| line.len() > most);
            if let Some((line, arrival)) = longer.and_then(|line| Some((line, line.newest()?))) {
                most = line.len();
                loser = TicketId {
                    lane: newcomer.lane,
                    queue,
                    arrival,
                };
            }
        }
        self.refuse(loser, Refused::LaneFull, notices);
        self.serve(notices);
    }

    pub(super) fn refuse_all(&mut self, lane: Lane, notices: &mut Vec<Notice<W>>) {
        while let Some(ticket) = self.any_waiting(lane) {
            self.refuse(ticket, Refused::Closed, notices);
        }
    }

    fn refuse(&mut self, ticket: TicketId, refused: Refused, notices: &mut Vec<Notice<W>>) {
        if let Some(waiter) = self.unqueue(ticket) {
            notices.push(Notice {
                answer: waiter.answer,
                outcome: Err(refused),
            });
        }
    }

    fn any_waiting(&self, lane: Lane) -> Option<TicketId> {
        let first = self.lanes.of(lane).round.front();
        let queue = first.map_or(Queue::Returning, |&id| Queue::Caller(id));
        let arrival = self.line(lane, queue)?.newest()?;
        Some(TicketId {
            lane,
            queue,
            arrival,
        })
    }

    pub(super) fn line(&self, lane: Lane, queue: Queue) -> Option<&Line<W>> {
        match queue {
            Queue::Returning => Some(&self.lanes.of(lane).returning),
            Queue::Caller(id) => Some(self.callers.get(id)?.lines.of(lane)),
        }
    }

    pub(super) fn line_mut(&mut self, lane: Lane, queue: Queue) -> Option<&mut Line<W>> {
        match queue {
            Queue::Returning => Some(&mut self.lanes.of_mut(lane).returning),
            Queue::Caller(id) => Some(self.callers.get_mut(id)?.lines.of_mut(lane)),
        }
    }
}
