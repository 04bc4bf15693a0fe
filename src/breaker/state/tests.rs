use std::collections::HashSet;

use proptest::prelude::*;

use super::super::word::{pack, unpack};
use super::*;

const NOW: BootMillis = BootMillis::new(1_000_000);
const LEASE: Duration = Duration::from_secs(65);

/// The shipped defaults.
fn rule() -> Rule {
    Rule::new(5, Duration::from_secs(300))
}

fn closed(failures: u16, borrowed: u16) -> State {
    at(7, Phase::Closed { failures, borrowed })
}

fn open(failures: u16, until: u64) -> State {
    let until = BootMillis::new(until);
    at(7, Phase::Open { failures, until })
}

fn half_open(failures: u16, until: u64) -> State {
    let until = BootMillis::new(until);
    at(7, Phase::HalfOpen { failures, until })
}

fn at(epoch: u16, phase: Phase) -> State {
    let epoch = Epoch::new(epoch);
    State { epoch, phase }
}

fn in_epoch(epoch: u16, state: State) -> State {
    at(epoch, state.phase)
}

fn success(epoch: u16) -> Event {
    let epoch = Epoch::new(epoch);
    Event::Success { epoch }
}

fn failure(epoch: u16) -> Event {
    let (epoch, rule) = (Epoch::new(epoch), rule());
    Event::Failure { epoch, rule }
}

fn left(epoch: u16) -> Event {
    let epoch = Epoch::new(epoch);
    Event::Left { epoch }
}

fn go(epoch: u16) -> Outcome {
    let epoch = Epoch::new(epoch);
    Outcome::Go { epoch }
}

fn probe(epoch: u16) -> Outcome {
    let epoch = Epoch::new(epoch);
    Outcome::Probe { epoch }
}

fn refused(millis: u64) -> Outcome {
    let retry_in = Duration::from_millis(millis);
    Outcome::Refused { retry_in }
}

const ASK: Event = Event::Ask { lease: LEASE };
const REACHABLE: Event = Event::Reachable;
const RESET: Event = Event::Reset;

/// Every phase on both sides of each of its limits, told everything in the right epoch and in another one.
#[test]
fn every_event_in_every_state() {
    use Outcome::{Closed, Counted, Ignored, Opened};
    let unreachable = Event::Unreachable { rule: rule() };
    let opened = |failures| in_epoch(8, open(failures, 1_300_000));
    let probing = |failures| in_epoch(8, half_open(failures, 1_065_000));
    let free = |failures| open(failures, 0);
    let (over, later) = (1_000_000, 1_000_001);
    let same = |state: State, event, outcome| (state, event, state, outcome);
    let table = [
        same(closed(0, 0), ASK, go(7)),
        same(closed(4, 4), ASK, go(7)),
        same(closed(0, 0), success(7), Counted),
        (closed(4, 2), success(7), closed(0, 0), Counted),
        same(closed(4, 2), success(6), Ignored),
        (closed(0, 0), failure(7), closed(1, 0), Counted),
        (closed(3, 2), failure(7), closed(4, 2), Counted),
        (closed(4, 0), failure(7), opened(5), Opened),
        (closed(4, 4), failure(7), opened(5), Opened),
        (closed(1023, 0), failure(7), opened(1023), Opened),
        same(closed(4, 0), failure(6), Ignored),
        same(closed(4, 0), failure(8), Ignored),
        same(closed(4, 0), left(7), Ignored),
        same(closed(4, 0), left(6), Ignored),
        (closed(0, 0), unreachable, closed(1, 1), Counted),
        (closed(3, 1), unreachable, closed(4, 2), Counted),
        (closed(4, 0), unreachable, opened(5), Opened),
        same(closed(4, 0), REACHABLE, Ignored),
        (closed(4, 3), REACHABLE, closed(1, 0), Counted),
        same(closed(0, 0), RESET, Ignored),
        (closed(4, 1), RESET, in_epoch(8, closed(0, 0)), Counted),
        //
        same(open(5, later), ASK, refused(1)),
        same(open(5, 1_300_000), ASK, refused(300_000)),
        (open(5, over), ASK, probing(5), probe(8)),
        (open(5, 0), ASK, probing(5), probe(8)),
        same(open(5, later), success(7), Ignored),
        same(open(5, later), success(6), Ignored),
        same(open(5, over), success(6), Ignored),
        same(open(5, later), failure(7), Ignored),
        same(open(5, later), failure(6), Ignored),
        same(open(5, later), left(7), Ignored),
        same(open(5, later), left(6), Ignored),
        same(open(5, later), unreachable, Ignored),
        same(open(5, over), unreachable, Ignored),
        same(open(5, later), REACHABLE, Ignored),
        (open(5, later), RESET, in_epoch(8, closed(0, 0)), Closed),
        //
        same(half_open(5, later), ASK, refused(1000)),
        same(half_open(5, 1_065_000), ASK, refused(1000)),
        (half_open(5, over), ASK, probing(5), probe(8)),
        (half_open(5, later), success(7), closed(0, 0), Closed),
        (half_open(5, over), success(7), closed(0, 0), Closed),
        same(half_open(5, later), success(6), Ignored),
        (half_open(5, later), failure(7), opened(6), Opened),
        (half_open(1023, later), failure(7), opened(1023), Opened),
        same(half_open(5, later), failure(6), Ignored),
        (half_open(5, later), left(7), free(5), Counted),
        same(half_open(5, later), left(6), Ignored),
        same(half_open(5, later), unreachable, Ignored),
        same(half_open(5, later), REACHABLE, Ignored),
        (
            half_open(5, later),
            RESET,
            in_epoch(8, closed(0, 0)),
            Closed,
        ),
    ];
    for (before, event, after, outcome) in table {
        assert_eq!(
            before.on(event, NOW),
            (after, outcome),
            "{before:?} {event:?}"
        );
    }
}

