//! The series of one upstream, one breaker, one budget, one volume: shared by all snapshots that know it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use prometheus::{Gauge, IntCounter, IntGauge};

use super::super::labels::{BreakerState, BudgetScope, Outcome};
use super::families::Families;
use super::{as_gauge, count};

/// What an upstream says of itself; without a series while that isn't known.
#[derive(Default)]
struct PressureGauges {
    waiting: Option<Arc<IntGauge>>,
    kv_cache: Option<Arc<Gauge>>,
}

/// What is counted by upstream alone.
pub struct UpstreamSeries {
    families: Arc<Families>,
    upstream: Box<str>,
    attempts: [Arc<IntCounter>; Outcome::COUNT],
    streams: Arc<IntGauge>,
    retry_budget_exhausted: Arc<IntCounter>,
    truncated: Arc<IntCounter>,
    pressure: Mutex<PressureGauges>,
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
            pressure: Mutex::default(),
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

    /// Requests waiting inside the upstream, and the used share of its KV cache, 0 to 1. What isn't known has no series.
    pub fn set_pressure(&self, waiting: Option<u64>, kv_cache: Option<f64>) {
        let mut gauges = self.pressure.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.waiting = waiting.map(|requests| {
            let gauge = self.families.upstream_waiting.series([&self.upstream]);
            gauge.set(as_gauge(requests));
            gauge
        });
        gauges.kv_cache = kv_cache.map(|ratio| {
            let gauge = self.families.upstream_kv_cache.series([&self.upstream]);
            gauge.set(ratio);
            gauge
        });
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
    /// What is left, and the whole.
    gauges: OnceLock<[Arc<IntGauge>; 2]>,
}

impl BudgetSeries {
    pub(super) fn new(families: &Arc<Families>, scope: BudgetScope, name: &str) -> BudgetSeries {
        BudgetSeries {
            families: Arc::clone(families),
            scope,
            name: name.into(),
            gauges: OnceLock::new(),
        }
    }

    /// Tokens that are left of those in `limit`.
    pub fn set(&self, remaining: u64, limit: u64) {
        let [left, whole] = self.gauges.get_or_init(|| {
            let labels = [self.scope.as_str(), &*self.name];
            [
                self.families.budget_remaining.series(labels),
                self.families.budget_limit.series(labels),
            ]
        });
        left.set(as_gauge(remaining));
        whole.set(as_gauge(limit));
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
