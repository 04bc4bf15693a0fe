//! The queue: who waits in which line, whose turn it is, and how many may wait.

use super::line::{GroupId, Left, Line, Waiter};
use super::state::{Asked, Notice, State};
use super::ticket::{Arrival, CallerId, Candidate, Queue, Refused, TicketId};
use crate::config::Lane;

/// A caller's turn at the upstreams of one of its groups.
///
/// Each group has a turn of its own: were there one for the whole caller, then its quick requests to one upstream would
/// use up the turns of those that wait for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    pub caller: CallerId,
    pub group: GroupId,
}

impl<W> State<W> {
    pub(super) fn queue(&mut self, asked: &Asked<'_>, answer: W) -> Option<TicketId> {
        let ticket = TicketId {
            lane: asked.lane,
            queue: asked.queue,
            arrival: Arrival(self.arrivals),
        };
        let line = self.line_mut(ticket.lane, ticket.queue)?;
        let waiter = Waiter {
            candidates: asked.candidates.to_vec(),
            prompt_bytes: asked.prompt_bytes,
            since: asked.now,
            answer,
        };
        let new_group = line.insert(ticket.arrival, waiter);
        self.arrivals += 1;
        self.upstreams.want(asked.lane, asked.candidates);
        if let Queue::Caller(caller) = asked.queue {
            let lane = self.lanes.of_mut(asked.lane);
            lane.waiting += 1;
            let turn = new_group.map(|group| Turn { caller, group });
            lane.round.extend(turn);
        }
        Some(ticket)
    }

    /// Takes it out of its line; an empty group loses its turn.
    pub(super) fn unqueue(&mut self, ticket: TicketId) -> Option<Left<W>> {
        let line = self.line_mut(ticket.lane, ticket.queue)?;
        let left = line.remove(ticket.arrival)?;
        self.upstreams.unwant(ticket.lane, &left.waiter.candidates);
        if let Queue::Caller(caller) = ticket.queue {
            let lane = self.lanes.of_mut(ticket.lane);
            lane.waiting = lane.waiting.saturating_sub(1);
            if left.was_last {
                let group = left.group;
                lane.round.retain(|turn| *turn != Turn { caller, group });
            }
        }
        Some(left)
    }

    /// Puts it into the group of other upstreams, where its old one stands in the round.
    pub(super) fn regroup(&mut self, ticket: TicketId, candidates: &[Candidate]) -> Option<()> {
        let line = self.line_mut(ticket.lane, ticket.queue)?;
        let mut left = line.remove(ticket.arrival)?;
        let before = std::mem::replace(&mut left.waiter.candidates, candidates.to_vec());
        let new_group = line.insert(ticket.arrival, left.waiter);
        self.upstreams.unwant(ticket.lane, &before);
        self.upstreams.want(ticket.lane, candidates);
        let Queue::Caller(caller) = ticket.queue else {
            return Some(());
        };
        let round = &mut self.lanes.of_mut(ticket.lane).round;
        let group = left.group;
        let place = round
            .iter()
            .position(|turn| *turn == Turn { caller, group })?;
        if let Some(group) = new_group {
            round.insert(place + 1, Turn { caller, group });
        }
        if left.was_last {
            round.remove(place);
        }
        Some(())
    }

    /// This turn is used up; the group goes to the back of the round, if it still stands in it.
    pub(super) fn end_turn(&mut self, lane: Lane, turn: Turn) {
        let round = &mut self.lanes.of_mut(lane).round;
        let place = round.iter().position(|one| *one == turn);
        if let Some(turn) = place.and_then(|place| round.remove(place)) {
            round.push_back(turn);
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
        for turn in &lane.round {
            let queue = Queue::Caller(turn.caller);
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

    /// Retries stay: what was let in may end well.
    pub(super) fn refuse_newcomers(&mut self, lane: Lane, notices: &mut Vec<Notice<W>>) {
        while let Some(ticket) = self.any_newcomer(lane) {
            self.refuse(ticket, Refused::Closed, notices);
        }
    }

    fn refuse(&mut self, ticket: TicketId, refused: Refused, notices: &mut Vec<Notice<W>>) {
        if let Some(left) = self.unqueue(ticket) {
            notices.push(Notice {
                answer: left.waiter.answer,
                outcome: Err(refused),
            });
        }
    }

    fn any_newcomer(&self, lane: Lane) -> Option<TicketId> {
        let turn = self.lanes.of(lane).round.front()?;
        let queue = Queue::Caller(turn.caller);
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
