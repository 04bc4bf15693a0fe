//! The numbers at `/metrics`.
//!
//! Families are declared once, in [`families`]. A request's path never looks a label up: whoever handles
//! it has a [`Handles`] of its configuration snapshot, made when that was loaded. A series lives as long as
//! a snapshot knows its route or upstream, and goes when the last one does.
//!
//! The rule: a label value comes from the configuration or from a closed set, and a series shows a number
//! only when that number is known.

mod binding;
mod codes;
mod families;
mod family;
mod handles;
mod process;
mod roster;
mod route_series;
mod skill_series;
mod upstream_series;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus::{Encoder, Histogram, IntCounter, IntGauge, Registry, TextEncoder};

use crate::config::{Config, Lane};
use crate::platform::ProcessFacts;

use super::labels::{LogFile, Phase, ReloadResult};
use super::writer::DropCounts;
use binding::Binding;
pub use codes::{CodeIndex, Codes};
use families::Families;
pub use handles::{Handles, RouteHandles};
use process::ProcessSeries;
use roster::Rosters;
pub use skill_series::{SkillHandles, SkillSeries, Skilled};
pub use upstream_series::{BreakerSeries, BudgetSeries, DiskSeries, InFlight, UpstreamSeries};

/// What `sidegate_build_info` says.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    pub version: &'static str,
    /// The source revision, or `unknown`.
    pub revision: &'static str,
}

/// All metrics of the process; one a process.
pub struct Metrics {
    registry: Registry,
    families: Arc<Families>,
    rosters: Arc<Rosters>,
    codes: Codes,
    lanes: [LaneSeries; Lane::ALL.len()],
    client_aborts: [Arc<IntCounter>; Phase::COUNT],
    reloads: [Arc<IntCounter>; ReloadResult::COUNT],
    log_dropped: [Arc<IntCounter>; LogFile::COUNT],
    spans_dropped: Arc<IntCounter>,
    generation: Arc<IntGauge>,
    config_file_good: Arc<IntGauge>,
    breaker_shared: Arc<IntGauge>,
    /// None without a Redis.
    budget_shared: Mutex<Option<Arc<IntGauge>>>,
    /// Held only so that it stays.
    _build: Arc<IntGauge>,
    process: ProcessSeries,
    drops: OnceLock<Arc<DropCounts>>,
    /// One scrape at a time: two would count the same difference twice.
    scraping: Mutex<()>,
}

