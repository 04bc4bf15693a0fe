//! One gateway, step by step.

use super::*;
use crate::budget::{Exhausted, Kind, Reset, Sharing};

const MINUTE: Window = Window::Minute;

#[test]
fn a_reserve_counts_until_it_is_settled() {
    let budgets = of_anna(budget(100, MINUTE), None);
    let held = budgets.reserve_alone(&[ANNA], 60, at(0)).unwrap();
    assert_eq!(tokens_left(&budgets, at(1)), 40);
    held.settle(10);
    assert_eq!(tokens_left(&budgets, at(1)), 90);
}

#[test]
fn a_dropped_reserve_leaves_no_trace() {
    let budgets = of_anna(budget(100, MINUTE), rate(5, MINUTE));
    drop(budgets.reserve_alone(&[ANNA], 60, at(0)).unwrap());
    assert_eq!(tokens_left(&budgets, at(1)), 100);
    assert_eq!(requests_left(&budgets, at(1)), 5);
}

#[test]
fn a_request_that_was_sent_stays_counted() {
    let budgets = of_anna(budget(100, MINUTE), rate(5, MINUTE));
    let mut held = budgets.reserve_alone(&[ANNA], 60, at(0)).unwrap();
    held.sent();
    held.release();
    assert_eq!(tokens_left(&budgets, at(1)), 100);
    assert_eq!(requests_left(&budgets, at(1)), 4);
}

#[test]
fn the_last_request_may_overshoot_and_the_next_is_refused() {
    let budgets = of_anna(budget(100, MINUTE), None);
    budgets
        .reserve_alone(&[ANNA], 99, at(0))
        .unwrap()
        .settle(99);
    let last = budgets.reserve_alone(&[ANNA], 500, at(0)).unwrap();
    let refusal = budgets.reserve_alone(&[ANNA], 1, at(7)).unwrap_err();
    let expected = Exhausted {
        is_held: true,
        scope: Scope::Caller,
        name: "anna".into(),
        kind: Kind::Tokens,
        limit: 100,
        ends: at(60),
    };
    assert_eq!(refusal, expected);
    assert_eq!(refusal.retry_in(at(7)), Duration::from_secs(53));
    assert_eq!(refusal.to_string(), "the caller's 100 tokens are used up");
    last.release();
}

#[test]
fn a_small_budget_lets_one_through_at_a_time() {
    let budgets = of_anna(budget(10, MINUTE), None);
    for _ in 0..3 {
        let held = budgets.reserve_alone(&[ANNA], 4_096, at(0)).unwrap();
        assert!(budgets.reserve_alone(&[ANNA], 4_096, at(0)).is_err());
        held.settle(2);
    }
}

#[test]
fn an_estimate_of_nothing_holds_its_place_too() {
    let budgets = of_anna(budget(3, MINUTE), None);
    let held: Vec<_> = (0..5)
        .filter_map(|_| budgets.reserve_alone(&[ANNA], 0, at(0)).ok())
        .collect();
    assert_eq!(held.len(), 3);
}

#[test]
fn a_rate_is_exact_and_renews() {
    let budgets = of_anna(None, rate(3, MINUTE));
    for now in [at(0), at(59), at(60)] {
        let granted = (0..10).filter(|_| match budgets.reserve_alone(&[ANNA], 1, now) {
            Ok(held) => {
                held.settle(1);
                true
            }
            Err(_) => false,
        });
        let expected = if now == at(59) { 0 } else { 3 };
        assert_eq!(granted.count(), expected);
    }
}

#[test]
fn a_request_that_one_account_refuses_costs_no_other() {
    let budgets = Budgets::forgetful();
    let anna = limits(ANNA, budget(100, MINUTE), rate(5, MINUTE));
    let chat = limits(CHAT, budget(0, Window::Hour), None);
    budgets.configure(&[anna, chat], at(0));
    let refusal = budgets.reserve_alone(&[ANNA, CHAT], 10, at(0)).unwrap_err();
    assert_eq!(refusal.scope, Scope::Route);
    assert_eq!(tokens_left(&budgets, at(0)), 100);
    assert_eq!(requests_left(&budgets, at(0)), 5);
}

#[test]
fn of_two_refusals_the_one_that_lasts_is_told() {
    let budgets = Budgets::forgetful();
    let anna = limits(ANNA, budget(0, Window::Day), rate(0, MINUTE));
    budgets.configure(&[limits(CHAT, budget(0, Window::Hour), None), anna], at(0));
    let refusal = budgets.reserve_alone(&[CHAT, ANNA], 1, at(0)).unwrap_err();
    assert_eq!((refusal.kind, refusal.ends), (Kind::Tokens, at(86_400)));
}

#[test]
fn an_account_without_limits_is_never_refused() {
    let budgets = Budgets::forgetful();
    let held = budgets
        .reserve_alone(&[ANNA, CHAT], u64::MAX, at(0))
        .unwrap();
    held.settle(u64::MAX);
    assert_eq!(budgets.remaining(&[ANNA], at(0)), Default::default());
    assert_eq!(budgets.status(at(0)), []);
}

#[test]
fn a_request_over_the_boundary_counts_where_it_began() {
    let budgets = of_anna(budget(100, MINUTE), rate(5, MINUTE));
    let settled = budgets.reserve_alone(&[ANNA], 60, at(59)).unwrap();
    let dropped = budgets.reserve_alone(&[ANNA], 30, at(59)).unwrap();
    assert_eq!(tokens_left(&budgets, at(60)), 100);
    let present = budgets.reserve_alone(&[ANNA], 7, at(61)).unwrap();
    settled.settle(60);
    drop(dropped);
    assert_eq!(tokens_left(&budgets, at(61)), 93);
    assert_eq!(requests_left(&budgets, at(61)), 4);
    present.settle(7);
    assert_eq!(tokens_left(&budgets, at(61)), 93);
}

