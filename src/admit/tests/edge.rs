use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::super::{
    Admission, Candidate, Entry, LaneStatus, Places, Refused, Ticket, UpstreamLimits,
    UpstreamPlaces,
};
use super::{lanes, MIB};
use crate::clock;
use crate::config::Lane::{self, Batch, Interactive};
use crate::config::Lanes;

const PATIENCE: Duration = Duration::from_secs(60);

/// An [`Admission`] with upstreams of `streams` places each.
pub struct Door {
    pub admission: Arc<Admission>,
    pub upstreams: Vec<UpstreamPlaces>,
}

impl Door {
    pub fn new(lanes: &Lanes, streams: &[u32]) -> Door {
        let admission = Admission::new(lanes);
        let upstreams = streams.iter().map(|_| admission.add_upstream()).collect();
        let door = Door {
            admission,
            upstreams,
        };
        door.configure(lanes, streams);
        door
    }

    pub fn configure(&self, lanes: &Lanes, streams: &[u32]) {
        let limits = |(upstream, streams): (&UpstreamPlaces, &u32)| UpstreamLimits {
            upstream: upstream.id(),
            streams: *streams,
            prompt_bytes: 64 * MIB,
        };
        let upstreams: Vec<_> = self.upstreams.iter().zip(streams).map(limits).collect();
        self.admission
            .configure(lanes, &upstreams, &BTreeMap::new());
    }

    pub fn enter(&self, lane: Lane, caller: &str, to: &[usize]) -> Entry {
        self.enter_with(lane, caller, to, PATIENCE)
    }

    pub fn enter_with(&self, lane: Lane, caller: &str, to: &[usize], patience: Duration) -> Entry {
        let ticket = Ticket {
            lane,
            caller: &caller.into(),
            candidates: &self.candidates(to),
            prompt_bytes: 1,
        };
        self.admission.enter(&ticket, clock::now(), patience)
    }

    pub fn candidates(&self, to: &[usize]) -> Vec<Candidate> {
        let candidate = |&target: &usize| Candidate {
            target,
            upstream: self.upstreams[target].id(),
        };
        to.iter().map(candidate).collect()
    }

    pub fn lane(&self, lane: Lane) -> LaneStatus {
        *self.admission.status(clock::now()).lanes.of(lane)
    }

    pub fn in_flight(&self, upstream: usize) -> u32 {
        let status = self.admission.status(clock::now());
        let id = self.upstreams[upstream].id();
        status.upstream(id).unwrap().in_flight()
    }

    /// Nobody holds or wants anything.
    pub fn is_empty(&self) -> bool {
        let lanes = [Interactive, Batch].map(|lane| self.lane(lane));
        let idle = |lane: &LaneStatus| lane.streams + lane.waiting + lane.retrying == 0;
        let free = (0..self.upstreams.len()).all(|upstream| self.in_flight(upstream) == 0);
        lanes.iter().all(idle) && free
    }
}

/// Looks once, without waiting.
pub fn look(entry: &mut Entry) -> Poll<Result<Places, Refused>> {
    let mut context = Context::from_waker(Waker::noop());
    Pin::new(entry).poll(&mut context)
}

fn inside(entry: &mut Entry) -> Places {
    match look(entry) {
        Poll::Ready(Ok(places)) => places,
        other => panic!("not let in: {other:?}"),
    }
}

#[test]
fn without_anybody_before_it_a_request_goes_in_at_once() {
    let door = Door::new(&lanes((2, 2), (2, 2)), &[2]);
    let mut entry = door.enter(Interactive, "a", &[0]);
    assert_eq!(entry.position(), None);
    let places = inside(&mut entry);
    assert_eq!(places.target(), Some(0));
    assert_eq!((door.lane(Interactive).streams, door.in_flight(0)), (1, 1));
    drop(places);
    assert!(door.is_empty());
}

#[tokio::test]
async fn who_waits_is_told_when_a_place_falls_free() {
    let door = Door::new(&lanes((1, 2), (1, 2)), &[2]);
    let places = inside(&mut door.enter(Interactive, "a", &[0]));
    let mut entry = door.enter(Interactive, "a", &[0]);
    assert!(look(&mut entry).is_pending());
    assert_eq!(entry.position(), Some(1));
    let (entered, ()) = tokio::join!(entry, async { drop(places) });
    assert_eq!(entered.unwrap().target(), Some(0));
    assert!(door.is_empty());
}

