use std::time::Duration;

use super::super::upstreams::{batch_bytes, batch_places};
use super::super::Refused;
use super::desk::Desk;
use super::{lanes, MIB};
use crate::config::Lane::{Batch, Interactive};

#[test]
fn a_quarter_of_the_places_at_least_one_is_never_given_to_batch() {
    let left = |streams: u32| streams - batch_places(streams);
    let reserves: Vec<u32> = (0..=16).map(left).collect();
    assert_eq!(
        reserves,
        [0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4]
    );
    assert_eq!(batch_bytes(64 * MIB), 48 * MIB);
}

#[test]
fn both_places_are_taken_together_or_none_is() {
    let mut desk = Desk::new(&lanes((2, 8), (2, 8)), &[(1, MIB), (1, MIB)]);
    let inside = desk.enter(Interactive, "a", &[0]);
    let waits = desk.enter(Interactive, "a", &[0]);
    assert!(desk.is_inside(inside) && !desk.is_inside(waits));
    // The one that waits for the upstream doesn't keep the lane's second place from another.
    let other = desk.enter(Interactive, "b", &[1]);
    assert!(desk.is_inside(other));
    // And the other way round: the lane is full, so the upstream's place stays free for batch.
    desk.leave(waits);
    desk.configure(&lanes((2, 8), (2, 8)), &[(2, MIB), (1, MIB)], &[]);
    let waits = desk.enter(Interactive, "a", &[0]);
    assert_eq!(desk.upstream(0).in_flight(), 1);
    let batch = desk.enter(Batch, "a", &[0]);
    assert!(desk.is_inside(batch) && !desk.is_inside(waits));
}

#[test]
fn the_first_candidate_with_room_is_taken() {
    let mut desk = Desk::new(&lanes((9, 8), (9, 8)), &[(1, MIB), (2, MIB), (2, MIB)]);
    let first = desk.enter(Interactive, "a", &[0, 1, 2]);
    let second = desk.enter(Interactive, "a", &[0, 1, 2]);
    let third = desk.enter(Interactive, "a", &[2, 1]);
    let at = [first, second, third].map(|number| desk.at(number));
    assert_eq!(at, [Some(0), Some(1), Some(2)]);
}

#[test]
fn a_batch_flood_leaves_the_reserve_to_interactive() {
    let mut desk = Desk::new(&lanes((32, 64), (100, 1000)), &[(8, 64 * MIB)]);
    for _ in 0..1000 {
        desk.enter(Batch, "flood", &[0]);
    }
    assert_eq!(desk.held.len(), 6);
    let interactive = [(); 2].map(|()| desk.enter(Interactive, "person", &[0]));
    assert!(interactive.iter().all(|number| desk.is_inside(*number)));
    assert_eq!(desk.upstream(0).in_flight(), 8);
    // Batch doesn't get what interactive gives back, only its own.
    desk.finish(interactive[0]);
    assert_eq!(desk.upstream(0).streams.batch, 6);
    assert_eq!(desk.upstream(0).in_flight(), 7);
}

#[test]
fn batch_leaves_prompt_bytes_for_interactive_too() {
    let mut desk = Desk::new(&lanes((32, 64), (32, 64)), &[(16, 64 * MIB)]);
    for _ in 0..10 {
        desk.enter_with(Batch, "flood", &[0], 8 * MIB);
    }
    assert_eq!(desk.upstream(0).prompt_bytes, 48 * MIB);
    let interactive = desk.enter_with(Interactive, "person", &[0], 8 * MIB);
    assert!(desk.is_inside(interactive));
}

#[test]
fn a_single_place_serves_interactive_first_whenever_it_falls_free() {
    let mut desk = Desk::new(&lanes((4, 8), (4, 8)), &[(1, MIB)]);
    let running = desk.enter(Batch, "a", &[0]);
    assert!(desk.is_inside(running), "nobody else wants it");
    let batch = desk.enter(Batch, "a", &[0]);
    let interactive = desk.enter(Interactive, "b", &[0]);
    desk.finish(running);
    assert!(desk.is_inside(interactive) && !desk.is_inside(batch));
    desk.finish(interactive);
    assert!(desk.is_inside(batch));
}

#[test]
fn with_a_single_lane_place_interactive_is_still_first_at_a_single_place() {
    let mut desk = Desk::new(&lanes((1, 8), (4, 8)), &[(1, MIB)]);
    let running = desk.enter(Interactive, "a", &[0]);
    let batch = desk.enter(Batch, "a", &[0]);
    let interactive = desk.enter(Interactive, "a", &[0]);
    // Both places come back at once: the upstream's alone would go to batch.
    desk.finish(running);
    assert!(desk.is_inside(interactive) && !desk.is_inside(batch));
}

