//! The same rules written down naively: no groups, no counters, everything looked at afresh after every event.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::desk::Desk;
use super::lanes;
use crate::config::Lane;

const CALLERS: [&str; 3] = ["a", "b", "c"];
const UPSTREAMS: usize = 3;

#[derive(Debug, Clone)]
struct Limits {
    /// Places and queue.
    lanes: [(u32, u32); 2],
    /// Places and prompt bytes.
    upstreams: [(u32, u64); UPSTREAMS],
    callers: [Option<u32>; CALLERS.len()],
}

#[derive(Debug, Clone)]
struct Waits {
    number: u32,
    lane: usize,
    caller: usize,
    is_retry: bool,
    to: Vec<usize>,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct Runs {
    number: u32,
    lane: usize,
    caller: usize,
    at: Option<(usize, u64)>,
}

/// A caller and the upstreams of one of its groups.
type Turn = (usize, BTreeSet<usize>);

impl Waits {
    fn turn(&self) -> Turn {
        (self.caller, self.to.iter().copied().collect())
    }
}

struct Model {
    limits: Limits,
    /// In the order of arrival.
    waits: Vec<Waits>,
    runs: Vec<Runs>,
    round: [Vec<Turn>; 2],
    let_in: Vec<u32>,
    refused: BTreeSet<u32>,
}

impl Model {
    fn new(limits: &Limits) -> Model {
        Model {
            limits: limits.clone(),
            waits: Vec::new(),
            runs: Vec::new(),
            round: [Vec::new(), Vec::new()],
            let_in: Vec::new(),
            refused: BTreeSet::new(),
        }
    }

    fn enter(&mut self, waits: Waits) {
        let (lane, caller, number) = (waits.lane, waits.caller, waits.number);
        let before = self.let_in.len();
        self.arrive(waits);
        self.settle();
        let count = |model: &Model, caller: Option<usize>| {
            let same = |w: &&Waits| {
                w.lane == lane && !w.is_retry && caller.is_none_or(|caller| w.caller == caller)
            };
            model.waits.iter().filter(same).count()
        };
        let is_waiting = self.waits.iter().any(|w| w.number == number && !w.is_retry);
        if is_waiting && count(self, None) > self.limits.lanes[lane].1 as usize {
            let mut loser = caller;
            for (other, _) in self.round[lane].clone() {
                if count(self, Some(other)) > count(self, Some(loser)) {
                    loser = other;
                }
            }
            let of_loser = |w: &&Waits| w.lane == lane && w.caller == loser && !w.is_retry;
            let newest = self.waits.iter().rfind(of_loser).unwrap().number;
            self.remove(newest);
            self.refused.insert(newest);
            self.settle();
        }
        if self.let_in.get(before) == Some(&number) {
            // In the same event: it went in at once.
            self.let_in.remove(before);
        }
    }

    fn arrive(&mut self, waits: Waits) {
        let round = &mut self.round[waits.lane];
        if !waits.is_retry && !round.contains(&waits.turn()) {
            round.push(waits.turn());
        }
        self.waits.push(waits);
    }

    fn remove(&mut self, number: u32) -> Waits {
        let place = self.waits.iter().position(|w| w.number == number).unwrap();
        let gone = self.waits.remove(place);
        let is_same = |w: &Waits| w.lane == gone.lane && !w.is_retry && w.turn() == gone.turn();
        if !gone.is_retry && !self.waits.iter().any(is_same) {
            self.round[gone.lane].retain(|turn| *turn != gone.turn());
        }
        gone
    }

    fn settle(&mut self) {
        while let Some((number, upstream, turn)) = self.next() {
            let waits = self.remove(number);
            if let Some(turn) = turn {
                self.end_turn(waits.lane, &turn);
            }
            let at = Some((upstream, waits.bytes));
            match waits.is_retry {
                true => self.run(number).at = at,
                false => self.runs.push(Runs {
                    number,
                    lane: waits.lane,
                    caller: waits.caller,
                    at,
                }),
            }
            self.let_in.push(number);
        }
    }

    fn end_turn(&mut self, lane: usize, turn: &Turn) {
        let round = &mut self.round[lane];
        if round.contains(turn) {
            round.retain(|one| one != turn);
            round.push(turn.clone());
        }
    }

