//! Nobody waits longer than one turn of each of the others.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::desk::Desk;
use super::{lanes, MIB};
use crate::config::Lane;

const CALLERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const UPSTREAMS: usize = 3;

#[derive(Debug, Clone)]
enum Event {
    Enter { caller: usize, to: Vec<usize> },
    Finish(usize),
    Leave(usize),
}

fn some_event(differ: bool) -> impl Strategy<Value = Event> {
    let all: Vec<usize> = (0..UPSTREAMS).collect();
    let least = if differ { 1 } else { UPSTREAMS };
    // The first caller asks for most of it.
    let caller = prop_oneof![2 => Just(0usize), 1 => 0..CALLERS.len()];
    let enter = (caller, prop::sample::subsequence(all, least..=UPSTREAMS));
    prop_oneof![
        6 => enter.prop_map(|(caller, to)| Event::Enter { caller, to }),
        5 => any::<usize>().prop_map(Event::Finish),
        1 => any::<usize>().prop_map(Event::Leave),
    ]
}

/// A caller, and the upstreams that some of its requests could use.
type Turn = (usize, Vec<usize>);

/// For how long a caller has to watch others get what it could have used.
#[derive(Default)]
struct Watcher {
    asked: BTreeMap<u32, Turn>,
    /// Since the caller got any of these, or began to wait for them.
    passed_over: BTreeMap<Turn, usize>,
    /// As many as waited at the same time at most.
    turns: usize,
    seen: usize,
}

impl Watcher {
    fn look(&mut self, desk: &Desk) {
        for index in self.seen..desk.let_in.len() {
            let lucky = desk.let_in[index];
            let upstream = desk.at(lucky).unwrap();
            let winner = self.asked[&lucky].0;
            // Those let in later in the same event were still waiting at this moment.
            let later = desk.let_in[index + 1..].iter();
            let waiting = desk.waiting.keys().chain(later);
            let turns: BTreeSet<&Turn> = waiting.map(|number| &self.asked[number]).collect();
            self.turns = self.turns.max(turns.len());
            for turn in turns.into_iter().filter(|turn| turn.1.contains(&upstream)) {
                let passed_over = self.passed_over.entry(turn.clone()).or_default();
                *passed_over = if turn.0 == winner {
                    0
                } else {
                    *passed_over + 1
                };
                assert!(*passed_over <= self.turns, "{turn:?}: {passed_over} times");
            }
        }
        self.seen = desk.let_in.len();
        let waiting = desk.waiting.keys();
        let turns: BTreeSet<&Turn> = waiting.map(|number| &self.asked[number]).collect();
        self.passed_over.retain(|turn, _| turns.contains(turn));
        self.turns = self.turns.max(turns.len());
    }
}

fn watch(lane: Lane, places: u32, events: Vec<Event>) -> Watcher {
    let upstreams = [(2, MIB), (3, MIB), (1, MIB)];
    let mut desk = Desk::new(&lanes((places, 1000), (places, 1000)), &upstreams);
    let mut watcher = Watcher::default();
    for event in events {
        match event {
            Event::Enter { caller, to } => {
                let number = desk.enter(lane, CALLERS[caller], &to);
                watcher.asked.insert(number, (caller, to));
            }
            Event::Finish(at) => {
                let inside: Vec<u32> = desk.held.keys().copied().collect();
                if let Some(at) = at.checked_rem(inside.len()) {
                    desk.finish(inside[at]);
                }
            }
            Event::Leave(at) => {
                let waiting: Vec<u32> = desk.waiting.keys().copied().collect();
                if let Some(at) = at.checked_rem(waiting.len()) {
                    desk.leave(waiting[at]);
                }
            }
        }
        watcher.look(&desk);
    }
    watcher
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// With as many turns as callers, this is: once in as many grants as there are callers.
    #[test]
    fn each_caller_is_served_within_one_turn_of_each_other(
        lane in prop::sample::select(Lane::ALL.to_vec()),
        places in 1..6u32,
        events in prop::collection::vec(some_event(false), 1..200),
    ) {
        let watcher = watch(lane, places, events);
        prop_assert!(watcher.turns <= CALLERS.len());
    }

    /// Also where they want different things: then each choice of upstreams has a turn of its own.
    #[test]
    fn nobody_waits_for_ever_whatever_the_others_want(
        lane in prop::sample::select(Lane::ALL.to_vec()),
        places in 1..6u32,
        events in prop::collection::vec(some_event(true), 1..200),
    ) {
        watch(lane, places, events);
    }
}