#[test]
fn callers_take_turns() {
    let mut desk = Desk::new(&lanes((1, 100), (1, 1)), &[(4, MIB)]);
    let mut last = desk.enter(Interactive, "greedy", &[0]);
    let greedy = [(); 4].map(|()| desk.enter(Interactive, "greedy", &[0]));
    let modest = [(); 2].map(|()| desk.enter(Interactive, "modest", &[0]));
    let single = desk.enter(Interactive, "single", &[0]);
    let expected = [
        greedy[0], modest[0], single, greedy[1], modest[1], greedy[2], greedy[3],
    ];
    let positions = expected.map(|number| desk.position(number).unwrap());
    assert_eq!(
        positions,
        [1, 2, 3, 4, 5, 6, 7],
        "the position is the order of turns"
    );
    for number in expected {
        desk.finish(last);
        assert_eq!(desk.let_in.last(), Some(&number));
        last = number;
    }
}

#[test]
fn five_hundred_of_one_caller_hold_up_five_of_another_by_one_turn_each() {
    let mut desk = Desk::new(&lanes((1, 1000), (1, 1)), &[(4, MIB)]);
    let mut last = desk.enter(Interactive, "many", &[0]);
    for _ in 0..500 {
        desk.enter(Interactive, "many", &[0]);
    }
    let few = [(); 5].map(|()| desk.enter(Interactive, "few", &[0]));
    for _ in 0..10 {
        desk.finish(last);
        last = *desk.let_in.last().unwrap();
    }
    assert!(few.iter().all(|number| desk.let_in.contains(number)));
}

#[test]
fn a_request_for_a_full_upstream_holds_up_nobody_who_wants_another() {
    let mut desk = Desk::new(&lanes((9, 99), (9, 9)), &[(1, MIB), (2, MIB)]);
    desk.enter(Interactive, "a", &[0]);
    let stuck = desk.enter(Interactive, "a", &[0]);
    let same_caller = desk.enter(Interactive, "a", &[1]);
    let other_caller = desk.enter(Interactive, "b", &[1, 0]);
    assert!(!desk.is_inside(stuck));
    assert!(desk.is_inside(same_caller) && desk.is_inside(other_caller));
}

#[test]
fn a_caller_that_could_not_use_what_was_free_keeps_its_turn() {
    let mut desk = Desk::new(&lanes((9, 99), (9, 9)), &[(1, MIB), (1, MIB)]);
    let at_0 = desk.enter(Interactive, "x", &[0]);
    let at_1 = desk.enter(Interactive, "x", &[1]);
    let first = desk.enter(Interactive, "a", &[0]);
    let passes = desk.enter(Interactive, "b", &[1]);
    let second = desk.enter(Interactive, "b", &[0]);
    desk.finish(at_1);
    assert_eq!(desk.let_in, [passes]);
    desk.finish(at_0);
    assert_eq!(desk.let_in, [passes, first], "not {second}");
}

#[test]
fn quick_requests_to_one_upstream_use_up_no_turns_at_another() {
    let mut desk = Desk::new(&lanes((9, 99), (9, 9)), &[(1, MIB), (1, MIB)]);
    let mut chat = desk.enter(Interactive, "x", &[0]);
    let mut quick = desk.enter(Interactive, "x", &[1]);
    for _ in 0..20 {
        desk.enter(Interactive, "both", &[0]);
        desk.enter(Interactive, "chats", &[0]);
        desk.enter(Interactive, "both", &[1]);
        desk.enter(Interactive, "quick", &[1]);
    }
    let mut of_both = 0;
    for _ in 0..10 {
        for _ in 0..3 {
            desk.finish(quick);
            quick = *desk.let_in.last().unwrap();
        }
        desk.finish(chat);
        chat = *desk.let_in.last().unwrap();
        // Every fourth request is the first of its four: that of "both" for a chat.
        of_both += u32::from((chat - 2).is_multiple_of(4));
    }
    assert_eq!(of_both, 5);
}

#[test]
fn one_caller_is_served_in_the_order_of_its_requests() {
    let mut desk = Desk::new(&lanes((9, 99), (9, 9)), &[(1, MIB), (1, MIB)]);
    let at_0 = desk.enter(Interactive, "a", &[0]);
    let at_1 = desk.enter(Interactive, "a", &[1]);
    let either = desk.enter(Interactive, "a", &[1, 0]);
    let only_0 = desk.enter(Interactive, "a", &[0]);
    desk.finish(at_0);
    assert_eq!(
        desk.let_in,
        [either],
        "the earlier one, although only {only_0} has no choice"
    );
    desk.finish(either);
    assert_eq!(desk.let_in, [either, only_0]);
    desk.finish(at_1);
}

