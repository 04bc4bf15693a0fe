//! The series of one upstream, one breaker, one budget, one volume: shared by all snapshots that know it.

use std::sync::{Arc, OnceLock};

use prometheus::{Gauge, IntCounter, IntGauge};

use super::super::labels::{BreakerState, BudgetScope, Outcome};
use super::families::Families;
use super::{as_gauge, count};

/// What is counted by upstream alone.
pub struct UpstreamSeries {
    families: Arc<Families>,
    upstream: Box<str>,
    attempts: [Arc<IntCounter>; Outcome::COUNT],
    streams: Arc<IntGauge>,
    retry_budget_exhausted: Arc<IntCounter>,
    truncated: Arc<IntCounter>,
    waiting: OnceLock<Arc<IntGauge>>,
    kv_cache: OnceLock<Arc<Gauge>>,
}

impl UpstreamSeries {
    pub(super) fn new(families: &Arc<Families>, upstream: &str) -> UpstreamSeries {
        UpstreamSeries {
            families: Arc::clone(families),
            upstream: upstream.into(),
            attempts: Outcome::ALL.map(|outcome| {
                families
                    .upstream_attempts
                    .series([upstream, outcome.as_str()])
            }),
            streams: families.upstream_streams.series([upstream]),
            retry_budget_exhausted: families.retry_budget_exhausted.series([upstream]),
            truncated: families.streams_truncated.series([upstream]),
            waiting: OnceLock::new(),
            kv_cache: OnceLock::new(),
        }
    }

    /// An attempt has ended.
    pub fn attempted(&self, outcome: Outcome) {
        count(&self.attempts, outcome.index(), 1);
    }

    /// A request is in flight there until the guard is dropped.
    pub fn begin(&self) -> InFlight {
        InFlight::begin(&self.streams)
    }

    /// Requests in flight there now.
    pub fn in_flight(&self) -> u64 {
        u64::try_from(self.streams.get()).unwrap_or(0)
    }

    pub fn retry_budget_exhausted(&self) {
        self.retry_budget_exhausted.inc();
    }

    /// A stream was cut before it was whole.
    pub fn truncated(&self) {
        self.truncated.inc();
    }

    /// Requests waiting inside the upstream; there is no series before the first call.
    pub fn set_waiting(&self, requests: u64) {
        self.waiting
            .get_or_init(|| self.families.upstream_waiting.series([&self.upstream]))
            .set(as_gauge(requests));
    }

    /// The used share of its KV cache, 0 to 1; there is no series before the first call.
    pub fn set_kv_cache_ratio(&self, ratio: f64) {
        self.kv_cache
            .get_or_init(|| self.families.upstream_kv_cache.series([&self.upstream]))
            .set(ratio);
    }
}

/// The breaker of an upstream's model. Closed until told otherwise, which is true of none at all too.
pub struct BreakerSeries {
    state: Arc<IntGauge>,
    transitions: [Arc<IntCounter>; BreakerState::COUNT],
}

impl BreakerSeries {
    pub(super) fn new(families: &Families, upstream: &str, model: &str) -> BreakerSeries {
        BreakerSeries {
            state: families.breaker_state.series([upstream, model]),
            transitions: BreakerState::ALL.map(|to| {
                families
                    .breaker_transitions
                    .series([upstream, model, to.as_str()])
            }),
        }
    }

    /// It is in this state, whoever brought it there: breakers may be shared between processes.
    pub fn set_state(&self, state: BreakerState) {
        self.state.set(as_gauge(state.index() as u64));
    }

    /// This process brought it to this state.
    pub fn went_to(&self, state: BreakerState) {
        self.set_state(state);
        count(&self.transitions, state.index(), 1);
    }
}

/// A budget of tokens; without a series before it is first known.
pub struct BudgetSeries {
    families: Arc<Families>,
    scope: BudgetScope,
    name: Box<str>,
    remaining: OnceLock<Arc<IntGauge>>,
}

impl BudgetSeries {
    pub(super) fn new(families: &Arc<Families>, scope: BudgetScope, name: &str) -> BudgetSeries {
        BudgetSeries {
            families: Arc::clone(families),
            scope,
            name: name.into(),
            remaining: OnceLock::new(),
        }
    }

    pub fn set_remaining(&self, tokens: u64) {
        let labels = || [self.scope.as_str(), &*self.name];
        self.remaining
            .get_or_init(|| self.families.budget_remaining.series(labels()))
            .set(as_gauge(tokens));
    }
}

/// A watched volume; without a series before it is first measured.
pub struct DiskSeries {
    families: Arc<Families>,
    path: Box<str>,
    used: OnceLock<Arc<Gauge>>,
}

impl DiskSeries {
    pub(super) fn new(families: &Arc<Families>, path: &str) -> DiskSeries {
        DiskSeries {
            families: Arc::clone(families),
            path: path.into(),
            used: OnceLock::new(),
        }
    }

    /// The used share of the volume, 0 to 1.
    pub fn set_used_ratio(&self, ratio: f64) {
        self.used
            .get_or_init(|| self.families.disk_used.series([&self.path]))
            .set(ratio);
    }
}

/// One more in a gauge for as long as it lives.
#[must_use = "it counts only as long as it is held"]
pub struct InFlight(Arc<IntGauge>);

impl InFlight {
    pub(super) fn begin(gauge: &Arc<IntGauge>) -> InFlight {
        gauge.inc();
        InFlight(Arc::clone(gauge))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