impl Metrics {
    /// Declares every family. `codes` are `ok` and the codes of all failures; [`Codes`] gives their places.
    ///
    /// # Errors
    /// A family is declared wrongly or twice: a mistake in this program.
    pub fn new(build: Build, codes: &'static [&'static str]) -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let families = Arc::new(Families::declare(&registry)?);
        let generation = families.config_generation.series([]);
        let config_file_good = families.config_file_good.series([]);
        let breaker_shared = families.breaker_shared.series([]);
        let build = families.build_info.series([build.version, build.revision]);
        build.set(1);
        Ok(Metrics {
            registry,
            rosters: Arc::default(),
            codes: Codes::new(codes),
            lanes: Lane::ALL.map(|lane| LaneSeries::new(&families, lane)),
            client_aborts: Phase::ALL.map(|phase| families.client_aborts.series([phase.as_str()])),
            reloads: ReloadResult::ALL
                .map(|result| families.config_reloads.series([result.as_str()])),
            log_dropped: LogFile::ALL.map(|file| families.log_dropped.series([file.as_str()])),
            spans_dropped: families.spans_dropped.series([]),
            generation,
            config_file_good,
            breaker_shared,
            budget_shared: Mutex::default(),
            _build: build,
            process: ProcessSeries::default(),
            families,
            drops: OnceLock::new(),
            scraping: Mutex::new(()),
        })
    }

    /// The handles of a configuration, for the snapshot that is made of it.
    ///
    /// `callers` are the names in the token file, and `may_invoke(caller, route)` says by index who may use
    /// what. All that configuration fixes has a series from here on. What was counted under the same names
    /// before goes on.
    pub fn bind(
        &self,
        config: &Config,
        callers: &[&str],
        skills: &[Skilled<'_>],
        may_invoke: &dyn Fn(usize, usize) -> bool,
    ) -> Handles {
        let binding = Binding {
            rosters: &self.rosters,
            families: &self.families,
            codes: self.codes,
            config,
            callers,
            skills,
        };
        binding.handles(may_invoke)
    }

    /// The places of the codes given to [`Metrics::new`].
    pub fn codes(&self) -> Codes {
        self.codes
    }

    /// `config` serves from now on.
    pub fn serving(&self, config: &Config, generation: u64) {
        self.generation.set(as_gauge(generation));
        for lane in Lane::ALL {
            self.lane(lane)
                .capacity
                .set(i64::from(config.lanes.of(lane).streams));
        }
    }

    pub fn lane(&self, lane: Lane) -> &LaneSeries {
        let [interactive, batch] = &self.lanes;
        match lane {
            Lane::Interactive => interactive,
            Lane::Batch => batch,
        }
    }

    /// A client left before its answer was whole.
    pub fn client_aborted(&self, phase: Phase) {
        count(&self.client_aborts, phase.index(), 1);
    }

    pub fn reloaded(&self, result: ReloadResult) {
        count(&self.reloads, result.index(), 1);
    }

    /// Whether the file, as it was read last, is what serves.
    pub fn set_file_good(&self, good: bool) {
        self.config_file_good.set(i64::from(good));
    }

    /// Whether breakers live in the shared file; false with private memory or none.
    pub fn set_breaker_shared(&self, shared: bool) {
        self.breaker_shared.set(i64::from(shared));
    }

    /// Whether budgets are counted together with other gateways; none where there is no Redis to do so.
    pub fn set_budgets_shared(&self, shared: Option<bool>) {
        let gauge = shared.map(|shared| {
            let gauge = self.families.budget_shared.series([]);
            gauge.set(i64::from(shared));
            gauge
        });
        *self
            .budget_shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = gauge;
    }

    /// So many spans were lost since the start.
    pub fn set_spans_dropped(&self, lost: u64) {
        let more = lost.saturating_sub(self.spans_dropped.get());
        self.spans_dropped.inc_by(more);
    }

    /// From now on `sidegate_log_dropped_total` shows these. Only the first call counts.
    pub fn follow_log_drops(&self, drops: Arc<DropCounts>) {
        // A second set of log files would be a second process's.
        let _ = self.drops.set(drops);
    }

    /// Everything in Prometheus' text format; `process` is what is known of this process now.
    ///
    /// # Errors
    /// The encoder refuses a family: a mistake in this program.
    pub fn render(&self, process: &ProcessFacts) -> prometheus::Result<Vec<u8>> {
        let _one_at_a_time = self.scraping.lock().unwrap_or_else(PoisonError::into_inner);
        self.process.set(&self.families, process);
        self.take_over_log_drops();
        let gathered = self.registry.gather();
        let mut out = Vec::with_capacity(64 << 10);
        TextEncoder::new().encode(&gathered, &mut out)?;
        let with_series: BTreeSet<&str> = gathered.iter().map(|family| family.name()).collect();
        self.families.write_empty(&with_series, &mut out);
        Ok(out)
    }

    fn take_over_log_drops(&self) {
        let Some(drops) = self.drops.get() else {
            return;
        };
        for (file, counter) in LogFile::ALL.into_iter().zip(&self.log_dropped) {
            counter.inc_by(drops.of(file).saturating_sub(counter.get()));
        }
    }
}

/// The series of one lane.
pub struct LaneSeries {
    queue: Arc<Histogram>,
    streams: Arc<IntGauge>,
    capacity: Arc<IntGauge>,
    waiting: Arc<IntGauge>,
}

impl LaneSeries {
    fn new(families: &Arc<Families>, lane: Lane) -> LaneSeries {
        let name = [lane.as_str()];
        LaneSeries {
            queue: families.queue.series(name),
            streams: families.lane_streams.series(name),
            capacity: families.lane_capacity.series(name),
            waiting: families.lane_waiting.series(name),
        }
    }

    /// A request got its place, or gave up, after so long.
    pub fn queued(&self, time: Duration) {
        self.queue.observe(time.as_secs_f64());
    }

    /// Requests that hold a place, and those that wait for one.
    pub fn set(&self, streams: u64, waiting: u64) {
        self.streams.set(as_gauge(streams));
        self.waiting.set(as_gauge(waiting));
    }
}

/// Adds to the counter at `index`; every closed set's index is within its own array.
fn count(counters: &[Arc<IntCounter>], index: usize, by: u64) {
    if let Some(counter) = counters.get(index) {
        counter.inc_by(by);
    }
}

fn as_gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
