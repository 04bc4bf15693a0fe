//! Nobody waits longer than one turn of each of the others.

use std::collections::BTreeMap;

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

fn some_event() -> impl Strategy<Value = Event> {
    let all: Vec<usize> = (0..UPSTREAMS).collect();
    // The first caller asks for most of it.
    let caller = prop_oneof![2 => Just(0usize), 1 => 0..CALLERS.len()];
    let enter = (caller, prop::sample::subsequence(all, 1..=UPSTREAMS));
    prop_oneof![
        6 => enter.prop_map(|(caller, to)| Event::Enter { caller, to }),
        5 => any::<usize>().prop_map(Event::Finish),
        1 => any::<usize>().prop_map(Event::Leave),
    ]
}

/// Who waits for what, and how often another caller got what it could have used.
#[derive(Default)]
struct Watcher {
    /// By number: caller and upstreams.
    asked: BTreeMap<u32, (usize, Vec<usize>)>,
    passed_over: [usize; CALLERS.len()],
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
            let mut could: Vec<usize> = waiting
                .filter(|number| self.asked[number].1.contains(&upstream))
                .map(|number| self.asked[number].0)
                .filter(|caller| *caller != winner)
                .collect();
            could.sort_unstable();
            could.dedup();
            could
                .iter()
                .for_each(|caller| self.passed_over[*caller] += 1);
            self.passed_over[winner] = 0;
        }
        self.seen = desk.let_in.len();
        for (caller, passed_over) in self.passed_over.iter_mut().enumerate() {
            let is_waiting = desk.waiting.keys().any(|n| self.asked[n].0 == caller);
            if !is_waiting {
                *passed_over = 0;
            }
            assert!(
                *passed_over < CALLERS.len(),
                "{caller} was passed over {passed_over} times"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_caller_is_served_within_one_turn_of_each_other(
        lane in prop::sample::select(Lane::ALL.to_vec()),
        places in 1..6u32,
        events in prop::collection::vec(some_event(), 1..200),
    ) {
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
    }
}