#[test]
fn a_caller_at_its_limit_waits_and_holds_up_nobody() {
    let mut desk = Desk::new(&lanes((9, 99), (9, 9)), &[(8, MIB)]);
    desk.configure(&lanes((9, 99), (9, 9)), &[(8, MIB)], &[("a", 2)]);
    let in_batch = desk.enter(Batch, "a", &[0]);
    let running = desk.enter(Interactive, "a", &[0]);
    let waits = desk.enter(Interactive, "a", &[0]);
    let other = desk.enter(Interactive, "b", &[0]);
    assert!(desk.is_inside(running) && desk.is_inside(other) && !desk.is_inside(waits));
    desk.finish(other);
    assert!(!desk.is_inside(waits));
    desk.finish(in_batch);
    assert!(desk.is_inside(waits), "its streams of both lanes count");
}

#[test]
fn a_full_queue_refuses_at_once() {
    let mut desk = Desk::new(&lanes((1, 2), (1, 0)), &[(4, MIB)]);
    let numbers = [(); 4].map(|()| desk.enter(Interactive, "a", &[0]));
    assert_eq!(desk.refused, [(numbers[3], Refused::LaneFull)]);
    assert_eq!(desk.lane(Interactive).waiting, 2);
    // Without a queue nobody waits at all.
    desk.enter(Batch, "a", &[0]);
    let second = desk.enter(Batch, "a", &[0]);
    assert_eq!(desk.refused[1], (second, Refused::LaneFull));
    // A place in the queue that falls free can be taken again.
    desk.leave(numbers[1]);
    let next = desk.enter(Interactive, "a", &[0]);
    assert!(desk.waiting.contains_key(&next));
}

#[test]
fn a_full_queue_makes_room_for_a_caller_that_has_less_in_it() {
    let mut desk = Desk::new(&lanes((1, 4), (1, 1)), &[(4, MIB)]);
    desk.enter(Interactive, "many", &[0]);
    let many = [(); 4].map(|()| desk.enter(Interactive, "many", &[0]));
    let few = [(); 3].map(|()| desk.enter(Interactive, "few", &[0]));
    // The newest of the greedy one give way until both have the same.
    let expected = [(many[3]), many[2], few[2]].map(|number| (number, Refused::LaneFull));
    assert_eq!(desk.refused, expected);
    assert_eq!(desk.lane(Interactive).waiting, 4);
}

#[test]
fn a_prompt_larger_than_everything_goes_alone() {
    let mut desk = Desk::new(&lanes((9, 99), (9, 9)), &[(8, 10)]);
    let small = desk.enter_with(Interactive, "a", &[0], 4);
    let huge = desk.enter_with(Interactive, "a", &[0], 50);
    assert!(!desk.is_inside(huge));
    desk.finish(small);
    assert!(desk.is_inside(huge));
    let next = desk.enter_with(Interactive, "b", &[0], 1);
    assert!(!desk.is_inside(next));
    desk.finish(huge);
    assert!(desk.is_inside(next));
}

#[test]
fn short_prompts_do_not_pass_a_long_one_for_ever() {
    let mut desk = Desk::new(&lanes((99, 99), (9, 9)), &[(8, 10)]);
    let running = [(); 2].map(|()| desk.enter_with(Interactive, "short", &[0], 4));
    let long = desk.enter_with(Interactive, "long", &[0], 8);
    let short = desk.enter_with(Interactive, "short", &[0], 1);
    assert!(
        !desk.is_inside(short),
        "the bytes are held for the long one"
    );
    desk.finish(running[0]);
    assert!(!desk.is_inside(long) && !desk.is_inside(short));
    desk.finish(running[1]);
    assert!(desk.is_inside(long) && desk.is_inside(short));
}

#[test]
fn a_long_prompt_that_gives_up_lets_the_others_go_first() {
    let mut desk = Desk::new(&lanes((99, 99), (9, 9)), &[(8, 10)]);
    desk.enter_with(Interactive, "other", &[0], 4);
    let long = [(); 2].map(|()| desk.enter_with(Interactive, "long", &[0], 9));
    let short = desk.enter_with(Interactive, "short", &[0], 1);
    desk.leave(long[0]);
    assert!(
        desk.is_inside(short),
        "the caller of {long:?} has had its turn"
    );
}

