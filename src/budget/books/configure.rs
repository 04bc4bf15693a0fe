//! New limits for the same counts.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Books, ByName};
use crate::budget::account::{AccountLimits, Kind};
use crate::budget::meter::{Key, Meter};
use crate::budget::sketch::RequestCounts;

impl Books {
    /// From now on these limits hold and no others.
    ///
    /// A count stays with its scope, name, kind and window. One that has no limit any more is kept until its window
    /// ends, so that taking a limit away and putting it back doesn't grant it twice.
    pub fn configure(&mut self, limits: &[AccountLimits], now: SystemTime) {
        for meter in self.meters.iter_mut().flatten() {
            meter.move_on(now, &self.requests);
            meter.limit = None;
        }
        self.by_name = ByName::default();
        for account in limits {
            let name: Arc<str> = Arc::from(account.name.as_str());
            for (kind, limit, window) in account.each() {
                let key = Key {
                    scope: account.scope,
                    name: Arc::clone(&name),
                    kind,
                    window,
                };
                self.limit(key, limit, now);
            }
        }
        self.sweep();
        self.draw_sketch();
        self.changes += 1;
    }

    fn limit(&mut self, key: Key, limit: u64, now: SystemTime) {
        let (scope, name) = (key.scope, Arc::clone(&key.name));
        let place = self.place_of(key, now);
        let places = self.by_name.of_mut(scope).entry(name).or_default();
        places.push(place);
        if let Some(Some(meter)) = self.meters.get_mut(place) {
            meter.limit = Some(limit);
        }
    }

    /// The place of the meter with this key, a new one where there was none.
    pub(super) fn place_of(&mut self, key: Key, now: SystemTime) -> usize {
        let known = self.meters.iter().position(|meter| {
            let meter = meter.as_ref();
            meter.is_some_and(|meter| meter.key == key)
        });
        known.unwrap_or_else(|| add(&mut self.meters, &mut self.born, key, now))
    }

    /// Forgets what neither has a limit nor has counted anything in its window.
    fn sweep(&mut self) {
        for place in &mut self.meters {
            let is_idle = |meter: &mut Meter| {
                meter.limit.is_none() && meter.own(&self.requests) == 0 && meter.told.is_none()
            };
            place.take_if(is_idle);
        }
    }

    /// A sketch that is exact for the meters there are now.
    pub(super) fn draw_sketch(&mut self) {
        let meters = self.meters.iter().flatten();
        let counting = meters.filter(|meter| meter.key.kind == Kind::Requests);
        let entries: Vec<(usize, u64)> = counting
            .map(|meter| (meter.place, self.requests.get(meter.place)))
            .collect();
        self.requests = RequestCounts::starting_with(&entries);
    }
}

/// Puts a new meter at the first free place.
fn add(meters: &mut Vec<Option<Meter>>, born: &mut u64, key: Key, now: SystemTime) -> usize {
    let free = meters.iter().position(Option::is_none);
    let place = free.unwrap_or_else(|| {
        meters.push(None);
        meters.len() - 1
    });
    *born += 1;
    if let Some(slot) = meters.get_mut(place) {
        *slot = Some(Meter::new(key, place, *born, now));
    }
    place
}