#[test]
fn the_threshold_and_the_time_are_those_of_the_route_that_reports() {
    let strict = Rule::new(2, Duration::from_secs(10));
    let epoch = Epoch::new(7);

    let (state, outcome) = closed(3, 0).on(
        Event::Failure {
            epoch,
            rule: strict,
        },
        NOW,
    );

    assert_eq!(outcome, Outcome::Opened);
    assert_eq!(state, in_epoch(8, open(4, 1_010_000)));
}

#[test]
fn a_rule_out_of_range_is_the_nearest_that_makes_sense() {
    let day = COOL_DOWN_MAX;
    assert_eq!(Rule::new(0, Duration::MAX), Rule::new(1, day));
    assert_eq!(Rule::new(u32::MAX, day), Rule::new(1023, day));
}

#[test]
fn the_epoch_begins_again_after_its_last() {
    let state = in_epoch(LAST_EPOCH, open(5, 0));
    assert_eq!(state.on(ASK, NOW).1, probe(0));
}

#[test]
fn a_lease_is_the_limit_and_five_seconds_and_never_absurd() {
    assert_eq!(lease(Duration::from_secs(60)), Duration::from_secs(65));
    assert_eq!(lease(Duration::MAX), COOL_DOWN_MAX + Duration::from_secs(5));
}

#[test]
fn a_deadline_that_configuration_cannot_have_set_closes_the_breaker() {
    let day = 24 * 60 * 60 * 1000;
    let unlucky = open(5, NOW.get() + day + 5_001);
    let lucky = open(5, NOW.get() + day);
    let probing = half_open(5, NOW.get() + day + 10_001);

    assert_eq!(unlucky.on(ASK, NOW), (closed(0, 0), go(7)));
    assert_eq!(
        unlucky.on(failure(7), NOW),
        (closed(1, 0), Outcome::Counted)
    );
    assert_eq!(probing.on(ASK, NOW), (closed(0, 0), go(7)));
    assert_eq!(lucky.on(ASK, NOW), (lucky, refused(day)));
}

#[test]
fn a_permit_given_back_an_hour_later_knows_nothing_of_later_deadlines() {
    let day = 24 * 60 * 60 * 1000;
    let state = open(5, NOW.get() + day + 3_600_000);
    assert_eq!(state.on(left(6), NOW), (state, Outcome::Ignored));
}

#[test]
fn time_stands_still_at_the_end_of_time_and_lets_requests_through() {
    let (state, _) = closed(4, 0).on(failure(7), BootMillis::LATEST);
    assert_eq!(state.on(ASK, BootMillis::LATEST).1, probe(9));
}

#[test]
fn the_word_of_a_state_is_the_documented_one() {
    assert_eq!(pack(State::NEW), 0);
    let state = in_epoch(1, open(2, 3));
    assert_eq!(pack(state), 1 << 62 | 1 << 48 | 2 << 38 | 3);
    assert_eq!(unpack(3 << 62 | 9 << 48 | 1), in_epoch(9, closed(0, 0)));
    assert_eq!(unpack(5 << 38 | 6), in_epoch(0, closed(0, 0)));
}