#[test]
fn a_clock_that_goes_back_grants_nothing_twice() {
    let budgets = of_anna(budget(100, MINUTE), rate(2, MINUTE));
    budgets
        .reserve_alone(&[ANNA], 100, at(119))
        .unwrap()
        .settle(100);
    // Into the minute before; then far back, and to where it was.
    for back in [59, 0] {
        assert_eq!(tokens_left(&budgets, at(back)), 0, "{back}");
    }
    for (now, left) in [(600, 100), (0, 100), (119, 100), (60, 100)] {
        let budgets = of_anna(budget(100, MINUTE), None);
        budgets
            .reserve_alone(&[ANNA], 100, at(119))
            .unwrap()
            .settle(100);
        let _ = tokens_left(&budgets, at(now));
        let expected = if now == 600 { left } else { 0 };
        assert_eq!(tokens_left(&budgets, at(now)), expected, "{now}");
    }
}

#[test]
fn a_clock_that_jumps_away_and_back_finds_its_count() {
    let year = 365 * 86_400;
    let budgets = of_anna(budget(100, Window::Day), rate(10, Window::Day));
    budgets
        .reserve_alone(&[ANNA], 90, at(0))
        .unwrap()
        .settle(90);
    budgets
        .reserve_alone(&[ANNA], 5, at(year))
        .unwrap()
        .settle(5);
    assert_eq!(tokens_left(&budgets, at(10)), 5);
    assert_eq!(requests_left(&budgets, at(10)), 8);
    assert_eq!(tokens_left(&budgets, at(86_400)), 100);
}

#[test]
fn new_limits_hold_at_once_for_the_same_counts() {
    let budgets = of_anna(budget(100, MINUTE), None);
    let held = budgets.reserve_alone(&[ANNA], 60, at(0)).unwrap();
    budgets.configure(&[limits(ANNA, budget(50, MINUTE), rate(1, MINUTE))], at(1));
    assert!(budgets.reserve_alone(&[ANNA], 1, at(1)).is_err());
    held.settle(20);
    assert_eq!(tokens_left(&budgets, at(1)), 30);
    assert_eq!(requests_left(&budgets, at(1)), 1);
}

#[test]
fn taking_a_limit_away_and_back_grants_nothing_twice() {
    let limit = [limits(ANNA, budget(100, MINUTE), rate(3, MINUTE))];
    let budgets = Budgets::forgetful();
    budgets.configure(&limit, at(0));
    budgets
        .reserve_alone(&[ANNA], 60, at(0))
        .unwrap()
        .settle(60);
    budgets.configure(&[], at(1));
    assert_eq!(budgets.status(at(1)), []);
    budgets.configure(&limit, at(2));
    assert_eq!(tokens_left(&budgets, at(2)), 40);
    assert_eq!(requests_left(&budgets, at(2)), 2);
    assert_eq!(tokens_left(&budgets, at(60)), 100);
}

#[test]
fn a_request_of_a_forgotten_account_settles_nowhere() {
    let budgets = of_anna(budget(100, MINUTE), None);
    let held = budgets.reserve_alone(&[ANNA], 60, at(0)).unwrap();
    budgets.configure(&[], at(60));
    budgets.configure(&[limits(CHAT, budget(70, MINUTE), None)], at(60));
    held.settle(60);
    let left = budgets.remaining(&[CHAT], at(60)).tokens.unwrap();
    assert_eq!(left.remaining, 70);
}

#[test]
fn the_status_lists_every_limit() {
    let budgets = Budgets::forgetful();
    let chat = limits(CHAT, budget(50, Window::Hour), None);
    let anna = limits(ANNA, budget(100, MINUTE), rate(3, MINUTE));
    budgets.configure(&[chat, anna], at(0));
    let _held = budgets.reserve_alone(&[ANNA], 60, at(0)).unwrap();
    budgets
        .reserve_alone(&[CHAT], 60, at(0))
        .unwrap()
        .settle(12);
    let status = budgets.status(at(0));
    let shown: Vec<String> = status
        .iter()
        .map(|it| {
            let (scope, kind, left) = (it.scope.as_str(), it.kind.as_str(), it.remaining());
            format!(
                "{scope} {} {kind} {}+{} {left}",
                it.name, it.used, it.reserved
            )
        })
        .collect();
    let expected = [
        "caller anna requests 1+0 2",
        "caller anna tokens 0+60 40",
        "route chat tokens 12+0 38",
    ];
    assert_eq!(shown, expected);
    assert_eq!(budgets.sharing(), Sharing::Off);
}

#[test]
fn remaining_shows_the_tightest_account() {
    let budgets = Budgets::forgetful();
    let chat = limits(CHAT, budget(50, Window::Hour), None);
    budgets.configure(&[limits(ANNA, budget(100, MINUTE), None), chat], at(0));
    let tightest = budgets.remaining(&[ANNA, CHAT], at(30)).tokens.unwrap();
    assert_eq!((tightest.limit, tightest.remaining), (50, 50));
    assert_eq!(tightest.reset, Reset(Duration::from_secs(3_570)));
}

#[test]
fn huge_numbers_stop_at_the_top() {
    let budgets = of_anna(budget(u64::MAX, Window::Day), None);
    for _ in 0..3 {
        budgets
            .reserve_alone(&[ANNA], u64::MAX, at(0))
            .unwrap()
            .settle(u64::MAX);
    }
    assert_eq!(tokens_left(&budgets, at(0)), u64::MAX - (1 << 53));
}