#[test]
fn nothing_is_held_for_a_caller_that_has_just_come_to_its_limit() {
    let limits = lanes((9, 9), (9, 9));
    let mut desk = Desk::new(&limits, &[(8, 16), (8, 16)]);
    desk.configure(&limits, &[(8, 16), (8, 16)], &[("long", 1)]);
    desk.enter_with(Batch, "other", &[0], 8);
    let long = desk.enter_with(Batch, "long", &[0], 10);
    let short = desk.enter_with(Batch, "short", &[0], 1);
    assert!(!desk.is_inside(short));
    desk.enter_with(Interactive, "long", &[1], 1);
    assert!(desk.is_inside(short) && !desk.is_inside(long));
}

#[test]
fn batch_holds_nothing_from_interactive() {
    let mut desk = Desk::new(&lanes((99, 99), (9, 9)), &[(8, 16)]);
    desk.enter_with(Batch, "a", &[0], 8);
    let long = desk.enter_with(Batch, "a", &[0], 10);
    let person = desk.enter_with(Interactive, "b", &[0], 2);
    assert!(desk.is_inside(person) && !desk.is_inside(long));
}

#[test]
fn a_retry_goes_before_all_who_wait_and_keeps_its_lane_place() {
    let mut desk = Desk::new(&lanes((2, 0), (1, 1)), &[(1, MIB), (1, MIB)]);
    desk.configure(&lanes((2, 9), (1, 1)), &[(1, MIB), (1, MIB)], &[("a", 1)]);
    let running = desk.enter(Interactive, "b", &[1]);
    let retried = desk.enter(Interactive, "a", &[0]);
    let waits = desk.enter(Interactive, "c", &[1]);
    desk.leave_upstream(retried);
    assert_eq!(desk.lane(Interactive).streams, 2);
    desk.enter_again(retried, &[1], 1);
    assert_eq!(
        (desk.position(retried), desk.position(waits)),
        (Some(1), Some(1))
    );
    assert_eq!(desk.lane(Interactive).retrying, 1);
    desk.finish(running);
    assert_eq!(desk.let_in, [retried]);
    assert_eq!(
        desk.lane(Interactive).streams,
        1,
        "{waits} lacks an upstream"
    );
    desk.finish(retried);
    assert_eq!(desk.let_in, [retried, waits]);
}

#[test]
fn another_choice_of_targets_keeps_the_turn() {
    let mut desk = Desk::new(&lanes((9, 9), (1, 1)), &[(1, MIB), (1, MIB), (1, MIB)]);
    let at_0 = desk.enter(Interactive, "x", &[0]);
    let at_1 = desk.enter(Interactive, "x", &[1]);
    let first = desk.enter(Interactive, "a", &[0]);
    let second = desk.enter(Interactive, "b", &[1]);
    // The breaker of 0 opened: the first one goes elsewhere, and is still before the second.
    desk.reconsider(first, &[1]);
    desk.finish(at_0);
    assert!(desk.let_in.is_empty());
    desk.finish(at_1);
    assert_eq!(desk.let_in, [first]);
    // One that is free takes it at once; none at all is a wait for better times.
    desk.reconsider(second, &[]);
    assert!(!desk.is_inside(second));
    desk.reconsider(second, &[2]);
    assert!(desk.is_inside(second));
}

#[test]
fn the_status_shows_who_waits_and_for_how_long() {
    let mut desk = Desk::new(&lanes((1, 9), (1, 3)), &[(4, 10 * MIB)]);
    desk.enter_with(Interactive, "a", &[0], 5);
    desk.now += Duration::from_secs(1);
    desk.enter(Interactive, "b", &[0]);
    desk.now += Duration::from_secs(2);
    desk.enter(Interactive, "c", &[0]);
    let lane = desk.lane(Interactive);
    assert_eq!((lane.streams, lane.capacity), (1, 1));
    assert_eq!((lane.waiting, lane.queue), (2, 9));
    assert_eq!(lane.oldest, Some(Duration::from_secs(2)));
    assert_eq!(desk.lane(Batch).oldest, None);
    let upstream = desk.upstream(0);
    assert_eq!((upstream.in_flight(), upstream.capacity), (1, 4));
    assert_eq!(
        (upstream.prompt_bytes, upstream.prompt_bytes_capacity),
        (5, 10 * MIB)
    );
    assert_eq!(upstream.waiting.interactive, 2);
}

#[test]
fn two_targets_of_one_upstream_are_one_wait() {
    let mut desk = Desk::new(&lanes((9, 9), (1, 1)), &[(1, MIB)]);
    let running = desk.enter(Interactive, "a", &[0]);
    let waits = desk.enter(Interactive, "a", &[0, 0]);
    assert_eq!(desk.upstream(0).waiting.interactive, 1);
    desk.finish(running);
    assert!(desk.is_inside(waits));
    assert_eq!(desk.upstream(0).waiting.interactive, 0);
}