#[tokio::test]
async fn when_patience_ends_the_request_is_refused_and_gone() {
    let door = Door::new(&lanes((1, 2), (1, 2)), &[2]);
    let _places = inside(&mut door.enter(Interactive, "a", &[0]));
    let entry = door.enter_with(Interactive, "a", &[0], Duration::from_millis(1));
    assert_eq!(entry.await.unwrap_err(), Refused::QueueTimeout);
    assert_eq!(door.lane(Interactive).waiting, 0);
}

#[tokio::test]
async fn what_came_in_time_counts_however_late_it_is_looked_at() {
    let door = Door::new(&lanes((1, 2), (1, 2)), &[2]);
    let places = inside(&mut door.enter(Interactive, "a", &[0]));
    let mut entry = door.enter_with(Interactive, "a", &[0], Duration::ZERO);
    drop(places);
    drop(inside(&mut entry));
    assert!(door.is_empty());
}

#[tokio::test]
async fn a_full_lane_refuses_at_once() {
    let door = Door::new(&lanes((1, 1), (1, 2)), &[2]);
    let _places = inside(&mut door.enter(Interactive, "a", &[0]));
    let _waits = door.enter(Interactive, "a", &[0]);
    let mut third = door.enter(Interactive, "a", &[0]);
    assert!(matches!(
        look(&mut third),
        Poll::Ready(Err(Refused::LaneFull))
    ));
}

#[tokio::test]
async fn a_client_that_leaves_is_gone_at_once_wherever_it_stood() {
    let door = Door::new(&lanes((1, 5), (1, 5)), &[2]);
    // Let in, and never looked at.
    drop(door.enter(Interactive, "a", &[0]));
    assert!(door.is_empty());
    let places = inside(&mut door.enter(Interactive, "a", &[0]));
    // Waiting, and never looked at.
    drop(door.enter(Interactive, "a", &[0]));
    assert_eq!(door.lane(Interactive).waiting, 0);
    // Waiting, with a timer.
    let mut entry = door.enter(Interactive, "a", &[0]);
    assert!(look(&mut entry).is_pending());
    drop(entry);
    assert_eq!(door.lane(Interactive).waiting, 0);
    // The places were on their way to it.
    let mut entry = door.enter(Interactive, "a", &[0]);
    assert!(look(&mut entry).is_pending());
    drop(places);
    assert_eq!(door.lane(Interactive).streams, 1);
    drop(entry);
    assert!(door.is_empty());
}

#[test]
fn places_that_were_on_their_way_go_to_the_next_in_line() {
    let door = Door::new(&lanes((1, 9), (1, 9)), &[2]);
    let places = inside(&mut door.enter(Interactive, "a", &[0]));
    let leaves: Vec<Entry> = (0..5).map(|_| door.enter(Interactive, "a", &[0])).collect();
    let mut stays = door.enter(Interactive, "b", &[0]);
    drop(places);
    drop(leaves);
    drop(inside(&mut stays));
    assert!(door.is_empty());
}

#[test]
fn a_panic_gives_the_places_back() {
    let door = Door::new(&lanes((1, 9), (1, 9)), &[2]);
    let places = inside(&mut door.enter(Interactive, "a", &[0]));
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _held = places;
        std::panic::resume_unwind(Box::new("a bug"));
    }));
    assert!(result.is_err());
    assert!(door.is_empty());
}

