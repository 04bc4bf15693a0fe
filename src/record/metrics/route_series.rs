//! The series of one route, alone or together with a caller, an upstream or a family of providers.
//!
//! Each struct belongs to names of the configuration, not to a snapshot: all snapshots that know the names
//! share it, and its series go when the last of them does.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus::{Histogram, IntCounter};

use crate::config::Lane;

use super::super::labels::{RetryReason, StatusClass, TokenKind};
use super::codes::{CodeIndex, Codes, PerCode, NONE, OK};
use super::count;
use super::families::Families;

/// Where a lane stands in an array that begins with "no lane".
fn lane_place(lane: Option<Lane>) -> usize {
    match lane {
        None => 0,
        Some(Lane::Interactive) => 1,
        Some(Lane::Batch) => 2,
    }
}

fn lane_name(lane: Option<Lane>) -> &'static str {
    lane.map_or(NONE, Lane::as_str)
}

const LANE_PLACES: usize = Lane::ALL.len() + 1;

/// What is counted by route alone.
pub struct RouteSeries {
    families: Arc<Families>,
    codes: Codes,
    route: Box<str>,
    /// By lane and status class.
    requests: [[PerCode; StatusClass::COUNT]; LANE_PLACES],
    durations: [OnceLock<Arc<Histogram>>; LANE_PLACES],
    overhead: Arc<Histogram>,
    retries: [Arc<IntCounter>; RetryReason::COUNT],
}

impl RouteSeries {
    pub fn new(families: &Arc<Families>, codes: Codes, route: &str) -> RouteSeries {
        RouteSeries {
            families: Arc::clone(families),
            codes,
            route: route.into(),
            requests: std::array::from_fn(|_| std::array::from_fn(|_| PerCode::new(codes))),
            durations: Default::default(),
            overhead: families.overhead.series([route]),
            retries: RetryReason::ALL
                .map(|reason| families.retries.series([route, reason.as_str()])),
        }
    }

    /// Makes the series that a healthy route has, at 0.
    pub fn begin(&self, lane: Option<Lane>) {
        if let Some(ok) = self.codes.index_of(OK) {
            self.requests(lane, StatusClass::Success, ok);
        }
        self.duration(lane);
    }

    /// A request has ended.
    pub fn ended(&self, lane: Option<Lane>, status: u16, code: CodeIndex, took: Duration) {
        if let Some(counter) = self.requests(lane, StatusClass::of(status), code) {
            counter.inc();
        }
        if let Some(histogram) = self.duration(lane) {
            histogram.observe(took.as_secs_f64());
        }
    }

    pub fn overhead(&self, time: Duration) {
        self.overhead.observe(time.as_secs_f64());
    }

    pub fn retried(&self, reason: RetryReason) {
        count(&self.retries, reason.index(), 1);
    }

    fn requests(
        &self,
        lane: Option<Lane>,
        class: StatusClass,
        code: CodeIndex,
    ) -> Option<&Arc<IntCounter>> {
        let per_code = self.requests.get(lane_place(lane))?.get(class.index())?;
        per_code.counter(code, || {
            let labels = [
                &*self.route,
                lane_name(lane),
                class.as_str(),
                self.codes.name(code),
            ];
            self.families.requests.series(labels)
        })
    }

    fn duration(&self, lane: Option<Lane>) -> Option<&Arc<Histogram>> {
        let place = self.durations.get(lane_place(lane))?;
        let make = || {
            self.families
                .request_duration
                .series([&self.route, lane_name(lane)])
        };
        Some(place.get_or_init(make))
    }
}

/// The failures of a route with one family of providers, or with none.
pub struct FailureSeries {
    families: Arc<Families>,
    codes: Codes,
    route: Box<str>,
    provider_family: &'static str,
    failures: PerCode,
}

impl FailureSeries {
    pub fn new(
        families: &Arc<Families>,
        codes: Codes,
        route: &str,
        provider_family: &'static str,
    ) -> FailureSeries {
        FailureSeries {
            families: Arc::clone(families),
            codes,
            route: route.into(),
            provider_family,
            failures: PerCode::new(codes),
        }
    }

    /// Makes the series of every failure, at 0: an alert on a rate doesn't see a series' first value, and
    /// the first failure is the one that matters.
    pub fn begin(&self) {
        let ok = self.codes.index_of(OK);
        for code in self.codes.all().filter(|&code| Some(code) != ok) {
            self.counter(code);
        }
    }

    pub fn failed(&self, code: CodeIndex) {
        if let Some(counter) = self.counter(code) {
            counter.inc();
        }
    }

    fn counter(&self, code: CodeIndex) -> Option<&Arc<IntCounter>> {
        self.failures.counter(code, || {
            let labels = [&*self.route, self.provider_family, self.codes.name(code)];
            self.families.failures.series(labels)
        })
    }
}

/// What a route's answers from one upstream took.
pub struct LatencySeries {
    first_token: Arc<Histogram>,
    per_output_token: Arc<Histogram>,
}

impl LatencySeries {
    pub fn new(families: &Families, route: &str, upstream: &str) -> LatencySeries {
        LatencySeries {
            first_token: families.time_to_first_token.series([route, upstream]),
            per_output_token: families.time_per_output_token.series([route, upstream]),
        }
    }

    pub fn first_token(&self, time: Duration) {
        self.first_token.observe(time.as_secs_f64());
    }

    pub fn per_output_token(&self, time: Duration) {
        self.per_output_token.observe(time.as_secs_f64());
    }
}

/// The tokens that one caller used on one route.
pub struct TokenSeries {
    tokens: [Arc<IntCounter>; TokenKind::COUNT],
}

impl TokenSeries {
    pub fn new(families: &Families, route: &str, caller: &str) -> TokenSeries {
        TokenSeries {
            tokens: TokenKind::ALL
                .map(|kind| families.tokens.series([route, caller, kind.as_str()])),
        }
    }

    pub fn used(&self, kind: TokenKind, tokens: u64) {
        count(&self.tokens, kind.index(), tokens);
    }
}
