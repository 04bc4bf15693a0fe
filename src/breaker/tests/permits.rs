use std::sync::Barrier;
use std::thread;

use super::super::{Breakers, Condition, Permit, Slot};
use super::*;

/// One upstream with two models, and another upstream.
struct Stage {
    breakers: Breakers,
    a: Slot,
    b: Slot,
    elsewhere: Slot,
}

fn stage() -> Stage {
    let breakers = Breakers::private();
    Stage {
        a: breakers.slot(&key(8000, "a")),
        b: breakers.slot(&key(8000, "b")),
        elsewhere: breakers.slot(&key(8001, "a")),
        breakers,
    }
}

fn permit(slot: &Slot) -> Permit {
    slot.ask(NOW, LEASE).unwrap()
}

fn condition(slot: &Slot) -> Condition {
    slot.look(NOW).condition
}

fn fail(slot: &Slot, times: u32) {
    for _ in 0..times {
        permit(slot).failure(NOW, rule());
    }
}

fn fail_to_connect(slot: &Slot, times: u32) {
    for _ in 0..times {
        permit(slot).failed_to_connect(NOW, rule());
    }
}

/// An open breaker whose time is over, and its probe.
fn probe(slot: &Slot) -> Permit {
    fail(slot, 5);
    let probe = slot.ask(after(300), LEASE).unwrap();
    assert!(probe.is_probe());
    probe
}

#[test]
fn the_fifth_failure_in_a_row_opens_it_for_its_time() {
    let Stage { a, b, .. } = stage();
    fail(&a, 4);
    assert_eq!(condition(&a), Condition::Closed);

    assert!(permit(&a).failure(NOW, rule()));

    assert_eq!(
        a.ask(NOW, LEASE).unwrap_err().retry_in,
        Duration::from_secs(300)
    );
    assert_eq!(
        a.ask(after(299), LEASE).unwrap_err().retry_in,
        Duration::from_secs(1)
    );
    assert_eq!(a.look(NOW).failures, 5);
    assert_eq!(
        condition(&b),
        Condition::Closed,
        "an overloaded model doesn't shut the others"
    );
}

#[test]
fn a_sign_closes_it_while_the_probe_is_still_out_and_takes_nothing_from_its_permit() {
    let Stage { a, .. } = stage();
    let probe = probe(&a);
    let sign = probe.sign().expect("a probe's sign");

    assert!(sign.answered(after(300)));

    assert_eq!(a.look(after(300)).condition, Condition::Closed);
    assert!(!probe.failure(after(301), rule()));
    assert_eq!(a.look(after(301)).failures, 1);
}

#[test]
fn nobody_waits_for_the_sign_of_a_usual_request() {
    assert!(permit(&stage().a).sign().is_none());
}

#[test]
fn a_late_sign_changes_nothing() {
    let Stage { a, .. } = stage();
    let probe = probe(&a);
    let sign = probe.sign().expect("a probe's sign");
    assert!(probe.failure(after(301), rule()));

    assert!(!sign.answered(after(302)));

    assert_eq!(a.look(after(302)).condition, Condition::Open);
}

#[test]
fn a_success_in_between_begins_the_count_again() {
    let Stage { a, .. } = stage();
    fail(&a, 4);
    assert!(!permit(&a).success(NOW));
    fail(&a, 4);
    assert_eq!(condition(&a), Condition::Closed);
}

#[test]
fn the_probe_closes_it_with_its_first_token_and_counts_as_usual_after_that() {
    let Stage { a, .. } = stage();
    let mut probe = probe(&a);
    assert_eq!(
        a.ask(after(301), LEASE).unwrap_err().retry_in,
        Duration::from_secs(1)
    );

    assert!(probe.answered(after(301)));

    assert!(!probe.is_probe());
    assert!(!probe.answered(after(302)), "only once");
    assert_eq!(condition(&a), Condition::Closed);
    assert!(!probe.failure(after(303), rule()));
    assert_eq!(a.look(after(303)).failures, 1);
}

#[test]
fn a_failed_probe_opens_it_for_another_full_time() {
    let Stage { a, .. } = stage();
    assert!(probe(&a).failure(after(310), rule()));
    assert_eq!(a.look(after(310)).open_for, Some(Duration::from_secs(300)));
}

#[test]
fn a_probe_that_ends_without_a_word_makes_room_for_the_next() {
    let Stage { a, .. } = stage();
    drop(probe(&a));
    let view = a.look(after(300));
    assert_eq!(
        (view.condition, view.probe_for),
        (Condition::HalfOpen, None)
    );
    assert!(a.ask(after(300), LEASE).unwrap().is_probe());
}

