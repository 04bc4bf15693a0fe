//! What is left and what is counted, for headers, metrics and the status page.

use std::sync::Arc;
use std::time::SystemTime;

use super::Books;
use crate::budget::account::{Account, Kind, Scope};
use crate::budget::headroom::{Headroom, Remaining, Reset};
use crate::budget::meter::Meter;
use crate::budget::sketch::RequestCounts;
use crate::config::Window;

/// One limit and its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterStatus {
    pub scope: Scope,
    pub name: Arc<str>,
    pub kind: Kind,
    pub window: Window,
    pub limit: u64,
    /// Used here, without what is reserved.
    pub used: u64,
    /// Tokens of requests under way here.
    pub reserved: u64,
    /// What other gateways have counted, as far as we know.
    pub others: u64,
    /// When the window ends.
    pub ends: SystemTime,
}

impl MeterStatus {
    /// What all gateways together have left.
    pub fn remaining(&self) -> u64 {
        let total = self.used.saturating_add(self.reserved);
        self.limit.saturating_sub(total.saturating_add(self.others))
    }
}

impl Books {
    /// The tightest limit of each kind among the accounts of a request.
    pub fn remaining(&mut self, accounts: &[Account<'_>], now: SystemTime) -> Remaining {
        let mut remaining = Remaining::default();
        for account in accounts {
            for place in self.by_name.places(*account) {
                let Some(Some(meter)) = self.meters.get_mut(*place) else {
                    continue;
                };
                meter.move_on(now, &self.requests);
                if let Some(headroom) = headroom(meter, &self.requests, now) {
                    remaining.narrow(meter.key.kind, headroom);
                }
            }
        }
        remaining
    }

    /// Every limit, callers first, then by name.
    pub fn status(&mut self, now: SystemTime) -> Vec<MeterStatus> {
        let mut all = Vec::new();
        for meter in self.meters.iter_mut().flatten() {
            meter.move_on(now, &self.requests);
            all.extend(status(meter, &self.requests));
        }
        all.sort_by(|one, other| order(one).cmp(&order(other)));
        all
    }
}

fn headroom(meter: &Meter, requests: &RequestCounts, now: SystemTime) -> Option<Headroom> {
    let limit = meter.limit?;
    Some(Headroom {
        limit,
        remaining: limit.saturating_sub(meter.total(requests)),
        reset: Reset::until(meter.end(), now),
    })
}

fn status(meter: &Meter, requests: &RequestCounts) -> Option<MeterStatus> {
    let reserved = meter.reserved();
    Some(MeterStatus {
        scope: meter.key.scope,
        name: Arc::clone(&meter.key.name),
        kind: meter.key.kind,
        window: meter.key.window,
        limit: meter.limit?,
        used: meter.own(requests).saturating_sub(reserved),
        reserved,
        others: meter.others,
        ends: meter.end(),
    })
}

fn order(status: &MeterStatus) -> (usize, &str, &str) {
    let scope = match status.scope {
        Scope::Caller => 0,
        Scope::Route => 1,
        Scope::Skill => 2,
    };
    // `tokens` after `requests`, as their words are ordered.
    (scope, &status.name, status.kind.as_str())
}