fn any_event() -> impl Strategy<Value = Event> {
    let rule = || {
        (any::<u32>(), any::<u32>())
            .prop_map(|(t, c)| Rule::new(t, Duration::from_millis(c.into())))
    };
    let epoch = || any::<u16>().prop_map(Epoch::new);
    prop_oneof![
        any::<u64>().prop_map(|lease| Event::Ask {
            lease: Duration::from_millis(lease)
        }),
        epoch().prop_map(|epoch| Event::Success { epoch }),
        (epoch(), rule()).prop_map(|(epoch, rule)| Event::Failure { epoch, rule }),
        epoch().prop_map(|epoch| Event::Left { epoch }),
        rule().prop_map(|rule| Event::Unreachable { rule }),
        Just(Event::Reachable),
        Just(Event::Reset),
    ]
}

/// The same event, but in the epoch of `state`, so that reports count.
fn in_the_epoch_of(state: State, event: Event) -> Event {
    let epoch = state.epoch;
    match event {
        Event::Success { .. } => Event::Success { epoch },
        Event::Failure { rule, .. } => Event::Failure { epoch, rule },
        Event::Left { .. } => Event::Left { epoch },
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn every_word_is_a_state_and_every_state_is_one_word(word: u64) {
        let state = unpack(word);
        prop_assert_eq!(unpack(pack(state)), state);
        if let Phase::Closed { failures, borrowed } = state.phase {
            prop_assert!(borrowed <= failures && failures <= MOST_FAILURES);
        }
    }

    #[test]
    fn whatever_a_word_is_told_it_stays_a_word(word: u64, event in any_event(), fits: bool, now: u64) {
        let (state, now) = (unpack(word), BootMillis::new(now));
        let event = if fits { in_the_epoch_of(state, event) } else { event };

        let (after, outcome) = state.on(event, now);

        prop_assert_eq!(unpack(pack(after)), after);
        prop_assert!(outcome != Outcome::Ignored || after == state || after == state.healed(now));
        if !matches!(event, Event::Left { .. }) {
            prop_assert_eq!(after.healed(now), after, "a deadline that would be corrupt");
        }
    }

    #[test]
    fn nobody_is_shut_out_for_longer_than_configuration_allows(word: u64, now in 0..BootMillis::LATEST.get() / 2) {
        let later = BootMillis::new(now).plus(LONGEST_LEASE).plus(READ_MARGIN);
        let (state, first) = unpack(word).on(ASK, BootMillis::new(now));
        let asked_again = state.on(ASK, later).1;
        let let_through = |outcome| matches!(outcome, Outcome::Go { .. } | Outcome::Probe { .. });
        prop_assert!(let_through(first) || let_through(asked_again));
    }

    /// Many requests, each asking once and reporting once, in any order and at any time.
    #[test]
    fn one_probe_at_a_time_and_old_news_change_nothing(
        steps in prop::collection::vec((0..8usize, 0..6u8, 0..40_000u64), 1..200)
    ) {
        let rule = Rule::new(3, Duration::from_secs(60));
        let mut state = State::NEW;
        let mut now = NOW;
        let mut permits: [Option<(Epoch, bool)>; 8] = [None; 8];
        let mut over: HashSet<u16> = HashSet::new();
        for (who, what, wait) in steps {
            now = now.plus(Duration::from_millis(wait));
            let before = state;
            let Some((epoch, _)) = permits[who] else {
                let (after, outcome) = state.on(ASK, now);
                state = after;
                permits[who] = match outcome {
                    Outcome::Go { epoch } => Some((epoch, false)),
                    Outcome::Probe { epoch } => {
                        prop_assert!(!over.contains(&epoch.get()), "an epoch of its own");
                        let Phase::HalfOpen { until, .. } = after.phase else { panic!("{after:?}") };
                        prop_assert_eq!(until, now.plus(LEASE));
                        // The one before it, if any, had its time.
                        if let Phase::HalfOpen { until, .. } = before.phase {
                            prop_assert!(until <= now);
                        }
                        Some((epoch, true))
                    }
                    _ => None,
                };
                continue;
            };
            let event = match what {
                0 | 1 => Event::Success { epoch },
                2..=4 => Event::Failure { epoch, rule },
                _ => Event::Left { epoch },
            };
            let (after, outcome) = state.on(event, now);
            state = after;
            permits[who] = None;
            if epoch != before.epoch {
                prop_assert_eq!((after, outcome), (before, Outcome::Ignored));
            }
            if after.epoch != before.epoch {
                over.insert(before.epoch.get());
            }
        }
    }
}
