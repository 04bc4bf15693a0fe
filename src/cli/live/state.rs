//! `/status` as the commands read it. Fields that they don't use are left out, and those that an older gateway doesn't
//! know are empty.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub struct State {
    pub version: String,
    #[serde(default)]
    pub revision: String,
    #[serde(default)]
    pub uptime_seconds: u64,
    #[serde(default)]
    pub draining: bool,
    pub config: Config,
    #[serde(default)]
    pub lanes: Vec<Lane>,
    #[serde(default)]
    pub routes: Vec<Route>,
    #[serde(default)]
    pub upstreams: Vec<Upstream>,
    #[serde(default)]
    pub budgets: Vec<Budget>,
    pub shared: Option<Shared>,
    #[serde(default)]
    pub recent_failures: Vec<Failure>,
    /// None from an older gateway.
    #[serde(default)]
    pub breaker_shared: Option<bool>,
    /// Lines since the start, by the file's name without its ending.
    #[serde(default)]
    pub log_dropped: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
pub struct Budget {
    pub scope: String,
    pub name: String,
    pub kind: String,
    pub limit: u64,
    pub remaining: u64,
    pub renews_at: String,
}

/// Whether budgets are counted together with other gateways.
#[derive(Debug, Deserialize)]
pub struct Shared {
    pub state: String,
    pub since: Option<String>,
    pub reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Config {
    pub generation: u64,
    pub file: Option<String>,
    pub last_reload: Option<Reload>,
    #[serde(default)]
    pub pending_restart: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Reload {
    pub at: String,
    pub result: String,
    #[serde(default)]
    pub mistakes: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Lane {
    pub name: String,
    pub streams: u64,
    pub capacity: u64,
    pub waiting: u64,
    pub queue: u64,
    /// How long the one that waits longest has done so.
    pub oldest_seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub struct Route {
    pub name: String,
    #[serde(default)]
    pub targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
pub struct Target {
    pub upstream: String,
    pub model: Option<String>,
    pub breaker: Breaker,
}

#[derive(Debug, Clone, Deserialize, serde::Serialize)]
pub struct Breaker {
    pub state: String,
    #[serde(default)]
    pub consecutive_failures: u32,
    pub retry_in_seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub struct Upstream {
    pub name: String,
    pub family: String,
    pub in_flight: u64,
    pub streams: u64,
    #[serde(default)]
    pub draining: bool,
    pub healthy: Option<bool>,
    pub last_failure: Option<LastFailure>,
}

#[derive(Debug, Deserialize)]
pub struct LastFailure {
    pub at: String,
    pub code: String,
    /// None from an older gateway.
    pub correlation_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Failure {
    pub ts: String,
    pub route: Option<String>,
    pub upstream: Option<String>,
    pub code: String,
    pub correlation_id: String,
    #[serde(default)]
    pub hint: String,
}

impl State {
    /// The breaker of a target of a route, as the gateway that runs has it.
    pub fn breaker(&self, route: &str, upstream: &str, model: Option<&str>) -> Option<&Breaker> {
        let route = self.routes.iter().find(|known| known.name == route)?;
        let target = route
            .targets
            .iter()
            .find(|target| target.upstream == upstream && target.model.as_deref() == model)?;
        Some(&target.breaker)
    }

    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }
}

impl Breaker {
    /// In a word or two: `closed`, `closed (2 failures)`, `open, probe in 40s`.
    pub fn in_words(&self) -> String {
        match (self.retry_in_seconds, self.consecutive_failures) {
            (Some(seconds), _) => format!("{}, probe in {seconds}s", self.state),
            (None, 0) => self.state.clone(),
            (None, 1) => format!("{} (1 failure)", self.state),
            (None, failures) => format!("{} ({failures} failures)", self.state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::status::{BreakerStatus, TargetStatus};

    #[test]
    fn a_target_is_read_as_the_gateway_writes_it() {
        let written = TargetStatus {
            upstream: "a".to_owned(),
            model: None,
            tier: 1,
            weight: 1,
            breaker: BreakerStatus::CLOSED,
        };
        let text = serde_json::to_string(&written).unwrap();
        let read: Target = serde_json::from_str(&text).unwrap();
        assert_eq!((read.upstream.as_str(), read.model), ("a", None));
        assert_eq!(read.breaker.in_words(), "closed");
    }

    #[test]
    fn a_breaker_says_what_matters_about_it() {
        let breaker = |state: &str, consecutive_failures, retry_in_seconds| Breaker {
            state: state.to_owned(),
            consecutive_failures,
            retry_in_seconds,
        };
        assert_eq!(
            breaker("open", 5, Some(40)).in_words(),
            "open, probe in 40s"
        );
        assert_eq!(breaker("closed", 1, None).in_words(), "closed (1 failure)");
        assert_eq!(breaker("half_open", 0, None).in_words(), "half_open");
    }
}
