//! Many requests at random; afterwards exactly as many are let in as there are places.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::super::{Entry, Places, Refused};
use super::edge::{look, Door};
use super::lanes;
use crate::clock;
use crate::config::Lane::{self, Batch, Interactive};

const STREAMS: [u32; 3] = [1, 4, 9];
const CALLERS: [&str; 4] = ["a", "b", "c", "d"];

fn door(queue: u32) -> Door {
    Door::new(&lanes((6, queue), (5, queue)), &STREAMS)
}

fn some_targets(random: &mut StdRng) -> Vec<usize> {
    let first = random.random_range(0..STREAMS.len());
    let count = random.random_range(1..=STREAMS.len());
    (first..first + count)
        .map(|at| at % STREAMS.len())
        .collect()
}

fn some_lane(random: &mut StdRng) -> Lane {
    Lane::ALL[random.random_range(0..2)]
}

/// As many as there are places, no more and no fewer: in both lanes, and at each upstream.
fn exactly_the_places_are_there(door: &Door) {
    assert!(door.is_empty());
    let all: Vec<usize> = (0..STREAMS.len()).collect();
    for (lane, expected) in [(Interactive, 6), (Batch, 5)] {
        assert_eq!(admitted(door, lane, &all), expected);
    }
    door.configure(&lanes((99, 99), (99, 99)), &STREAMS);
    for (upstream, places) in STREAMS.iter().enumerate() {
        assert_eq!(admitted(door, Interactive, &[upstream]), *places);
    }
    for (upstream, places) in [1, 3, 7].into_iter().enumerate() {
        assert_eq!(admitted(door, Batch, &[upstream]), places);
    }
    assert!(door.is_empty());
}

fn admitted(door: &Door, lane: Lane, to: &[usize]) -> u32 {
    let entries: Vec<Entry> = (0..30).map(|_| door.enter(lane, "a", to)).collect();
    let inside = door.lane(lane).streams;
    drop(entries);
    inside
}

#[tokio::test]
async fn a_hundred_thousand_at_random_lose_no_place() {
    let door = door(10);
    let random = &mut StdRng::seed_from_u64(7);
    let mut waiting: Vec<Entry> = Vec::new();
    let mut inside: Vec<Places> = Vec::new();
    let mut refused = 0;
    for _ in 0..100_000 {
        // Without this tokio would let a task that never rests see nothing but pending.
        tokio::task::yield_now().await;
        match random.random_range(0..10) {
            0..4 => {
                let caller = CALLERS[random.random_range(0..CALLERS.len())];
                let lane = some_lane(random);
                waiting.push(door.enter(lane, caller, &some_targets(random)));
            }
            4..6 => refused += look_at_some(random, &mut waiting, &mut inside),
            6 if !waiting.is_empty() => {
                let at = random.random_range(0..waiting.len());
                drop(waiting.swap_remove(at));
            }
            7..9 if !inside.is_empty() => {
                let at = random.random_range(0..inside.len());
                drop(inside.swap_remove(at));
            }
            9 if !inside.is_empty() => {
                let at = random.random_range(0..inside.len());
                let to = door.candidates(&some_targets(random));
                let places = inside.swap_remove(at);
                let patience = Duration::from_secs(60);
                waiting.push(places.enter_again(&to, 3, clock::now(), patience));
            }
            _ => {}
        }
    }
    assert!(refused > 1000, "the queues were full at times: {refused}");
    drop((waiting, inside));
    exactly_the_places_are_there(&door);
}

/// How many of those that were looked at had been refused.
fn look_at_some(random: &mut StdRng, waiting: &mut Vec<Entry>, inside: &mut Vec<Places>) -> usize {
    let mut refused = 0;
    for _ in 0..5.min(waiting.len()) {
        let at = random.random_range(0..waiting.len());
        if let Poll::Ready(outcome) = look(&mut waiting[at]) {
            drop(waiting.swap_remove(at));
            match outcome {
                Ok(places) => inside.push(places),
                Err(why) => {
                    assert_eq!(why, Refused::LaneFull);
                    refused += 1;
                }
            }
        }
    }
    refused
}

/// How many are at each upstream, by the count of those who are there.
struct Inside {
    upstreams: [AtomicI64; STREAMS.len()],
}

impl Inside {
    fn comes(&self, target: usize) {
        let now = self.upstreams[target].fetch_add(1, Ordering::SeqCst) + 1;
        assert!(now <= i64::from(STREAMS[target]), "{now} at {target}");
    }

    fn leaves(&self, target: usize) {
        self.upstreams[target].fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_several_threads_nobody_is_forgotten_and_no_place_is_given_twice() {
    let door = Arc::new(door(100));
    let inside = Arc::new(Inside {
        upstreams: Default::default(),
    });
    let tasks: Vec<_> = (0..24)
        .map(|seed| tokio::spawn(client(Arc::clone(&door), Arc::clone(&inside), seed)))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    exactly_the_places_are_there(&door);
}

/// One that never gives up by the clock: if it is forgotten in the queue, the test hangs.
async fn client(door: Arc<Door>, inside: Arc<Inside>, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let caller = CALLERS[seed as usize % CALLERS.len()];
    for _ in 0..1000 {
        let (lane, to) = (some_lane(&mut random), some_targets(&mut random));
        let patience = Duration::from_secs(3600);
        let entry = door.enter_with(lane, caller, &to, patience);
        if random.random_range(0..4) == 0 {
            // Leaves at about the moment when its places come.
            tokio::select! {
                biased;
                () = tokio::task::yield_now() => continue,
                outcome = entry => drop(outcome.unwrap()),
            }
            continue;
        }
        let mut places = entry.await.unwrap();
        for _ in 0..random.random_range(0..3) {
            let target = places.target().unwrap();
            inside.comes(target);
            tokio::task::yield_now().await;
            inside.leaves(target);
            let to = door.candidates(&some_targets(&mut random));
            let entry = places.enter_again(&to, 1, clock::now(), patience);
            places = entry.await.unwrap();
        }
        drop(places);
    }
}
