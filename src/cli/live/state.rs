//! `/status` as the commands read it. Fields that they don't use are left out, and those that an older gateway doesn't
//! know are empty.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::record::labels::BreakerState;

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
    /// When the last of them was; none from an older gateway.
    #[serde(default)]
    pub log_dropped_last: Option<String>,
    #[serde(default)]
    pub disk: Vec<Disk>,
}

/// The volume of a watched path.
#[derive(Debug, Deserialize)]
pub struct Disk {
    pub path: String,
    pub used_ratio: f64,
    pub free_bytes: u64,
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
    /// None from an older gateway.
    #[serde(default)]
    pub state_dir: Option<String>,
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
    /// Requests that let some time pass between two attempts.
    #[serde(default)]
    pub resting: u64,
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
    /// After a 429 of its; none from an older gateway, too.
    #[serde(default)]
    pub left_alone_seconds: Option<u64>,
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
    /// A target of a route, as the gateway that runs has it.
    pub fn target(&self, route: &str, upstream: &str, model: Option<&str>) -> Option<&Target> {
        let route = self.routes.iter().find(|known| known.name == route)?;
        let mut targets = route.targets.iter();
        targets.find(|target| target.upstream == upstream && target.model.as_deref() == model)
    }

    /// What keeps a target from serving now, or its breaker's state.
    pub fn in_words(&self, target: &Target) -> String {
        let is_drained = self
            .upstream(&target.upstream)
            .is_some_and(|upstream| upstream.draining);
        let mut words = Vec::new();
        if is_drained {
            words.push("out of use (drain)".to_owned());
        }
        words.extend(
            target
                .left_alone_seconds
                .map(|seconds| format!("left alone {seconds}s after a 429")),
        );
        if words.is_empty() || !target.breaker.is_closed() {
            words.push(target.breaker.in_words());
        }
        words.join("; ")
    }

    pub fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|upstream| upstream.name == name)
    }
}

impl Breaker {
    pub fn is_closed(&self) -> bool {
        self.state == BreakerState::Closed.as_str()
    }

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
            left_alone_seconds: Some(12),
        };
        let text = serde_json::to_string(&written).unwrap();
        let read: Target = serde_json::from_str(&text).unwrap();
        assert_eq!((read.upstream.as_str(), read.model), ("a", None));
        assert_eq!(read.breaker.in_words(), "closed");
        assert_eq!(read.left_alone_seconds, Some(12));
    }

    #[test]
    fn whatever_keeps_a_target_from_serving_is_said() {
        let words = |draining: bool, left: Option<u64>, breaker: &str| {
            let state: State = serde_json::from_value(serde_json::json!({
                "version": "1", "config": {"generation": 1},
                "upstreams": [{"name": "a", "family": "vllm", "in_flight": 0, "streams": 1, "draining": draining}],
                "routes": [{"name": "chat", "targets": [{"upstream": "a", "left_alone_seconds": left,
                    "breaker": {"state": breaker, "retry_in_seconds": (breaker == "open").then_some(9)}}]}]
            }))
            .unwrap();
            state.in_words(state.target("chat", "a", None).unwrap())
        };
        assert_eq!(words(false, None, "closed"), "closed");
        assert_eq!(words(true, None, "closed"), "out of use (drain)");
        assert_eq!(
            words(false, Some(12), "closed"),
            "left alone 12s after a 429"
        );
        assert_eq!(
            words(true, Some(3), "open"),
            "out of use (drain); left alone 3s after a 429; open, probe in 9s"
        );
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