#[test]
fn a_request_that_panics_gives_the_probes_place_back() {
    let Stage { a, .. } = stage();
    let probe = probe(&a);
    let panicked = thread::spawn(move || {
        let _held = probe;
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert!(a.ask(after(300), LEASE).unwrap().is_probe());
}

#[test]
fn a_dead_probes_place_falls_free_and_its_late_report_changes_nothing() {
    let Stage { a, .. } = stage();
    let dead = probe(&a);
    assert!(a.ask(after(364), LEASE).is_err());
    let next = a.ask(after(365), LEASE).unwrap();

    assert!(!dead.success(after(366)));

    assert_eq!(a.look(after(366)).probe_for, Some(Duration::from_secs(64)));
    assert!(next.success(after(367)));
}

#[test]
fn reports_of_requests_from_before_it_opened_change_nothing() {
    let Stage { a, .. } = stage();
    let [early, late] = [permit(&a), permit(&a)];
    let mut probe = probe(&a);
    early.failure(after(300), rule());
    assert!(probe.answered(after(300)));
    late.failure(after(300), rule());
    assert_eq!(a.look(after(300)).failures, 0);
}

#[test]
fn dropping_an_ordinary_permit_says_nothing() {
    let Stage { a, .. } = stage();
    fail(&a, 4);
    drop(permit(&a));
    assert_eq!(a.look(NOW).failures, 4);
}

#[test]
fn a_failure_to_connect_counts_for_every_model_at_the_address() {
    let Stage {
        a, b, elsewhere, ..
    } = stage();
    fail_to_connect(&a, 3);
    fail_to_connect(&b, 1);
    assert_eq!([a.look(NOW).failures, b.look(NOW).failures], [4, 4]);

    let opened = permit(&a).failed_to_connect(NOW, rule());

    assert!(opened.own);
    assert_eq!(opened.others, [b.id()]);
    assert_eq!([condition(&a), condition(&b)], [Condition::Open; 2]);
    assert_eq!(elsewhere.look(NOW).failures, 0);
}

#[test]
fn an_answer_of_one_model_takes_back_what_the_others_borrowed_and_no_more() {
    let Stage { a, b, .. } = stage();
    fail(&b, 2);
    for _ in 0..10 {
        fail_to_connect(&a, 2);
        permit(&a).success(NOW);
    }
    assert_eq!(b.look(NOW).failures, 2);
    assert_eq!(a.look(NOW).failures, 0);
}

#[test]
fn late_news_of_a_failed_connection_is_no_news_for_the_others() {
    let Stage { a, b, .. } = stage();
    let early = permit(&a);
    fail(&a, 5);
    assert_eq!(early.failed_to_connect(NOW, rule()), Default::default());
    assert_eq!(b.look(NOW).failures, 0);
}

#[test]
fn a_reset_closes_it_and_forgets_what_is_under_way() {
    let Stage { a, b, .. } = stage();
    let probe = probe(&a);
    assert!(a.reset(after(300)));
    assert!(!probe.failure(after(300), rule()));
    assert_eq!(condition(&a), Condition::Closed);
    assert!(!a.reset(NOW) && !b.reset(NOW), "nothing to close");
}

#[test]
fn a_new_configuration_finds_the_breakers_of_the_old_one() {
    let Stage { breakers, a, .. } = stage();
    fail(&a, 5);
    let same = breakers.slot(&key(8000, "a"));
    assert_eq!(same.id(), a.id());
    assert_eq!(condition(&same), Condition::Open);
}

#[test]
fn of_many_threads_one_is_the_probe_every_time() {
    let Stage { a, .. } = stage();
    for round in 1..=200 {
        fail(&a, 5);
        let barrier = Barrier::new(4);
        let probes: usize = thread::scope(|scope| {
            let ask = || {
                barrier.wait();
                a.ask(after(300 * round), LEASE)
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            let permits: Vec<_> = threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect();
            permits.iter().filter(|permit| permit.is_ok()).count()
        });
        assert_eq!(probes, 1, "round {round}");
        assert!(a.reset(NOW));
    }
}

#[test]
fn failures_of_many_threads_are_all_counted() {
    let Stage { a, b, .. } = stage();
    let patient = Rule::new(1000, Duration::from_secs(1));
    thread::scope(|scope| {
        for slot in [&a, &a, &b, &b] {
            scope.spawn(move || {
                for _ in 0..100 {
                    permit(slot).failed_to_connect(NOW, patient);
                }
            });
        }
    });
    assert_eq!([a.look(NOW).failures, b.look(NOW).failures], [400, 400]);
}
