//! Makes the handles of a configuration: every series that it fixes is there from then on, at 0.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::{Config, Family, Lane, Route, Target};

use super::super::labels::BudgetScope;
use super::codes::{Codes, NONE};
use super::families::Families;
use super::handles::{Handles, RouteHandles, TargetHandles};
use super::roster::{Pair, Rosters};
use super::route_series::{FailureSeries, LatencySeries, RouteSeries, TokenSeries};
use super::skill_series::{SkillHandles, Skilled};
use super::upstream_series::{BreakerSeries, BudgetSeries, DiskSeries, UpstreamSeries};

/// The breaker label of a target that passes names through.
const ANY_MODEL: &str = "*";

/// What all series of one configuration are made of.
pub struct Binding<'a> {
    pub rosters: &'a Arc<Rosters>,
    pub families: &'a Arc<Families>,
    pub codes: Codes,
    pub config: &'a Config,
    pub callers: &'a [&'a str],
    pub skills: &'a [Skilled<'a>],
}

impl Binding<'_> {
    /// All handles; `may_invoke(caller, route)` says by index who may use what.
    pub fn handles(&self, may_invoke: &dyn Fn(usize, usize) -> bool) -> Handles {
        self.rosters.tidy();
        let routes = self.config.routes.iter().enumerate();
        let upstreams = self.config.upstreams.iter();
        Handles {
            routes: routes
                .map(|(index, route)| self.route(route, &|caller| may_invoke(caller, index)))
                .collect(),
            no_route: self.no_route(),
            upstreams: upstreams
                .map(|upstream| self.upstream(&upstream.name))
                .collect(),
            caller_budgets: self.caller_budgets(),
            disks: self.disks(),
            skills: self.skills(),
            skill_budgets: self.skill_budgets(),
        }
    }

    fn route(&self, route: &Route, may_invoke: &dyn Fn(usize) -> bool) -> RouteHandles {
        let name = route.name.as_str();
        let callers = self.callers.iter().enumerate();
        RouteHandles {
            route: self.route_series(name, Some(route.lane)),
            targets: route
                .targets
                .iter()
                .map(|target| self.target(name, target))
                .collect(),
            failures: self.failures(route),
            other_failures: self.other_failures(name),
            tokens: callers
                .map(|(index, caller)| may_invoke(index).then(|| self.token_series(name, caller)))
                .collect(),
            budget: route.budget.map(|_| self.budget(BudgetScope::Route, name)),
        }
    }

    fn no_route(&self) -> RouteHandles {
        RouteHandles {
            route: self.route_series(NONE, None),
            targets: Vec::new(),
            failures: Default::default(),
            other_failures: self.other_failures(NONE),
            tokens: Vec::new(),
            budget: None,
        }
    }

    /// Failures before any upstream was asked. They begin at 0, so that the first ones are an increase.
    fn other_failures(&self, route: &str) -> Arc<FailureSeries> {
        let series = self.failure_series(route, NONE);
        series.begin();
        series
    }

    fn route_series(&self, name: &str, lane: Option<Lane>) -> Arc<RouteSeries> {
        let make = || RouteSeries::new(self.families, self.codes, name);
        let series = self.rosters.routes.get(name.to_owned(), make);
        series.begin(lane);
        series
    }

    fn target(&self, route: &str, target: &Target) -> TargetHandles {
        let upstream = self.config.upstreams.get(target.upstream);
        // `Target::upstream` is an index into them, by construction.
        let upstream = upstream.map_or(NONE, |upstream| upstream.name.as_str());
        let model = target.model.as_deref().unwrap_or(ANY_MODEL);
        let make_latency = || LatencySeries::new(self.families, route, upstream);
        let make_breaker = || BreakerSeries::new(self.families, upstream, model);
        TargetHandles {
            latency: self
                .rosters
                .latencies
                .get(pair(route, upstream), make_latency),
            breaker: self
                .rosters
                .breakers
                .get(pair(upstream, model), make_breaker),
        }
    }

    fn failures(&self, route: &Route) -> [Option<Arc<FailureSeries>>; Family::ALL.len()] {
        Family::ALL.map(|family| {
            let mut upstreams = route
                .targets
                .iter()
                .filter_map(|target| self.config.upstreams.get(target.upstream));
            if !upstreams.any(|upstream| upstream.family == family) {
                return None;
            }
            let series = self.failure_series(&route.name, family.as_str());
            series.begin();
            Some(series)
        })
    }

    fn failure_series(&self, route: &str, provider_family: &'static str) -> Arc<FailureSeries> {
        let make = || FailureSeries::new(self.families, self.codes, route, provider_family);
        self.rosters
            .failures
            .get((route.to_owned(), provider_family), make)
    }

    fn token_series(&self, route: &str, caller: &str) -> Arc<TokenSeries> {
        let make = || TokenSeries::new(self.families, route, caller);
        self.rosters.tokens.get(pair(route, caller), make)
    }

    fn upstream(&self, name: &str) -> Arc<UpstreamSeries> {
        let make = || UpstreamSeries::new(self.families, name);
        self.rosters.upstreams.get(name.to_owned(), make)
    }

    fn budget(&self, scope: BudgetScope, name: &str) -> Arc<BudgetSeries> {
        let make = || BudgetSeries::new(self.families, scope, name);
        self.rosters
            .budgets
            .get((scope.as_str(), name.to_owned()), make)
    }

    fn caller_budgets(&self) -> BTreeMap<String, Arc<BudgetSeries>> {
        let limits = self.config.callers.limits.iter();
        limits
            .filter(|(_, limits)| limits.budget.is_some())
            .map(|(caller, _)| (caller.clone(), self.budget(BudgetScope::Caller, caller)))
            .collect()
    }

    fn skills(&self) -> BTreeMap<String, SkillHandles> {
        let routes = self.config.routes.iter().map(|route| route.name.clone());
        let routes: Arc<[String]> = routes.collect();
        let handles = |skill: &Skilled<'_>| {
            let handles = SkillHandles::new(*skill, self.families, self.rosters, &routes);
            (skill.name.to_owned(), handles)
        };
        self.skills.iter().map(handles).collect()
    }

    fn skill_budgets(&self) -> BTreeMap<String, Arc<BudgetSeries>> {
        let limited = self.skills.iter().filter(|skill| skill.has_budget);
        limited
            .map(|skill| {
                (
                    skill.name.to_owned(),
                    self.budget(BudgetScope::Skill, skill.name),
                )
            })
            .collect()
    }

    fn disks(&self) -> Vec<Arc<DiskSeries>> {
        let paths = self
            .config
            .disk
            .watch
            .iter()
            .map(|path| path.display().to_string());
        paths
            .map(|path| {
                self.rosters
                    .disks
                    .get(path.clone(), || DiskSeries::new(self.families, &path))
            })
            .collect()
    }
}

fn pair(one: &str, other: &str) -> Pair {
    (one.to_owned(), other.to_owned())
}