    fn next(&self) -> Option<(u32, usize, Option<Turn>)> {
        let mut held = BTreeSet::new();
        for lane in [0, 1] {
            let retries: Vec<&Waits> = self.line(lane, None).collect();
            for (place, waits) in retries.iter().enumerate() {
                let same = |w: &&&Waits| w.turn().1 == waits.turn().1;
                if retries[..place].iter().any(|w| same(&w)) {
                    continue;
                }
                if let Some(upstream) = self.fit(waits, &mut held) {
                    return Some((waits.number, upstream, None));
                }
            }
            for turn in &self.round[lane] {
                if !self.may_start(lane, turn.0) {
                    continue;
                }
                let mut own = self.line(lane, Some(turn.0));
                let first = own.find(|w| w.turn() == *turn).unwrap();
                if let Some(upstream) = self.fit(first, &mut held) {
                    let number = self.first_for(lane, turn.0, first.number, upstream);
                    return Some((number, upstream, Some(turn.clone())));
                }
            }
        }
        None
    }

    /// The waiting retries, or the waiting requests of a caller.
    fn line(&self, lane: usize, caller: Option<usize>) -> impl Iterator<Item = &Waits> {
        let is_own = move |w: &&Waits| match caller {
            None => w.is_retry,
            Some(caller) => !w.is_retry && w.caller == caller,
        };
        self.waits
            .iter()
            .filter(move |w| w.lane == lane)
            .filter(is_own)
    }

    /// The caller's first request, up to `number`, that could use a place there and has nobody of its kind before it.
    fn first_for(&self, lane: usize, caller: usize, number: u32, upstream: usize) -> u32 {
        let mut seen = BTreeSet::new();
        for waits in self.line(lane, Some(caller)) {
            let is_head = seen.insert(waits.turn().1);
            let fits = self.has_bytes(upstream, lane, waits.bytes);
            let could = is_head && fits && waits.to.contains(&upstream);
            if could || waits.number == number {
                return waits.number;
            }
        }
        number
    }

    fn fit(&self, waits: &Waits, held: &mut BTreeSet<usize>) -> Option<usize> {
        let open =
            |&&upstream: &&usize| !held.contains(&upstream) && self.has_place(upstream, waits.lane);
        let open: Vec<usize> = waits.to.iter().filter(open).copied().collect();
        let fits = |&&upstream: &&usize| self.has_bytes(upstream, waits.lane, waits.bytes);
        let found = open.iter().find(fits).copied();
        if found.is_none() {
            held.extend(open.first());
        }
        found
    }

    fn may_start(&self, lane: usize, caller: usize) -> bool {
        let in_lane = self.runs.iter().filter(|r| r.lane == lane).count();
        let own = self.runs.iter().filter(|r| r.caller == caller).count();
        let limit = self.limits.callers[caller];
        in_lane < self.limits.lanes[lane].0 as usize
            && limit.is_none_or(|limit| own < limit as usize)
    }

    fn at(&self, upstream: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        let here = move |r: &Runs| {
            let (at, bytes) = r.at?;
            (at == upstream).then_some((r.lane, bytes))
        };
        self.runs.iter().filter_map(here)
    }

    fn has_place(&self, upstream: usize, lane: usize) -> bool {
        let places = self.limits.upstreams[upstream].0 as usize;
        let batch = self.at(upstream).filter(|(lane, _)| *lane == 1).count();
        let reserve = if places > 1 { (places / 4).max(1) } else { 0 };
        self.at(upstream).count() < places && (lane == 0 || batch + reserve < places)
    }

    fn has_bytes(&self, upstream: usize, lane: usize, bytes: u64) -> bool {
        let cap = self.limits.upstreams[upstream].1;
        let sum = |lane: usize| -> u64 {
            let of_lane = self.at(upstream).filter(|(of, _)| *of == lane);
            of_lane.map(|(_, bytes)| bytes).sum()
        };
        let alone = self.at(upstream).count() == 0;
        let batch_fits = lane == 0 || sum(1) + bytes <= cap - cap / 4;
        alone || (sum(0) + sum(1) + bytes <= cap && batch_fits)
    }

    fn leave(&mut self, number: u32) {
        let gone = self.remove(number);
        let set = |upstream: &usize| self.has_place(*upstream, gone.lane);
        let has_place = gone.to.iter().any(set);
        let fits =
            |u: &usize| self.has_place(*u, gone.lane) && self.has_bytes(*u, gone.lane, gone.bytes);
        if !gone.is_retry && has_place && !gone.to.iter().any(fits) {
            self.end_turn(gone.lane, &gone.turn());
        }
        self.settle();
        if gone.is_retry {
            self.finish(number);
        }
    }

