//! What `/status` prints and the status page shows: the present state, for people and scripts.
//!
//! These are values only: whoever answers `/status` fills them from the snapshot and the stages. Like log
//! lines they name nothing that a client or an upstream wrote.

mod recent;

use std::time::SystemTime;

use serde::{Serialize, Serializer};

pub use recent::Recent;

use super::json::rfc3339;
use super::labels::{BreakerState, ReloadResult};

/// The whole answer.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    pub version: &'static str,
    pub revision: &'static str,
    #[serde(serialize_with = "as_time")]
    pub started: SystemTime,
    pub uptime_seconds: u64,
    /// What `/readyz` answers.
    pub ready: bool,
    /// SIGTERM has come: running streams end, new requests are refused.
    pub draining: bool,
    pub config: ConfigStatus,
    pub lanes: Vec<LaneStatus>,
    pub routes: Vec<RouteStatus>,
    pub upstreams: Vec<UpstreamStatus>,
    pub breaker_shared: bool,
    /// Every limit that a caller or a route has.
    pub budgets: Vec<BudgetStatus>,
    /// Counting with other gateways; none where no Redis is configured.
    pub shared: Option<SharedStatus>,
    pub log_dropped: LogDrops,
    /// When the last of them was.
    #[serde(serialize_with = "as_time_or_null")]
    pub log_dropped_last: Option<SystemTime>,
    /// The watched volumes, in the order of the configuration; one that was never measured is left out.
    pub disk: Vec<DiskStatus>,
    /// Newest first.
    pub recent_failures: Vec<RecentFailure>,
}

/// The configuration that serves, and the last try to change it.
#[derive(Debug, Clone, Serialize)]
pub struct ConfigStatus {
    pub generation: u64,
    /// None with the environment alone.
    pub file: Option<String>,
    /// The one in use, whatever the file says by now.
    pub state_dir: String,
    /// None before the first.
    pub last_reload: Option<ReloadStatus>,
    /// Keys whose new value waits for a restart.
    pub pending_restart: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct ReloadStatus {
    #[serde(serialize_with = "as_time")]
    pub at: SystemTime,
    pub result: ReloadResult,
    /// As `sidegate check` prints them; empty when it took.
    pub mistakes: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LaneStatus {
    pub name: &'static str,
    /// Requests that hold a place.
    pub streams: u64,
    /// Places.
    pub capacity: u64,
    /// Requests that wait for a place.
    pub waiting: u64,
    /// Requests that may wait.
    pub queue: u64,
    /// Requests that hold a place and wait for another upstream to try.
    pub retrying: u64,
    /// Requests that were tried and let some time pass before their next attempt.
    pub resting: u64,
    /// How long one may wait.
    pub patience_seconds: f64,
    /// How long the one that waits longest has done so; none when nobody waits.
    pub oldest_seconds: Option<f64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct RouteStatus {
    pub name: String,
    pub aliases: Vec<String>,
    pub lane: &'static str,
    /// In the order of the configuration.
    pub targets: Vec<TargetStatus>,
}

#[derive(Debug, Clone, Serialize)]
pub struct TargetStatus {
    pub upstream: String,
    /// None where the client's name passes through.
    pub model: Option<String>,
    pub tier: u32,
    pub weight: u32,
    pub breaker: BreakerStatus,
    /// For how long it gets no request after a 429 of its; none when it may be asked.
    pub left_alone_seconds: Option<u64>,
}

#[derive(Debug, Clone, Serialize)]
pub struct BreakerStatus {
    pub state: BreakerState,
    pub consecutive_failures: u32,
    /// When an open one lets its probe through.
    pub retry_in_seconds: Option<u64>,
}

impl BreakerStatus {
    /// The state of a breaker that has seen nothing, or that doesn't exist.
    pub const CLOSED: BreakerStatus = BreakerStatus {
        state: BreakerState::Closed,
        consecutive_failures: 0,
        retry_in_seconds: None,
    };
}

#[derive(Debug, Clone, Serialize)]
pub struct UpstreamStatus {
    pub name: String,
    pub family: &'static str,
    /// Requests in flight there now.
    pub in_flight: u64,
    /// Requests in flight there at most.
    pub streams: u64,
    /// Bytes of prompts in flight there.
    pub prompt_bytes: u64,
    /// Requests in our queue that would go there; one that may go elsewhere too is counted there as well.
    pub waiting_for: u64,
    /// Requests that run there, by its own word: other clients' too. None where it doesn't say, or too long ago.
    pub running: Option<u64>,
    /// Requests that wait in its own queue.
    pub waiting: Option<u64>,
    /// The used share of its KV cache, 0 to 1.
    pub kv_cache_ratio: Option<f64>,
    /// Takes no new requests, by an operator's order.
    pub draining: bool,
    /// None where no health probe is configured or none has ended yet.
    pub healthy: Option<bool>,
    /// Of an attempt there, also where the request was served elsewhere; none since the start.
    pub last_failure: Option<LastFailure>,
}

/// An attempt that failed: enough to go on with `sidegate explain ID`.
#[derive(Debug, Clone, Serialize)]
pub struct LastFailure {
    #[serde(serialize_with = "as_time")]
    pub at: SystemTime,
    /// What its client would be told if no other attempt followed.
    pub code: &'static str,
    pub correlation_id: String,
}

/// One limit of one window, and its count.
#[derive(Debug, Clone, Serialize)]
pub struct BudgetStatus {
    /// `caller`, `route` or `skill`.
    pub scope: &'static str,
    pub name: String,
    /// `tokens` or `requests`.
    pub kind: &'static str,
    pub limit: u64,
    /// By this gateway.
    pub used: u64,
    /// For requests under way here.
    pub reserved: u64,
    /// By other gateways, as far as it is known.
    pub others: u64,
    pub remaining: u64,
    /// When the window ends.
    #[serde(serialize_with = "as_time")]
    pub renews_at: SystemTime,
}

/// Whether budgets are counted together with other gateways.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum SharedStatus {
    Together,
    /// The store is away.
    Alone {
        #[serde(serialize_with = "as_time")]
        since: SystemTime,
        /// One of our own words, never the server's.
        reason: String,
    },
}

/// Lines dropped since the start, by file.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct LogDrops {
    pub access: u64,
    pub gateway: u64,
    #[serde(rename = "raw-errors")]
    pub raw_errors: u64,
}

/// The volume of a watched path.
#[derive(Debug, Clone, Serialize)]
pub struct DiskStatus {
    pub path: String,
    /// Of what may be used, 0 to 1.
    pub used_ratio: f64,
    /// From here on it is a finding.
    pub alert_ratio: f64,
    /// That may still be written.
    pub free_bytes: u64,
}

/// One line of the recent failures: enough to go on with `sidegate explain ID`.
#[derive(Debug, Clone, Serialize)]
pub struct RecentFailure {
    #[serde(serialize_with = "as_time")]
    pub ts: SystemTime,
    /// None when none was chosen.
    pub route: Option<String>,
    /// Of the last attempt; none when there was none.
    pub upstream: Option<String>,
    pub code: &'static str,
    /// What its client was told.
    pub http_status: u16,
    pub correlation_id: String,
    /// What to do about it, in our own words.
    pub hint: String,
}

fn as_time_or_null<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(rfc3339).serialize(serializer)
}

fn as_time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

#[cfg(test)]
mod tests;
