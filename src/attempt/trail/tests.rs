use super::*;
use crate::attempt::{verdict, ErrorClass, Outcome};
use crate::config::MaxTokensField;

fn target(upstream: usize, tier: u32, weight: u32) -> Target {
    Target {
        upstream,
        model: None,
        weight,
        tier,
        context: None,
        max_tokens_field: MaxTokensField::MaxTokens,
    }
}

struct Busy(Vec<u32>, usize);

impl Load for Busy {
    fn requests(&self, target: &Target) -> u32 {
        self.0[target.upstream]
    }
    fn is_behind(&self, target: &Target) -> bool {
        self.0[target.upstream] > 1000
    }
    fn turn(&self) -> usize {
        self.1
    }
    fn prefix(&self) -> Option<u64> {
        None
    }
    fn identity(&self, target: &Target) -> u64 {
        target.upstream as u64
    }
}

fn next(trail: &Trail, targets: &[Target], busy: Vec<u32>) -> Option<Choice> {
    trail.next(targets, Balance::LeastBusy, &Busy(busy, 0), &[])
}

fn error(status: u16, class: ErrorClass) -> Outcome {
    Outcome::Error { status, class }
}

fn after(outcomes: &[(usize, Outcome)]) -> Trail {
    let mut trail = Trail::default();
    for &(target, outcome) in outcomes {
        trail.push(target, verdict(outcome));
    }
    trail
}

#[test]
fn the_least_busy_of_the_lowest_tier_is_asked_first() {
    let targets = [target(0, 1, 1), target(1, 0, 1), target(2, 0, 1)];
    assert_eq!(
        next(&Trail::default(), &targets, vec![0, 5, 3]),
        Some(Choice {
            target: 2,
            wait: false
        })
    );
}

#[test]
fn weight_scales_what_busy_means() {
    let targets = [target(0, 0, 4), target(1, 0, 1)];
    assert_eq!(
        next(&Trail::default(), &targets, vec![3, 1])
            .unwrap()
            .target,
        0
    );
}

#[test]
fn equally_busy_targets_take_turns_by_weight() {
    let targets = [target(0, 0, 1), target(1, 0, 2)];
    let chosen: Vec<usize> = (0..6)
        .map(|turn| {
            let load = Busy(vec![0, 0], turn);
            Trail::default()
                .next(&targets, Balance::RoundRobin, &load, &[])
                .unwrap()
                .target
        })
        .collect();
    assert_eq!(chosen, [0, 1, 1, 0, 1, 1]);
}

#[test]
fn a_refused_connection_gives_way_to_the_next_at_once() {
    let targets = [target(0, 0, 1), target(1, 0, 1), target(2, 1, 1)];
    let trail = after(&[(0, Outcome::ConnectRefused)]);
    assert_eq!(
        next(&trail, &targets, vec![0; 3]),
        Some(Choice {
            target: 1,
            wait: false
        })
    );
    let trail = after(&[(0, Outcome::ConnectRefused), (1, Outcome::ConnectRefused)]);
    assert_eq!(
        next(&trail, &targets, vec![0; 3]),
        Some(Choice {
            target: 2,
            wait: false
        })
    );
    let trail = after(&[0, 1, 2].map(|i| (i, Outcome::ConnectRefused)));
    assert_eq!(
        next(&trail, &targets, vec![0; 3]),
        Some(Choice {
            target: 0,
            wait: true
        })
    );
}

#[test]
fn a_silent_target_is_left_alone_even_when_it_is_the_only_one() {
    let targets = [target(0, 0, 1)];
    assert_eq!(
        next(
            &after(&[(0, Outcome::FirstTokenTimeout)]),
            &targets,
            vec![0]
        ),
        None
    );
}

#[test]
fn an_overflow_goes_to_a_later_tier_only() {
    let targets = [target(0, 0, 1), target(1, 0, 1), target(2, 1, 1)];
    let overflow = error(400, ErrorClass::ContextLength);
    assert_eq!(
        next(&after(&[(0, overflow)]), &targets, vec![0; 3])
            .unwrap()
            .target,
        2
    );
    assert_eq!(
        next(
            &after(&[(0, overflow), (2, overflow)]),
            &targets,
            vec![0; 3]
        ),
        None
    );
}

#[test]
fn a_refused_key_goes_to_another_upstream_only() {
    let targets = [target(0, 0, 1), target(0, 0, 1), target(1, 1, 1)];
    let refused = error(401, ErrorClass::Auth);
    assert_eq!(
        next(&after(&[(0, refused)]), &targets, vec![0; 2])
            .unwrap()
            .target,
        2
    );
}