    fn reconsider(&mut self, number: u32, to: Vec<usize>) {
        let place = self.waits.iter().position(|w| w.number == number).unwrap();
        let before = self.waits[place].turn();
        self.waits[place].to = to;
        let waits = self.waits[place].clone();
        if !waits.is_retry {
            let round = &mut self.round[waits.lane];
            let stood = round.iter().position(|turn| *turn == before).unwrap();
            if !round.contains(&waits.turn()) {
                round.insert(stood + 1, waits.turn());
            }
            if !self
                .line(waits.lane, Some(waits.caller))
                .any(|w| w.turn() == before)
            {
                self.round[waits.lane].remove(stood);
            }
        }
        self.settle();
    }

    fn finish(&mut self, number: u32) {
        self.runs.retain(|r| r.number != number);
        self.settle();
    }

    fn run(&mut self, number: u32) -> &mut Runs {
        let mut runs = self.runs.iter_mut();
        runs.find(|r| r.number == number).unwrap()
    }
}

#[derive(Debug, Clone)]
enum Event {
    Enter {
        lane: usize,
        caller: usize,
        to: Vec<usize>,
        bytes: u64,
    },
    Finish(usize),
    /// An attempt ends.
    LeaveUpstream(usize),
    /// The next one begins.
    EnterAgain(usize, Vec<usize>),
    Leave(usize),
    Reconsider(usize, Vec<usize>),
    Configure(Limits),
}

fn some_upstreams() -> impl Strategy<Value = Vec<usize>> {
    let all: Vec<usize> = (0..UPSTREAMS).collect();
    (Just(all).prop_shuffle(), 1..=UPSTREAMS).prop_map(|(mut all, keep)| {
        all.truncate(keep);
        all
    })
}

fn some_limits() -> impl Strategy<Value = Limits> {
    let lane = || (1..5u32, 0..8u32);
    let upstream = || (1..7u32, 1..12u64);
    let caller = || prop::option::weighted(0.2, 1..4u32);
    (
        [lane(), lane()],
        [upstream(), upstream(), upstream()],
        [caller(), caller(), caller()],
    )
        .prop_map(|(lanes, upstreams, callers)| Limits {
            lanes,
            upstreams,
            callers,
        })
}

fn some_event() -> impl Strategy<Value = Event> {
    let bytes = prop_oneof![3 => 0..3u64, 1 => 3..15u64];
    let enter = (0..2usize, 0..CALLERS.len(), some_upstreams(), bytes);
    prop_oneof![
        12 => enter.prop_map(|(lane, caller, to, bytes)| Event::Enter { lane, caller, to, bytes }),
        6 => any::<usize>().prop_map(Event::Finish),
        2 => any::<usize>().prop_map(Event::LeaveUpstream),
        2 => (any::<usize>(), some_upstreams()).prop_map(|(at, to)| Event::EnterAgain(at, to)),
        2 => any::<usize>().prop_map(Event::Leave),
        1 => (any::<usize>(), some_upstreams()).prop_map(|(at, to)| Event::Reconsider(at, to)),
        1 => some_limits().prop_map(Event::Configure),
    ]
}

/// The same events for both.
struct Both {
    desk: Desk,
    model: Model,
}

impl Both {
    fn new(limits: &Limits) -> Both {
        let desk = Desk::new(&lanes_of(limits), &limits.upstreams);
        let model = Model::new(limits);
        let mut both = Both { desk, model };
        both.configure(limits);
        both
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Enter {
                lane,
                caller,
                to,
                bytes,
            } => {
                let name = CALLERS[caller];
                let number = self.desk.enter_with(Lane::ALL[lane], name, &to, bytes);
                self.model.enter(Waits {
                    number,
                    lane,
                    caller,
                    is_retry: false,
                    to,
                    bytes,
                });
            }
            Event::Finish(at) => {
                let inside = self.desk.held.keys().copied();
                let inside = inside.filter(|n| !self.desk.waiting.contains_key(n));
                if let Some(number) = pick(inside, at) {
                    self.desk.finish(number);
                    self.model.finish(number);
                }
            }
            Event::LeaveUpstream(at) => {
                let inside = self.desk.held.keys().copied();
                let inside = inside.filter(|n| self.desk.is_inside(*n));
                if let Some(number) = pick(inside, at) {
                    self.desk.leave_upstream(number);
                    self.model.run(number).at = None;
                    self.model.settle();
                }
            }
            Event::EnterAgain(at, to) => {
                if let Some(number) = pick(self.desk.between.iter().copied(), at) {
                    self.desk.enter_again(number, &to, 2);
                    let run = self.model.run(number).clone();
                    self.model.enter(Waits {
                        number,
                        lane: run.lane,
                        caller: run.caller,
                        is_retry: true,
                        to,
                        bytes: 2,
                    });
                }
            }
            Event::Leave(at) => {
                if let Some(number) = pick(self.desk.waiting.keys().copied(), at) {
                    self.desk.leave(number);
                    self.model.leave(number);
                }
            }
            Event::Reconsider(at, to) => {
                if let Some(number) = pick(self.desk.waiting.keys().copied(), at) {
                    self.desk.reconsider(number, &to);
                    self.model.reconsider(number, to);
                }
            }
            Event::Configure(limits) => self.configure(&limits),
        }
    }

