//! One count with its limit: the tokens or the requests of an account in a window.

use std::sync::Arc;
use std::time::SystemTime;

use super::account::{Kind, Scope};
use super::exhausted::Exhausted;
use super::period::{self, Past};
use super::sketch::RequestCounts;
use crate::config::Window;

/// Counts stop here: the largest whole number that Redis's scripts, which calculate in doubles, can hold beside its neighbours.
pub const MOST: u64 = 1 << 53;

/// What makes a meter that meter, over reloads and restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub scope: Scope,
    pub name: Arc<str>,
    pub kind: Kind,
    pub window: Window,
}

/// Changed under the lock of the books only.
#[derive(Debug)]
pub struct Meter {
    pub key: Key,
    /// None when the configuration doesn't limit it any more: it is kept until its window has ended.
    pub limit: Option<u64>,
    /// Its place in the books, and its entry in the sketch.
    pub place: usize,
    /// Never given twice; tells it from another one at the same place.
    pub born: u64,
    /// When its window began, in seconds since 1970.
    pub start: u64,
    /// Windows it has been in. What was reserved in an earlier one is no longer counted.
    pub turn: u64,
    /// Tokens that were settled; requests are in the sketch.
    used: u64,
    /// Tokens of requests under way.
    reserved: u64,
    /// What other gateways have counted in this window, as far as we know.
    pub others: u64,
    /// What we knew of them when the shared store was found again, which may have lost it.
    pub floor: u64,
    /// What the shared store holds as ours; none when we haven't said anything in this window.
    pub told: Option<u64>,
    /// Whether the shared store may know more of ours than we do: a crash forgets the last second, Redis doesn't.
    pub is_adopting: bool,
    /// The window before a jump of the clock.
    remembered: Option<Past>,
}

impl Meter {
    pub fn new(key: Key, place: usize, born: u64, now: SystemTime) -> Meter {
        Meter {
            start: period::start(key.window, now),
            key,
            limit: None,
            place,
            born,
            turn: 0,
            used: 0,
            reserved: 0,
            others: 0,
            floor: 0,
            told: None,
            is_adopting: true,
            remembered: None,
        }
    }

    /// What this gateway has counted: used and reserved.
    pub fn own(&self, requests: &RequestCounts) -> u64 {
        match self.key.kind {
            Kind::Tokens => self.used.saturating_add(self.reserved).min(MOST),
            Kind::Requests => requests.get(self.place).min(MOST),
        }
    }

    /// Tokens of requests under way.
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// What all gateways have counted.
    pub fn total(&self, requests: &RequestCounts) -> u64 {
        self.own(requests).saturating_add(self.others)
    }

    /// What a request is told that comes when so much is counted; none when it may go on.
    pub fn exhausted_at(&self, count: u64) -> Option<Exhausted> {
        let limit = self.limit.filter(|limit| count >= *limit)?;
        let is_held = count.saturating_sub(self.reserved) < limit;
        Some(Exhausted::new(&self.key, limit, self.end()).held(is_held))
    }

    /// When its window ends.
    pub fn end(&self) -> SystemTime {
        period::end(self.key.window, self.start)
    }

    /// Whether the shared store holds something else than we count.
    pub fn has_news(&self, requests: &RequestCounts) -> bool {
        self.told.unwrap_or(0) != self.own(requests)
    }

    /// Makes the window of `now` the current one.
    pub fn move_on(&mut self, now: SystemTime, requests: &RequestCounts) {
        let here = period::start(self.key.window, now);
        if here == self.start {
            return;
        }
        let left = Past {
            start: self.start,
            count: self.own(requests),
        };
        let Some(count) = period::carried(here, left, self.remembered, self.key.window) else {
            return;
        };
        self.begin(here, count, requests);
        self.remembered = Some(left);
        self.is_adopting = false;
    }

    /// Begins the window at `start` with a count; nothing is reserved in it.
    pub fn begin(&mut self, start: u64, count: u64, requests: &RequestCounts) {
        self.start = start;
        self.turn += 1;
        self.reserved = 0;
        self.others = 0;
        self.floor = 0;
        self.told = None;
        match self.key.kind {
            Kind::Tokens => self.used = count,
            Kind::Requests => {
                requests.take_back(self.place, requests.get(self.place));
                requests.add(self.place, count);
            }
        }
    }

    pub fn reserve(&mut self, amount: u64, requests: &RequestCounts) {
        match self.key.kind {
            Kind::Tokens => self.reserved = self.reserved.saturating_add(amount),
            Kind::Requests => requests.add(self.place, amount),
        }
    }

    /// Tokens: in place of what was reserved. A request stays counted.
    pub fn settle(&mut self, reserved: u64, tokens: u64) {
        match self.key.kind {
            Kind::Tokens => {
                self.reserved = self.reserved.saturating_sub(reserved);
                self.used = self.used.saturating_add(tokens).min(MOST);
            }
            Kind::Requests => {}
        }
    }

    pub fn release(&mut self, amount: u64, requests: &RequestCounts) {
        match self.key.kind {
            Kind::Tokens => self.reserved = self.reserved.saturating_sub(amount),
            Kind::Requests => requests.take_back(self.place, amount),
        }
    }

    /// Counts what only the shared store remembered of ours.
    pub fn adopt(&mut self, more: u64, requests: &RequestCounts) {
        match self.key.kind {
            Kind::Tokens => self.used = self.used.saturating_add(more).min(MOST),
            Kind::Requests => requests.add(self.place, more),
        }
    }
}