#[test]
fn a_rejected_request_is_tried_nowhere() {
    let targets = [target(0, 0, 1), target(1, 0, 1)];
    for class in [ErrorClass::Rejected, ErrorClass::ContentPolicy] {
        assert_eq!(
            next(&after(&[(0, error(400, class))]), &targets, vec![0; 2]),
            None
        );
    }
}

#[test]
fn a_busy_server_is_asked_again_after_a_wait_when_it_is_the_only_one() {
    let targets = [target(0, 0, 1)];
    let busy = error(503, ErrorClass::Overloaded);
    for times in 1..4 {
        let trail = after(&vec![(0, busy); times]);
        assert_eq!(
            next(&trail, &targets, vec![0]),
            Some(Choice {
                target: 0,
                wait: true
            })
        );
    }
}

fn after_short_waits(tries: &[usize]) -> Trail {
    let mut trail = Trail::default();
    for &target in tries {
        let limited = verdict(error(429, ErrorClass::RateLimited));
        let repeat = Repeat::AfterShortWait;
        trail.push(target, Verdict { repeat, ..limited });
    }
    trail
}

#[test]
fn a_short_wait_comes_before_a_later_tier_once() {
    let targets = [target(0, 0, 1), target(1, 1, 1)];
    let chosen = |tries: &[usize]| {
        let choice = next(&after_short_waits(tries), &targets, vec![0; 2]);
        choice.map(|choice| (choice.target, choice.wait))
    };
    assert_eq!(chosen(&[0]), Some((0, true)));
    assert_eq!(chosen(&[0, 0]), Some((1, false)));
    assert_eq!(chosen(&[0, 0, 1]), Some((1, true)));
}

#[test]
fn a_short_wait_does_not_come_before_the_tiers_others() {
    let targets = [target(0, 0, 1), target(1, 0, 1), target(2, 1, 1)];
    let trail = after_short_waits(&[0]);
    assert_eq!(next(&trail, &targets, vec![0; 3]).unwrap().target, 1);
    // Unless those can't be asked either.
    let load = Busy(vec![0; 3], 0);
    let choice = trail.next(&targets, Balance::LeastBusy, &load, &[1]);
    assert_eq!(choice.unwrap().target, 0);
}

#[test]
fn once_means_once() {
    let targets = [target(0, 0, 1)];
    let dead = Outcome::NoAnswer { reused: true };
    assert_eq!(
        next(&after(&[(0, dead)]), &targets, vec![0]),
        Some(Choice {
            target: 0,
            wait: false
        })
    );
    assert_eq!(
        next(&after(&[(0, dead), (0, dead)]), &targets, vec![0]),
        None
    );
    let failed = error(500, ErrorClass::ServerError);
    assert_eq!(
        next(&after(&[(0, failed), (0, failed)]), &targets, vec![0]),
        None
    );
}

#[test]
fn an_upstream_that_is_behind_goes_after_the_others_but_stays_usable() {
    let targets = [target(0, 0, 1), target(1, 1, 1)];
    assert_eq!(
        next(&Trail::default(), &targets, vec![2000, 0])
            .unwrap()
            .target,
        1
    );
    let only = [target(0, 0, 1), target(0, 1, 1)];
    assert_eq!(
        next(&Trail::default(), &only, vec![2000]).unwrap().target,
        0
    );
}

#[test]
fn a_closed_target_is_passed_over() {
    let targets = [target(0, 0, 1), target(1, 1, 1)];
    let load = Busy(vec![0, 0], 0);
    let next =
        |closed: &[usize]| Trail::default().next(&targets, Balance::LeastBusy, &load, closed);
    assert_eq!(next(&[0]).unwrap().target, 1);
    assert_eq!(next(&[0, 1]), None);
}

#[test]
fn a_lone_500_and_a_stale_connection_are_tried_there_again_before_anywhere_else() {
    let targets = [target(0, 0, 1), target(1, 0, 1)];
    let failed = error(500, ErrorClass::ServerError);
    let again = next(&after(&[(0, failed)]), &targets, vec![0, 0]);
    assert_eq!(
        again,
        Some(Choice {
            target: 0,
            wait: true
        })
    );
    let elsewhere = next(&after(&[(0, failed), (0, failed)]), &targets, vec![0, 0]);
    assert_eq!(
        elsewhere,
        Some(Choice {
            target: 1,
            wait: false
        })
    );
    let stale = Outcome::NoAnswer { reused: true };
    let again = next(&after(&[(0, stale)]), &targets, vec![0, 0]);
    assert_eq!(
        again,
        Some(Choice {
            target: 0,
            wait: false
        })
    );
    let reset = Outcome::NoAnswer { reused: false };
    assert_eq!(
        next(&after(&[(0, reset)]), &targets, vec![0, 0])
            .unwrap()
            .target,
        1
    );
}

