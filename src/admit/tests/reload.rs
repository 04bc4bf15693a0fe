use super::super::Refused;
use super::desk::Desk;
use super::{lanes, MIB};
use crate::config::Lane::{Batch, Interactive};

#[test]
fn more_places_are_given_out_at_once() {
    let mut desk = Desk::new(&lanes((1, 9), (1, 9)), &[(1, MIB)]);
    let numbers = [(); 4].map(|()| desk.enter(Interactive, "a", &[0]));
    desk.configure(&lanes((3, 9), (1, 9)), &[(4, MIB)], &[]);
    assert_eq!(desk.let_in, numbers[1..3]);
    assert!(!desk.is_inside(numbers[3]));
}

#[test]
fn fewer_places_come_about_as_streams_end() {
    let mut desk = Desk::new(&lanes((9, 9), (1, 9)), &[(4, MIB)]);
    let numbers = [(); 4].map(|()| desk.enter(Interactive, "a", &[0]));
    let waits = desk.enter(Interactive, "a", &[0]);
    desk.configure(&lanes((9, 9), (1, 9)), &[(2, MIB)], &[]);
    assert_eq!(desk.upstream(0).in_flight(), 4, "what runs is left alone");
    desk.finish(numbers[0]);
    desk.finish(numbers[1]);
    assert!(!desk.is_inside(waits));
    desk.finish(numbers[2]);
    assert!(desk.is_inside(waits));
}

#[test]
fn a_callers_new_limit_counts_what_already_runs() {
    let mut desk = Desk::new(&lanes((9, 9), (1, 9)), &[(8, MIB)]);
    let numbers = [(); 3].map(|()| desk.enter(Interactive, "a", &[0]));
    desk.configure(&lanes((9, 9), (1, 9)), &[(8, MIB)], &[("a", 3)]);
    let waits = desk.enter(Interactive, "a", &[0]);
    assert!(!desk.is_inside(waits));
    desk.finish(numbers[0]);
    assert!(desk.is_inside(waits));
    let next = desk.enter(Interactive, "a", &[0]);
    desk.configure(&lanes((9, 9), (1, 9)), &[(8, MIB)], &[]);
    assert!(desk.is_inside(next), "without the limit it may go");
}

#[test]
fn a_shorter_queue_sends_nobody_away_who_waits_already() {
    let mut desk = Desk::new(&lanes((1, 9), (1, 9)), &[(8, MIB)]);
    let numbers = [(); 5].map(|()| desk.enter(Interactive, "a", &[0]));
    desk.configure(&lanes((1, 2), (1, 9)), &[(8, MIB)], &[]);
    assert_eq!(desk.waiting.len(), 4);
    let next = desk.enter(Interactive, "a", &[0]);
    assert_eq!(desk.refused, [(next, Refused::LaneFull)]);
    desk.finish(numbers[0]);
    assert_eq!(desk.let_in, [numbers[1]]);
}

#[test]
fn a_removed_upstream_lives_until_its_last_place_is_back() {
    let mut desk = Desk::new(&lanes((9, 9), (1, 9)), &[(1, MIB), (1, MIB)]);
    let running = desk.enter(Interactive, "a", &[0]);
    let waits = desk.enter(Interactive, "a", &[0]);
    let removed = desk.upstreams[0];
    // Only when the last snapshot is gone, and with it every request that could name it.
    desk.state.retire(removed);
    desk.finish(running);
    assert!(desk.is_inside(waits), "the last wish of the last request");
    desk.finish(waits);
    let status = desk.state.status(desk.now);
    assert_eq!(status.upstream(removed), None);
    assert_eq!(status.upstreams.len(), 1);
}

#[test]
fn callers_that_have_nothing_left_are_forgotten_with_the_next_configuration() {
    let mut desk = Desk::new(&lanes((9, 9), (1, 9)), &[(8, MIB)]);
    let kept = desk.enter(Batch, "kept", &[0]);
    for round in 0..100 {
        let number = desk.enter(Interactive, &format!("caller-{round}"), &[0]);
        desk.finish(number);
        desk.configure(&lanes((9, 9), (1, 9)), &[(8, MIB)], &[("kept", 1)]);
    }
    assert!(desk.state.callers.places() <= 2);
    let second = desk.enter(Batch, "kept", &[0]);
    assert!(
        !desk.is_inside(second),
        "it is still charged for its stream"
    );
    desk.finish(kept);
    assert!(desk.is_inside(second));
}

#[test]
fn after_closing_nobody_new_waits_or_comes_in_and_retries_go_on() {
    let mut desk = Desk::new(&lanes((2, 9), (1, 9)), &[(1, MIB), (1, MIB)]);
    let running = desk.enter(Interactive, "a", &[0]);
    let retried = desk.enter(Interactive, "a", &[1]);
    let waits = [
        desk.enter(Interactive, "b", &[0]),
        desk.enter(Batch, "a", &[0]),
    ];
    desk.leave_upstream(retried);
    desk.enter_again(retried, &[0], 1);
    desk.event(|state, notices| state.close(notices));
    assert!(desk.waiting.keys().eq([&retried]), "{:?}", desk.waiting);
    let late = desk.enter(Interactive, "a", &[1]);
    let mut refused: Vec<u32> = desk.refused.iter().map(|(number, _)| *number).collect();
    refused.sort_unstable();
    assert_eq!(refused, [waits[0], waits[1], late]);
    assert!(desk.refused.iter().all(|(_, why)| *why == Refused::Closed));
    assert!(desk.is_inside(running));
    desk.finish(running);
    assert!(desk.is_inside(retried));
}