    fn configure(&mut self, limits: &Limits) {
        let callers = CALLERS.iter().zip(limits.callers);
        let callers: Vec<(&str, u32)> = callers.filter_map(|(n, l)| Some((*n, l?))).collect();
        self.desk
            .configure(&lanes_of(limits), &limits.upstreams, &callers);
        self.model.limits = limits.clone();
        self.model.settle();
    }

    fn agree(&self) {
        let Both { desk, model } = self;
        let waiting: BTreeSet<u32> = desk.waiting.keys().copied().collect();
        let expected: BTreeSet<u32> = model.waits.iter().map(|w| w.number).collect();
        assert_eq!(waiting, expected);
        for run in &model.runs {
            assert_eq!(desk.at(run.number), run.at.map(|(upstream, _)| upstream));
        }
        assert_eq!(desk.held.len(), model.runs.len());
        let refused: BTreeSet<u32> = desk.refused.iter().map(|(number, _)| *number).collect();
        assert_eq!(refused, model.refused);
        self.counts_agree();
    }

    fn counts_agree(&self) {
        let Both { desk, model } = self;
        for (index, lane) in Lane::ALL.into_iter().enumerate() {
            let status = desk.lane(lane);
            let runs = model.runs.iter().filter(|r| r.lane == index).count();
            let waits = model.waits.iter().filter(|w| w.lane == index);
            let (retries, waits): (Vec<&Waits>, _) = waits.partition(|w| w.is_retry);
            assert_eq!(status.streams as usize, runs);
            assert_eq!(status.waiting as usize, waits.len());
            assert_eq!(status.retrying as usize, retries.len());
        }
        for upstream in 0..UPSTREAMS {
            let status = desk.upstream(upstream);
            assert_eq!(status.in_flight() as usize, model.at(upstream).count());
            let bytes: u64 = model.at(upstream).map(|(_, bytes)| bytes).sum();
            assert_eq!(status.prompt_bytes, bytes);
            let wants = model.waits.iter().filter(|w| w.to.contains(&upstream));
            let waiting = status.waiting.interactive + status.waiting.batch;
            assert_eq!(waiting as usize, wants.count());
        }
    }

    /// Everybody goes home; then as many are let in as there are places, no more and no fewer.
    fn end(mut self, limits: &Limits) {
        self.configure(limits);
        while let Some(&number) = self.desk.waiting.keys().next() {
            self.desk.leave(number);
        }
        while let Some(&number) = self.desk.held.keys().next() {
            self.desk.finish(number);
        }
        let lanes = lanes_of(limits);
        self.desk.configure(&lanes, &limits.upstreams, &[]);
        for upstream in 0..UPSTREAMS {
            let places = limits.upstreams[upstream].0;
            let reserve = if places > 1 { (places / 4).max(1) } else { 0 };
            for (lane, share) in Lane::ALL.into_iter().zip([places, places - reserve]) {
                let numbers: Vec<u32> = (0..20)
                    .map(|_| self.desk.enter_with(lane, "a", &[upstream], 0))
                    .collect();
                let expected = share.min(self.desk.lane(lane).capacity) as usize;
                assert_eq!(self.desk.held.len(), expected);
                self.desk
                    .waiting
                    .clone()
                    .keys()
                    .rev()
                    .for_each(|n| self.desk.leave(*n));
                numbers.iter().for_each(|number| {
                    if self.desk.is_inside(*number) {
                        self.desk.finish(*number);
                    }
                });
            }
        }
    }
}

fn pick(all: impl Iterator<Item = u32>, at: usize) -> Option<u32> {
    let all: Vec<u32> = all.collect();
    all.get(at.checked_rem(all.len())?).copied()
}

fn lanes_of(limits: &Limits) -> crate::config::Lanes {
    lanes(limits.lanes[0], limits.lanes[1])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// With this no place is ever given twice, kept back or lost, whatever happens in whatever order.
    #[test]
    fn it_does_what_the_naive_model_does(
        limits in some_limits(),
        events in prop::collection::vec(some_event(), 1..120),
    ) {
        let mut both = Both::new(&limits);
        for event in events {
            both.happens(event);
            both.agree();
        }
        prop_assert_eq!(&both.desk.let_in, &both.model.let_in);
        both.end(&limits);
    }
}
