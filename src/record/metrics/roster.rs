//! Who is counted under which names, so that a new snapshot goes on with what an old one counts.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::route_series::{FailureSeries, LatencySeries, RouteSeries, TokenSeries};
use super::skill_series::SkillSeries;
use super::upstream_series::{BreakerSeries, BudgetSeries, DiskSeries, UpstreamSeries};

/// The series of one kind that a snapshot holds, by their names.
pub struct Roster<N, T>(Mutex<HashMap<N, Weak<T>>>);

impl<N, T> Default for Roster<N, T> {
    fn default() -> Self {
        Roster(Mutex::default())
    }
}

impl<N: Hash + Eq, T> Roster<N, T> {
    pub fn get(&self, names: N, make: impl FnOnce() -> T) -> Arc<T> {
        let mut alive = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = alive.entry(names).or_default();
        place.upgrade().unwrap_or_else(|| {
            let made = Arc::new(make());
            *place = Arc::downgrade(&made);
            made
        })
    }

    /// Whether a snapshot holds the series of these names.
    pub fn knows(&self, names: &N) -> bool {
        let alive = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        alive
            .get(names)
            .is_some_and(|series| series.strong_count() > 0)
    }

    /// Forgets the names of those that are gone.
    fn tidy(&self) {
        let mut alive = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        alive.retain(|_, series| series.strong_count() > 0);
    }
}

/// Two names.
pub type Pair = (String, String);

/// The rosters of all kinds of series.
#[derive(Default)]
pub struct Rosters {
    pub routes: Roster<String, RouteSeries>,
    pub failures: Roster<(String, &'static str), FailureSeries>,
    pub latencies: Roster<Pair, LatencySeries>,
    pub tokens: Roster<Pair, TokenSeries>,
    pub upstreams: Roster<String, UpstreamSeries>,
    pub breakers: Roster<Pair, BreakerSeries>,
    pub budgets: Roster<(&'static str, String), BudgetSeries>,
    pub disks: Roster<String, DiskSeries>,
    /// By skill and route.
    pub skills: Roster<Pair, SkillSeries>,
}

impl Rosters {
    pub fn tidy(&self) {
        self.routes.tidy();
        self.failures.tidy();
        self.latencies.tidy();
        self.tokens.tidy();
        self.upstreams.tidy();
        self.breakers.tidy();
        self.budgets.tidy();
        self.disks.tidy();
        self.skills.tidy();
    }
}
