use proptest::prelude::*;

use super::*;
use crate::clock;

fn rule(percent: u32, floor: u32, window: Duration) -> config::RetryBudget {
    config::RetryBudget {
        percent,
        floor,
        window,
    }
}

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// How many of `tries` retries are granted at `now`.
fn granted(budget: &RetryBudget, tries: usize, now: Instant) -> usize {
    (0..tries).filter(|_| budget.try_retry(now)).count()
}

#[test]
fn the_floor_is_there_without_any_traffic() {
    let now = clock::now();
    let budget = RetryBudget::new(rule(20, 10, TEN_SECONDS), now);
    assert_eq!(granted(&budget, 100, now), 10);
}

#[test]
fn an_outage_is_multiplied_by_one_and_a_fifth() {
    let start = clock::now();
    let budget = RetryBudget::new(rule(20, 10, TEN_SECONDS), start);
    let mut sent = 0;
    // A hundred requests a second for a minute, each of which would like three retries.
    for request in 0..6000 {
        let now = start + Duration::from_millis(request * 10);
        budget.first_attempt(now);
        sent += granted(&budget, 3, now);
    }
    assert!((1100..=1270).contains(&sent), "{sent} retries");
}

#[test]
fn what_was_granted_is_free_again_after_the_window() {
    let start = clock::now();
    let budget = RetryBudget::new(rule(0, 1, TEN_SECONDS), start);
    assert!(budget.try_retry(start));
    assert!(!budget.try_retry(start + Duration::from_millis(9_999)));
    let a_slice_later = TEN_SECONDS + TEN_SECONDS / 32;
    assert!(budget.try_retry(start + a_slice_later));
}

#[test]
fn nothing_is_left_after_a_long_silence() {
    let start = clock::now();
    let budget = RetryBudget::new(rule(100, 0, TEN_SECONDS), start);
    budget.first_attempt(start);
    assert!(!budget.try_retry(start + Duration::from_secs(1_000_000)));
}

#[test]
fn an_older_clock_reading_takes_nothing_back() {
    let start = clock::now();
    let budget = RetryBudget::new(rule(0, 2, TEN_SECONDS), start);
    let later = start + Duration::from_secs(5);
    assert!(budget.try_retry(later));
    assert!(budget.try_retry(start));
    assert!(!budget.try_retry(start));
    assert!(!budget.try_retry(later));
}

#[test]
fn a_new_rule_keeps_the_counts() {
    let now = clock::now();
    let budget = RetryBudget::new(rule(0, 2, TEN_SECONDS), now);
    assert_eq!(granted(&budget, 5, now), 2);
    budget.set_rule(rule(0, 3, TEN_SECONDS), now);
    assert_eq!(granted(&budget, 5, now), 1);
    budget.set_rule(rule(0, 3, TEN_SECONDS * 6), now);
    assert_eq!(granted(&budget, 5, now), 0);
    budget.set_rule(rule(0, 3, TEN_SECONDS / 10), now);
    assert_eq!(granted(&budget, 5, now), 0);
    assert_eq!(granted(&budget, 5, now + TEN_SECONDS), 3);
}

#[test]
fn threads_together_get_no_more_than_the_rule_allows() {
    let now = clock::now();
    let budget = RetryBudget::new(rule(0, 100, TEN_SECONDS), now);
    let sum: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| granted(&budget, 50, now)))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(sum, 100);
}

/// What happened when, to the nanosecond.
#[derive(Default)]
struct Ledger {
    firsts: Vec<Duration>,
    retries: Vec<Duration>,
}

impl Ledger {
    /// The rule by the letter: retries of the last `retry_span`, first attempts of the last `first_span`.
    fn allows(
        &self,
        rule: &config::RetryBudget,
        now: Duration,
        retry_span: Duration,
        first_span: Duration,
    ) -> bool {
        let within = |times: &[Duration], span: Duration| {
            times.iter().filter(|at| **at + span > now).count() as u64
        };
        let firsts = within(&self.firsts, first_span);
        let allowed = u64::from(rule.floor) + firsts * u64::from(rule.percent) / 100;
        within(&self.retries, retry_span) < allowed
    }
}

#[derive(Debug, Clone)]
enum Event {
    First,
    Retry,
    Rule { percent: u32, floor: u32 },
    Window { millis: u64 },
}

fn events(with_windows: bool) -> impl Strategy<Value = Vec<(u64, Event)>> {
    let event = prop_oneof![
        8 => Just(Event::First),
        8 => Just(Event::Retry),
        1 => (0u32..=100, 0u32..5).prop_map(|(percent, floor)| Event::Rule { percent, floor }),
        (if with_windows { 1 } else { 0 }) => (100u64..5000).prop_map(|millis| Event::Window { millis }),
    ];
    let gap = prop_oneof![4 => 0u64..5_000_000, 4 => 0u64..200_000_000, 1 => 0u64..9_000_000_000];
    proptest::collection::vec((gap, event), 1..400)
}

proptest! {
    #[test]
    fn it_grants_what_the_rule_allows_to_the_slice(
        percent in 0u32..=100, floor in 0u32..5, window in 100u64..5000, events in events(false),
    ) {
        let start = clock::now();
        let mut rule = rule(percent, floor, Duration::from_millis(window));
        let budget = RetryBudget::new(rule.clone(), start);
        let mut ledger = Ledger::default();
        let mut since = Duration::ZERO;
        let slice = rule.window / 32;
        for (gap, event) in events {
            since += Duration::from_nanos(gap);
            let now = start + since;
            match event {
                Event::First => {
                    budget.first_attempt(now);
                    ledger.firsts.push(since);
                }
                Event::Retry if budget.try_retry(now) => {
                    prop_assert!(ledger.allows(&rule, since, rule.window, rule.window));
                    ledger.retries.push(since);
                }
                Event::Retry => {
                    let strictest = ledger.allows(&rule, since, rule.window + slice, rule.window - slice);
                    prop_assert!(!strictest);
                }
                Event::Rule { percent, floor } => {
                    rule.percent = percent;
                    rule.floor = floor;
                    budget.set_rule(rule.clone(), now);
                }
                Event::Window { .. } => {}
            }
        }
    }

    #[test]
    fn a_shorter_window_never_grants_more_than_it_allows(
        percent in 0u32..=100, floor in 0u32..5, events in events(true),
    ) {
        let start = clock::now();
        let mut rule = rule(percent, floor, Duration::from_secs(5));
        let budget = RetryBudget::new(rule.clone(), start);
        let mut ledger = Ledger::default();
        let mut since = Duration::ZERO;
        for (gap, event) in events {
            since += Duration::from_nanos(gap);
            let now = start + since;
            match event {
                Event::First => {
                    budget.first_attempt(now);
                    ledger.firsts.push(since);
                }
                Event::Retry if budget.try_retry(now) => {
                    prop_assert!(ledger.allows(&rule, since, rule.window, rule.window));
                    ledger.retries.push(since);
                }
                Event::Window { millis } => {
                    rule.window = rule.window.min(Duration::from_millis(millis));
                    budget.set_rule(rule.clone(), now);
                }
                Event::Retry | Event::Rule { .. } => {}
            }
        }
    }
}
