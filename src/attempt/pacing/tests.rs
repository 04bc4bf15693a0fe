use proptest::prelude::*;

use super::*;
use crate::clock;

const CAP: Duration = Duration::from_secs(60);
const BASE: Duration = Duration::from_millis(250);

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// How many get through in `span` when one asks every millisecond.
fn passing(pace: &Pace, from: Instant, span: Duration) -> usize {
    (0..span.as_millis() as u64)
        .filter(|milli| pace.try_pass(from + Duration::from_millis(*milli), BASE) == Pass::Go)
        .count()
}

#[test]
fn without_a_429_everybody_goes_through() {
    let now = clock::now();
    let pace = Pace::new();
    assert_eq!(pace.ready_at(now), None);
    assert_eq!(passing(&pace, now, seconds(1)), 1000);
}

#[test]
fn after_a_429_nobody_goes_through_before_the_time_it_named() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, Some(seconds(2)), CAP);
    let ready = now + seconds(2);
    assert_eq!(pace.ready_at(now), Some(ready));
    assert_eq!(pace.try_pass(now, BASE), Pass::WaitUntil(ready));
    assert_eq!(passing(&pace, now, seconds(2)), 0);
    assert_eq!(pace.ready_at(ready), None);
}

#[test]
fn then_one_a_base_goes_through_for_a_second() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, Some(seconds(2)), CAP);
    let ready = now + seconds(2);
    assert_eq!(pace.try_pass(ready, BASE), Pass::Go);
    assert_eq!(pace.try_pass(ready, BASE), Pass::WaitUntil(ready + BASE));
    assert_eq!(pace.ready_at(ready), Some(ready + BASE));
    assert_eq!(pace.try_pass(ready + BASE, BASE), Pass::Go);
    assert_eq!(passing(&pace, ready + BASE, seconds(1) - BASE), 2);
    assert_eq!(passing(&pace, ready + seconds(1), seconds(1)), 1000);
}

#[test]
fn looking_takes_no_turn() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, Some(Duration::ZERO), CAP);
    assert_eq!(pace.ready_at(now), None);
    assert_eq!(pace.ready_at(now), None);
    assert_eq!(pace.try_pass(now, BASE), Pass::Go);
}

#[test]
fn a_base_longer_than_the_second_ends_with_it() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, Some(Duration::ZERO), CAP);
    assert_eq!(pace.try_pass(now, seconds(60)), Pass::Go);
    let all = now + seconds(1);
    assert_eq!(pace.try_pass(now, seconds(60)), Pass::WaitUntil(all));
    assert_eq!(pace.try_pass(all, seconds(60)), Pass::Go);
}

#[test]
fn no_429_holds_anybody_up_for_longer_than_the_cap() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, Some(Duration::MAX), CAP);
    assert_eq!(pace.ready_at(now), Some(now + CAP));
}

#[test]
fn the_longer_of_two_waits_counts() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, Some(seconds(5)), CAP);
    pace.on_429(now + seconds(1), Some(seconds(2)), CAP);
    assert_eq!(pace.ready_at(now), Some(now + seconds(5)));
    pace.on_429(now + seconds(4), Some(seconds(2)), CAP);
    assert_eq!(pace.ready_at(now), Some(now + seconds(6)));
}

#[test]
fn a_429_without_a_time_holds_nobody_up() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, None, CAP);
    assert_eq!(passing(&pace, now, seconds(1)), 1000);
}

#[test]
fn a_429_to_the_first_one_through_begins_the_wait_again() {
    let now = clock::now();
    let pace = Pace::new();
    pace.on_429(now, Some(seconds(1)), CAP);
    let ready = now + seconds(1);
    assert_eq!(pace.try_pass(ready, BASE), Pass::Go);
    pace.on_429(ready + BASE, Some(seconds(3)), CAP);
    assert_eq!(pace.ready_at(ready + BASE), Some(ready + BASE + seconds(3)));
    // And one that asks for nothing doesn't open the door to the next one earlier.
    let pace = Pace::new();
    pace.on_429(now, Some(Duration::ZERO), CAP);
    assert_eq!(pace.try_pass(now, BASE), Pass::Go);
    pace.on_429(now + BASE / 2, Some(Duration::ZERO), CAP);
    assert_eq!(pace.ready_at(now + BASE / 2), Some(now + BASE));
}

proptest! {
    #[test]
    fn nobody_passes_before_any_time_named_nor_two_within_a_base(
        events in proptest::collection::vec((0u64..800, proptest::option::of(0u64..3000)), 1..200),
        base in 1u64..2000,
    ) {
        let base = Duration::from_millis(base);
        let cap = seconds(2);
        let pace = Pace::new();
        let mut now = clock::now();
        let mut until: Option<Instant> = None;
        // The last one that went through alone.
        let mut alone: Option<Instant> = None;
        for (gap, asked) in events {
            now += Duration::from_millis(gap);
            if let Some(asked) = asked.map(Duration::from_millis) {
                pace.on_429(now, Some(asked), cap);
                until = until.max(Some(now + asked.min(cap)));
                continue;
            }
            let ready = pace.ready_at(now);
            let pass = pace.try_pass(now, base);
            prop_assert_eq!(ready.map_or(Pass::Go, Pass::WaitUntil), pass);
            let held = until.is_some_and(|until| now < until + seconds(1));
            match pass {
                Pass::Go if held => {
                    prop_assert!(until <= Some(now));
                    prop_assert!(alone.is_none_or(|alone| now >= alone + base));
                    alone = Some(now);
                }
                Pass::Go => alone = None,
                Pass::WaitUntil(at) => {
                    prop_assert!(held);
                    prop_assert!(at > now);
                    prop_assert!(until.is_some_and(|until| at <= until + seconds(1)));
                }
            }
        }
    }
}
