//! All meters, without a lock, a clock or a file: who may spend, and what was spent.
//!
//! Looking at every meter of a request and counting in all of them is one step here, because [`super::Budgets`] holds its
//! lock meanwhile. So a request is counted everywhere or nowhere, and a refused one leaves no trace.

mod configure;
mod exchange;
mod past;
mod view;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::account::{Account, Kind, Scope};
use super::exhausted::Exhausted;
use super::meter::{Meter, MOST};
use super::sketch::RequestCounts;

pub use exchange::{Ask, Exchange, Line, Reply, Wish};
pub use past::PastCount;
pub use view::MeterStatus;

/// Everything that is counted.
#[derive(Debug)]
pub struct Books {
    /// A meter keeps its place for as long as it is there; places are used again.
    meters: Vec<Option<Meter>>,
    requests: RequestCounts,
    by_name: ByName,
    born: u64,
    /// Grows with every change of a count: what the ledger has to be compared with.
    changes: u64,
}

/// The places of an account's meters that have a limit.
#[derive(Debug, Default)]
struct ByName {
    caller: HashMap<Arc<str>, Vec<usize>>,
    route: HashMap<Arc<str>, Vec<usize>>,
    skill: HashMap<Arc<str>, Vec<usize>>,
}

/// What a request counts in one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    place: usize,
    born: u64,
    turn: u64,
    amount: u64,
}

impl Books {
    pub fn new() -> Books {
        Books {
            meters: Vec::new(),
            requests: RequestCounts::starting_with(&[]),
            by_name: ByName::default(),
            born: 0,
            changes: 0,
        }
    }

    /// Counts a request in all its accounts, if each has something left.
    ///
    /// # Errors
    /// The limit that is used up; nothing was counted.
    pub fn reserve(&mut self, parts: &[Part]) -> Result<(), Exhausted> {
        let meters = parts.iter().filter_map(|part| self.meter(part));
        let refusing = meters.filter_map(|meter| {
            let total = meter.total(&self.requests);
            meter.exhausted_at(total)
        });
        if let Some(exhausted) = Exhausted::longest(refusing) {
            return Err(exhausted);
        }
        self.count(parts);
        Ok(())
    }

    /// What a request would count, in the windows of `now`. A reserve of no tokens is one of a token: it holds its place.
    pub fn parts(&mut self, accounts: &[Account<'_>], tokens: u64, now: SystemTime) -> Vec<Part> {
        let tokens = tokens.clamp(1, MOST);
        let mut parts = Vec::with_capacity(2 * accounts.len());
        for account in accounts {
            for place in self.by_name.places(*account) {
                let Some(Some(meter)) = self.meters.get_mut(*place) else {
                    continue;
                };
                meter.move_on(now, &self.requests);
                let amount = match meter.key.kind {
                    Kind::Tokens => tokens,
                    Kind::Requests => 1,
                };
                parts.push(Part::of(meter, amount));
            }
        }
        parts
    }

    /// Whether our own count alone is at a limit: no other gateway's word could change that.
    pub fn own_limit_reached(&self, parts: &[Part]) -> Option<Exhausted> {
        let meters = parts.iter().filter_map(|part| self.meter(part));
        let refusing = meters.filter_map(|meter| {
            let own = meter.own(&self.requests);
            meter.exhausted_at(own)
        });
        Exhausted::longest(refusing)
    }

    fn count(&mut self, parts: &[Part]) {
        for part in parts {
            if let Some((meter, requests)) = self.meter_mut(part) {
                meter.reserve(part.amount, requests);
            }
        }
        self.changes += 1;
    }

    /// Puts what was used in place of what was reserved, where the window still runs.
    pub fn settle(&mut self, parts: &[Part], tokens: u64) {
        for part in parts {
            if let Some((meter, _)) = self.meter_mut(part) {
                meter.settle(part.amount, tokens);
            }
        }
        self.changes += 1;
    }

    /// Takes back what was reserved, where the window still runs: the tokens, or the request too.
    pub fn release(&mut self, parts: &[Part], kinds: &[Kind]) {
        for part in parts {
            let Some((meter, requests)) = self.meter_mut(part) else {
                continue;
            };
            if kinds.contains(&meter.key.kind) {
                meter.release(part.amount, requests);
            }
        }
        self.changes += 1;
    }

    /// A number that is another one after every change.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The meter that a part was counted in; none when its window has ended or it is gone.
    fn meter(&self, part: &Part) -> Option<&Meter> {
        let meter = self.meters.get(part.place)?.as_ref()?;
        part.is_of(meter).then_some(meter)
    }

    fn meter_mut(&mut self, part: &Part) -> Option<(&mut Meter, &RequestCounts)> {
        let meter = self.meters.get_mut(part.place)?.as_mut()?;
        part.is_of(meter).then_some((meter, &self.requests))
    }
}

impl Part {
    fn of(meter: &Meter, amount: u64) -> Part {
        Part {
            place: meter.place,
            born: meter.born,
            turn: meter.turn,
            amount,
        }
    }

    fn is_of(&self, meter: &Meter) -> bool {
        (self.born, self.turn) == (meter.born, meter.turn)
    }
}

impl ByName {
    fn places(&self, account: Account<'_>) -> &[usize] {
        let places = self.of(account.scope).get(account.name);
        places.map_or(&[], Vec::as_slice)
    }

    fn of(&self, scope: Scope) -> &HashMap<Arc<str>, Vec<usize>> {
        match scope {
            Scope::Caller => &self.caller,
            Scope::Route => &self.route,
            Scope::Skill => &self.skill,
        }
    }

    fn of_mut(&mut self, scope: Scope) -> &mut HashMap<Arc<str>, Vec<usize>> {
        match scope {
            Scope::Caller => &mut self.caller,
            Scope::Route => &mut self.route,
            Scope::Skill => &mut self.skill,
        }
    }
}
