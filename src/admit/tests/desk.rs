//! A [`State`] with its requests by number, so that tests read like stories.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::super::state::{Entered, Notice, State};
use super::super::ticket::{Inside, Taken, TicketId};
use super::super::{Candidate, LaneStatus, Refused, Ticket, UpstreamId, UpstreamStatus};
use crate::clock;
use crate::config::{CallerLimits, Lane, Lanes};

pub struct Desk {
    pub state: State<u32>,
    pub upstreams: Vec<UpstreamId>,
    pub now: Instant,
    /// What each request holds.
    pub held: BTreeMap<u32, Taken>,
    pub waiting: BTreeMap<u32, TicketId>,
    pub refused: Vec<(u32, Refused)>,
    /// Who was let in out of the queue, in order.
    pub let_in: Vec<u32>,
    /// Between two attempts: they hold a lane place at most.
    pub between: BTreeSet<u32>,
    next: u32,
}

impl Desk {
    /// `upstreams`: places and prompt bytes of each.
    pub fn new(lanes: &Lanes, upstreams: &[(u32, u64)]) -> Desk {
        let mut state = State::new(lanes);
        let ids: Vec<UpstreamId> = upstreams.iter().map(|_| state.upstreams.add()).collect();
        let mut desk = Desk {
            state,
            upstreams: ids,
            now: clock::now(),
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            refused: Vec::new(),
            let_in: Vec::new(),
            between: BTreeSet::new(),
            next: 0,
        };
        desk.configure(lanes, upstreams, &[]);
        desk
    }

    pub fn configure(&mut self, lanes: &Lanes, upstreams: &[(u32, u64)], limits: &[(&str, u32)]) {
        for (id, (streams, bytes)) in self.upstreams.iter().zip(upstreams) {
            self.state.upstreams.configure(*id, *streams, *bytes);
        }
        let limit = |(name, streams): &(&str, u32)| {
            let streams = Some(*streams);
            let limits = CallerLimits {
                streams,
                ..CallerLimits::default()
            };
            ((*name).to_owned(), limits)
        };
        let limits = limits.iter().map(limit).collect();
        self.event(|state, notices| state.configure(lanes, &limits, notices));
    }

    /// A request of one byte that may go to `upstreams`; its number.
    pub fn enter(&mut self, lane: Lane, caller: &str, upstreams: &[usize]) -> u32 {
        self.enter_with(lane, caller, upstreams, 1)
    }

    pub fn enter_with(&mut self, lane: Lane, caller: &str, to: &[usize], bytes: u64) -> u32 {
        let number = self.next;
        self.next += 1;
        let caller: Arc<str> = caller.into();
        let candidates = self.candidates(to);
        let ticket = Ticket {
            lane,
            caller: &caller,
            candidates: &candidates,
            prompt_bytes: bytes,
        };
        let now = self.now;
        let mut notices = Vec::new();
        let entered = self.state.enter(&ticket, now, || number, &mut notices);
        self.entered(number, entered);
        let before = self.let_in.len();
        self.hear(notices);
        if self.let_in.get(before) == Some(&number) {
            // Told in the same event: it went in at once.
            self.let_in.remove(before);
        }
        number
    }

    /// The attempt is over; the request keeps its lane place.
    pub fn leave_upstream(&mut self, number: u32) {
        let inside = self.held.get_mut(&number).unwrap().upstream.take();
        let taken = Taken {
            caller: None,
            upstream: inside,
            ..self.held[&number]
        };
        self.event(|state, notices| state.give_back(taken, notices));
        self.between.insert(number);
    }

    pub fn enter_again(&mut self, number: u32, to: &[usize], bytes: u64) {
        self.between.remove(&number);
        let candidates = self.candidates(to);
        let (lane, now) = (self.held[&number].lane, self.now);
        let mut notices = Vec::new();
        let asked = (candidates.as_slice(), bytes);
        let entered = self
            .state
            .enter_again(lane, asked, now, || number, &mut notices);
        self.entered(number, entered);
        let before = self.let_in.len();
        self.hear(notices);
        if self.let_in.get(before) == Some(&number) {
            // Told in the same event: it went in at once.
            self.let_in.remove(before);
        }
    }

    pub fn finish(&mut self, number: u32) {
        self.between.remove(&number);
        let taken = self.held.remove(&number).unwrap();
        self.event(|state, notices| state.give_back(taken, notices));
    }

    /// The client leaves, or the request's patience ends.
    pub fn leave(&mut self, number: u32) {
        let ticket = self.waiting.remove(&number).unwrap();
        let mut notices = Vec::new();
        assert_eq!(self.state.leave(ticket, &mut notices), Some(number));
        self.hear(notices);
        if self.held.contains_key(&number) {
            self.finish(number);
        }
    }

    pub fn reconsider(&mut self, number: u32, to: &[usize]) {
        let candidates = self.candidates(to);
        let ticket = self.waiting[&number];
        self.event(|state, notices| state.reconsider(ticket, &candidates, notices));
    }

    /// It has a place at an upstream.
    pub fn is_inside(&self, number: u32) -> bool {
        self.at(number).is_some()
    }

    /// The upstream that it is at.
    pub fn at(&self, number: u32) -> Option<usize> {
        Some(self.held.get(&number)?.upstream?.candidate.target)
    }

    pub fn position(&self, number: u32) -> Option<usize> {
        self.state.position(self.waiting[&number])
    }

    pub fn lane(&self, lane: Lane) -> LaneStatus {
        *self.state.status(self.now).lanes.of(lane)
    }

    pub fn upstream(&self, index: usize) -> UpstreamStatus {
        let status = self.state.status(self.now);
        *status.upstream(self.upstreams[index]).unwrap()
    }

    pub fn event(&mut self, event: impl FnOnce(&mut State<u32>, &mut Vec<Notice<u32>>)) {
        let mut notices = Vec::new();
        event(&mut self.state, &mut notices);
        self.hear(notices);
    }

    /// In these tests a target is its upstream.
    fn candidates(&self, to: &[usize]) -> Vec<Candidate> {
        let candidate = |&target: &usize| Candidate {
            target,
            upstream: self.upstreams[target],
        };
        to.iter().map(candidate).collect()
    }

    fn entered(&mut self, number: u32, entered: Entered) {
        match entered {
            Entered::Inside(taken) => self.takes(number, taken),
            Entered::Waiting(ticket) => {
                self.waiting.insert(number, ticket);
            }
            Entered::Refused(refused) => self.refused.push((number, refused)),
        }
    }

    fn hear(&mut self, notices: Vec<Notice<u32>>) {
        for Notice { answer, outcome } in notices {
            assert!(
                self.waiting.remove(&answer).is_some(),
                "{answer} was told twice"
            );
            match outcome {
                Ok(taken) => {
                    self.let_in.push(answer);
                    self.takes(answer, taken);
                }
                Err(refused) => self.refused.push((answer, refused)),
            }
        }
    }

    fn takes(&mut self, number: u32, taken: Taken) {
        match self.held.get_mut(&number) {
            None => {
                assert!(taken.caller.is_some() && taken.upstream.is_some());
                self.held.insert(number, taken);
            }
            Some(held) => {
                let already: Option<Inside> = held.upstream;
                assert!(already.is_none() && taken.caller.is_none());
                held.upstream = taken.upstream;
            }
        }
    }
}
