//! The counts as the ledger keeps them.

use std::time::SystemTime;

use super::Books;
use crate::budget::meter::Key;
use crate::budget::period;

/// A meter's count in its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCount {
    pub key: Key,
    /// When the window began, in seconds since 1970.
    pub start: u64,
    /// Used and reserved: of a process that died nobody knows how far its requests came.
    pub used: u64,
}

impl Books {
    /// What is to be remembered, ordered by place: every window that has counted anything.
    pub fn past(&self) -> Vec<PastCount> {
        let counts = self.meters.iter().flatten().map(|meter| PastCount {
            key: meter.key.clone(),
            start: meter.start,
            used: meter.own(&self.requests),
        });
        counts.filter(|count| count.used > 0).collect()
    }

    /// Goes on from what was remembered. Windows that have ended are forgotten; one that lies in the future is not,
    /// because it may be the clock that is wrong.
    pub fn restore(&mut self, past: Vec<PastCount>, now: SystemTime) {
        let runs = |count: &PastCount| period::end(count.key.window, count.start) > now;
        let mut places = Vec::new();
        for count in past.into_iter().filter(runs) {
            let place = self.place_of(count.key, now);
            places.push((place, count.start, count.used));
        }
        // The sketch knows its entries before anything is counted for them.
        self.draw_sketch();
        for (place, start, used) in places {
            if let Some(Some(meter)) = self.meters.get_mut(place) {
                meter.begin(start, used, &self.requests);
            }
        }
    }
}