#[tokio::test]
async fn a_retry_keeps_its_lane_place_while_it_waits_for_an_upstream() {
    let door = Door::new(&lanes((2, 9), (1, 9)), &[1, 1]);
    let other = inside(&mut door.enter(Interactive, "b", &[1]));
    let places = inside(&mut door.enter(Interactive, "a", &[0]));
    let to = door.candidates(&[1]);
    let mut entry = places.enter_again(&to, 1, clock::now(), PATIENCE);
    assert!(look(&mut entry).is_pending());
    assert_eq!((door.lane(Interactive).streams, door.in_flight(0)), (2, 0));
    drop(other);
    let mut places = inside(&mut entry);
    assert_eq!(places.target(), Some(1));
    places.leave_upstream();
    assert_eq!(places.target(), None);
    assert_eq!((door.lane(Interactive).streams, door.in_flight(1)), (1, 0));
    // At once when there is room.
    let mut entry = places.enter_again(&to, 1, clock::now(), PATIENCE);
    drop(inside(&mut entry));
    assert!(door.is_empty());
}

#[tokio::test]
async fn a_retry_that_ends_in_the_queue_gives_its_lane_place_back() {
    let door = Door::new(&lanes((2, 9), (1, 9)), &[1, 1]);
    let other = inside(&mut door.enter(Interactive, "b", &[1]));
    let to = door.candidates(&[1]);
    let retry = |patience| {
        let places = inside(&mut door.enter(Interactive, "a", &[0]));
        places.enter_again(&to, 1, clock::now(), patience)
    };
    let mut left = retry(PATIENCE);
    assert!(look(&mut left).is_pending());
    drop(left);
    assert_eq!(door.lane(Interactive).streams, 1);
    let late = retry(Duration::from_millis(1));
    assert_eq!(late.await.unwrap_err(), Refused::QueueTimeout);
    assert_eq!(door.lane(Interactive).streams, 1);
    let on_its_way = retry(PATIENCE);
    drop(other);
    drop(on_its_way);
    assert!(door.is_empty());
}

#[tokio::test]
async fn a_flood_of_batch_never_makes_an_interactive_request_wait() {
    let door = Door::new(&lanes((32, 64), (8, 1000)), &[4]);
    let flood: Vec<Entry> = (0..1000)
        .map(|_| door.enter(Batch, "flood", &[0]))
        .collect();
    assert_eq!(door.in_flight(0), 3);
    for _ in 0..1000 {
        drop(inside(&mut door.enter(Interactive, "person", &[0])));
    }
    drop(flood);
    assert!(door.is_empty());
}

#[tokio::test]
async fn other_targets_may_be_chosen_while_it_waits() {
    let door = Door::new(&lanes((9, 9), (8, 9)), &[1, 1]);
    let _full = inside(&mut door.enter(Interactive, "a", &[0]));
    let mut entry = door.enter(Interactive, "a", &[0]);
    assert!(look(&mut entry).is_pending());
    entry.reconsider(&door.candidates(&[0, 1]));
    assert_eq!(inside(&mut entry).target(), Some(1));
}

#[tokio::test]
async fn a_reload_with_more_places_wakes_who_waits() {
    let door = Door::new(&lanes((1, 9), (1, 9)), &[1]);
    let _first = inside(&mut door.enter(Interactive, "a", &[0]));
    let second = door.enter(Interactive, "a", &[0]);
    let reload = async { door.configure(&lanes((2, 9), (1, 9)), &[2]) };
    let (second, ()) = tokio::join!(second, reload);
    assert!(second.is_ok());
}

#[tokio::test]
async fn closing_refuses_everybody_who_waits() {
    let door = Door::new(&lanes((1, 9), (1, 9)), &[1]);
    let places = inside(&mut door.enter(Interactive, "a", &[0]));
    let waits = door.enter(Interactive, "a", &[0]);
    door.admission.close();
    assert_eq!(waits.await.unwrap_err(), Refused::Closed);
    drop(places);
    let mut late = door.enter(Interactive, "a", &[0]);
    assert!(matches!(look(&mut late), Poll::Ready(Err(Refused::Closed))));
    assert!(door.is_empty());
}

#[test]
fn an_upstream_is_known_for_as_long_as_somebody_names_it() {
    let mut door = Door::new(&lanes((9, 9), (1, 9)), &[1, 1]);
    let places = inside(&mut door.enter(Interactive, "a", &[1]));
    let known = |door: &Door| door.admission.status(clock::now()).upstreams.len();
    drop(door.upstreams.pop());
    assert_eq!(known(&door), 2);
    drop(places);
    assert_eq!(known(&door), 1);
}