/// Requests that all begin with the same key.
struct Affine {
    key: Option<u64>,
    busy: Vec<u32>,
    behind: Option<usize>,
}

impl Load for Affine {
    fn requests(&self, target: &Target) -> u32 {
        self.busy[target.upstream]
    }
    fn is_behind(&self, target: &Target) -> bool {
        self.behind == Some(target.upstream)
    }
    fn turn(&self) -> usize {
        0
    }
    fn prefix(&self) -> Option<u64> {
        self.key
    }
    fn identity(&self, target: &Target) -> u64 {
        target.upstream as u64
    }
}

fn affine(key: u64, targets: &[Target], closed: &[usize]) -> usize {
    let load = Affine {
        key: Some(key),
        busy: vec![0; 4],
        behind: None,
    };
    let choice = Trail::default().next(targets, Balance::Prefix, &load, closed);
    choice.unwrap().target
}

#[test]
fn equal_beginnings_meet_at_one_target_and_different_ones_spread() {
    let targets = [target(0, 0, 1), target(1, 0, 1), target(2, 0, 1)];
    let mut seen = [0; 3];
    for key in 0..300 {
        let chosen = affine(key, &targets, &[]);
        assert_eq!(affine(key, &targets, &[]), chosen);
        seen[chosen] += 1;
    }
    assert!(seen.iter().all(|&times| times > 50), "{seen:?}");
}

#[test]
fn a_closed_target_moves_only_its_own_beginnings() {
    let targets = [target(0, 0, 1), target(1, 0, 1), target(2, 0, 1)];
    for key in 0..100 {
        let home = affine(key, &targets, &[]);
        for closed in 0..3 {
            let chosen = affine(key, &targets, &[closed]);
            assert_eq!(chosen == home, closed != home);
        }
    }
}

#[test]
fn tiers_and_health_come_before_the_cache() {
    let targets = [target(0, 1, 1), target(1, 0, 1), target(2, 0, 1)];
    for key in 0..50 {
        assert_ne!(affine(key, &targets, &[]), 0);
        let load = Affine {
            key: Some(key),
            busy: vec![0; 3],
            behind: Some(1),
        };
        let choice = Trail::default().next(&targets, Balance::Prefix, &load, &[]);
        assert_eq!(choice.unwrap().target, 2);
    }
}

#[test]
fn a_target_that_was_tried_gives_way_to_the_next_in_the_order() {
    let targets = [target(0, 0, 1), target(1, 0, 1), target(2, 0, 1)];
    let load = Affine {
        key: Some(7),
        busy: vec![0; 3],
        behind: None,
    };
    let home = affine(7, &targets, &[]);
    let trail = after(&[(home, Outcome::ConnectRefused)]);
    let choice = trail.next(&targets, Balance::Prefix, &load, &[]).unwrap();
    assert_eq!(choice.target, affine(7, &targets, &[home]));
}

#[test]
fn a_busy_home_is_passed_over() {
    let targets = [target(0, 0, 1), target(1, 0, 1)];
    let home = affine(7, &targets, &[]);
    for (busy, chosen) in [(1, home), (5, 1 - home)] {
        let mut load = Affine {
            key: Some(7),
            busy: vec![0; 2],
            behind: None,
        };
        load.busy[home] = busy;
        let choice = Trail::default().next(&targets, Balance::Prefix, &load, &[]);
        assert_eq!(choice.unwrap().target, chosen, "{busy} requests");
    }
}

#[test]
fn an_unknown_beginning_goes_to_the_least_busy() {
    let targets = [target(0, 0, 1), target(1, 0, 1)];
    let load = Affine {
        key: None,
        busy: vec![3, 1],
        behind: None,
    };
    let choice = Trail::default().next(&targets, Balance::Prefix, &load, &[]);
    assert_eq!(choice.unwrap().target, 1);
}

#[test]
fn a_misfit_is_asked_for_again_where_it_came_from_as_often_as_there_are_retries() {
    let targets = [target(0, 0, 1), target(1, 0, 1), target(2, 1, 1)];
    let mut misfits = Vec::new();
    for _ in 0..5 {
        misfits.push((1, Outcome::Misfit));
        let again = Choice {
            target: 1,
            wait: false,
        };
        assert_eq!(next(&after(&misfits), &targets, vec![0, 9, 0]), Some(again));
    }
    let closed = after(&misfits).next(&targets, Balance::LeastBusy, &Busy(vec![0, 9, 0], 0), &[1]);
    assert_eq!(closed.map(|choice| choice.target), Some(0));
}
