//! The series of one configuration snapshot, found by index: what the request's path uses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Family, Lane};

use super::super::labels::{RetryReason, TokenKind};
use super::codes::CodeIndex;
use super::route_series::{FailureSeries, LatencySeries, RouteSeries, TokenSeries};
use super::skill_series::SkillHandles;
use super::upstream_series::{BreakerSeries, BudgetSeries, DiskSeries, UpstreamSeries};

/// The series of a configuration, in its order; held by its snapshot.
pub struct Handles {
    pub(super) routes: Vec<RouteHandles>,
    pub(super) no_route: RouteHandles,
    pub(super) upstreams: Vec<Arc<UpstreamSeries>>,
    pub(super) caller_budgets: BTreeMap<String, Arc<BudgetSeries>>,
    pub(super) disks: Vec<Arc<DiskSeries>>,
    pub(super) skills: BTreeMap<String, SkillHandles>,
    pub(super) skill_budgets: BTreeMap<String, Arc<BudgetSeries>>,
}

/// The series of one route.
pub struct RouteHandles {
    pub(super) route: Arc<RouteSeries>,
    pub(super) targets: Vec<TargetHandles>,
    /// By the place in [`Family::ALL`]; none where the route has no such target.
    pub(super) failures: [Option<Arc<FailureSeries>>; Family::ALL.len()],
    pub(super) other_failures: Arc<FailureSeries>,
    /// By caller; none where it may not use the route.
    pub(super) tokens: Vec<Option<Arc<TokenSeries>>>,
    pub(super) budget: Option<Arc<BudgetSeries>>,
}

/// The series of one target.
pub(super) struct TargetHandles {
    pub(super) latency: Arc<LatencySeries>,
    pub(super) breaker: Arc<BreakerSeries>,
}

impl Handles {
    /// By the place in [`crate::config::Config::routes`]; the handles of `none` for a request without one.
    pub fn route(&self, route: Option<usize>) -> &RouteHandles {
        route
            .and_then(|index| self.routes.get(index))
            .unwrap_or(&self.no_route)
    }

    /// By the place in [`crate::config::Config::upstreams`].
    pub fn upstream(&self, upstream: usize) -> Option<&UpstreamSeries> {
        self.upstreams.get(upstream).map(Arc::as_ref)
    }

    /// None for a caller without a budget.
    pub fn caller_budget(&self, caller: &str) -> Option<&BudgetSeries> {
        self.caller_budgets.get(caller).map(Arc::as_ref)
    }

    /// None for a name that no manifest has.
    pub fn skill(&self, skill: &str) -> Option<&SkillHandles> {
        self.skills.get(skill)
    }

    /// None for a skill without a budget.
    pub fn skill_budget(&self, skill: &str) -> Option<&BudgetSeries> {
        self.skill_budgets.get(skill).map(Arc::as_ref)
    }

    /// In the order of `disk.watch`.
    pub fn disks(&self) -> impl Iterator<Item = &DiskSeries> {
        self.disks.iter().map(Arc::as_ref)
    }
}

impl RouteHandles {
    /// A request has ended: once for each.
    pub fn ended(&self, lane: Option<Lane>, status: u16, code: CodeIndex, took: Duration) {
        self.route.ended(lane, status, code, took);
    }

    /// The time that a request spent in the gateway itself.
    pub fn overhead(&self, time: Duration) {
        self.route.overhead(time);
    }

    pub fn retried(&self, reason: RetryReason) {
        self.route.retried(reason);
    }

    /// A request failed; `family` is that of the upstream that it failed at, if any.
    pub fn failed(&self, family: Option<Family>, code: CodeIndex) {
        let of_family = family.and_then(|family| self.failures.get(family_place(family))?.as_ref());
        of_family.unwrap_or(&self.other_failures).failed(code);
    }

    /// `target` is the place in [`crate::config::Route::targets`].
    pub fn first_token(&self, target: usize, time: Duration) {
        if let Some(target) = self.targets.get(target) {
            target.latency.first_token(time);
        }
    }

    /// The mean time between tokens; `target` is the place in [`crate::config::Route::targets`].
    pub fn per_output_token(&self, target: usize, time: Duration) {
        if let Some(target) = self.targets.get(target) {
            target.latency.per_output_token(time);
        }
    }

    /// `caller` is the place in the list given to [`super::Metrics::bind`].
    pub fn used_tokens(&self, caller: usize, kind: TokenKind, tokens: u64) {
        if let Some(Some(series)) = self.tokens.get(caller) {
            series.used(kind, tokens);
        }
    }

    /// `target` is the place in [`crate::config::Route::targets`].
    pub fn breaker(&self, target: usize) -> Option<&BreakerSeries> {
        self.targets
            .get(target)
            .map(|target| target.breaker.as_ref())
    }

    /// None for a route without a budget.
    pub fn budget(&self) -> Option<&BudgetSeries> {
        self.budget.as_deref()
    }
}

/// The place in [`Family::ALL`], which lists them in the order of their declaration.
fn family_place(family: Family) -> usize {
    family as usize
}
