//! L4, L5 and L8: what was taken has been given back.

use std::path::Path;

use serde_json::{json, Value};

use super::Facts;

/// The shipped lanes, where a test didn't set others: places, and how many may wait.
const LANES: [(&str, u64, u64); 2] = [("interactive", 32, 64), ("batch", 8, 512)];

/// Gauges of those who hold a place or wait for one.
const TAKEN: [&str; 3] = [
    "sidegate_lane_streams",
    "sidegate_lane_waiting",
    "sidegate_upstream_streams",
];

pub async fn free(facts: &Facts<'_>) -> Vec<String> {
    let Some(metrics) = &facts.metrics else {
        return Vec::new();
    };
    let gauges = TAKEN.iter().flat_map(|name| metrics.all(name, &[]));
    let taken = gauges.filter(|series| series.value != 0.0);
    let taken = taken.map(|one| format!("{} {:?} is {}", one.name, one.labels, one.value));
    let mut complaints = taken.collect::<Vec<_>>();
    let status = facts.gateway.status().await;
    for (lane, places, queue) in LANES {
        let set = |key, shipped| configured(facts, &format!("lanes.{lane}.{key}"), shipped);
        let capacity = set("streams", places);
        let shown = metrics.value("sidegate_lane_capacity", &[("lane", lane)]);
        if shown != Some(capacity as f64) {
            complaints.push(format!(
                "lane {lane}: capacity {shown:?}, {capacity} configured"
            ));
        }
        let wanted = json!({"name": lane, "streams": 0, "capacity": capacity, "waiting": 0,
                            "queue": set("queue", queue), "retrying": 0, "oldest_seconds": null});
        let shown = list(&status, "lanes").find(|one| one["name"] == lane);
        let wanted = wanted.as_object().into_iter().flatten();
        for (key, wanted) in
            wanted.filter(|(key, wanted)| shown.map(|it| &it[*key]) != Some(wanted))
        {
            let shown = shown.map(|shown| &shown[key]);
            complaints.push(format!(
                "lane {lane}: {key} is {shown:?} in /status, not {wanted}"
            ));
        }
    }
    complaints.extend(list(&status, "upstreams").filter_map(not_at_rest));
    complaints
}

fn configured(facts: &Facts, path: &str, shipped: u64) -> u64 {
    let configured = facts.gateway.configured(path);
    configured
        .and_then(|value| value.as_u64())
        .unwrap_or(shipped)
}

fn list<'a>(status: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    status[key].as_array().into_iter().flatten()
}

fn not_at_rest(upstream: &Value) -> Option<String> {
    let taken = ["in_flight", "prompt_bytes", "waiting_for"];
    let is_free = taken.iter().all(|key| upstream[key] == 0);
    (!is_free).then(|| format!("not at rest in /status: {upstream}"))
}

pub async fn breakers(facts: &Facts<'_>) -> Vec<String> {
    let mut complaints = Vec::new();
    let output = facts.gateway.run(&["breakers"]).await;
    if !matches!(output.code, 0 | 1) {
        complaints.push(format!("the breaker file can't be read: {output:?}"));
    }
    let states = facts
        .metrics
        .iter()
        .flat_map(|metrics| metrics.all("sidegate_breaker_state", &[]));
    // Nothing is under way any more, so no probe is: half-open now is half-open for ever.
    let left_over = states.filter(|series| ![0.0, 1.0].contains(&series.value));
    complaints.extend(
        left_over.map(|series| format!("breaker {:?} is in state {}", series.labels, series.value)),
    );
    complaints
}

pub fn resources(facts: &Facts) -> Vec<String> {
    if !facts.gateway.is_running() {
        return Vec::new();
    }
    let Some(now) = facts
        .gateway
        .usage()
        .filter(|_| Path::new("/proc/self").exists())
    else {
        return Vec::new();
    };
    let before = facts.gateway.baseline();
    // Pooled connections are kept on purpose.
    let connections = facts
        .laws
        .upstreams
        .iter()
        .flat_map(|upstream| upstream.connections());
    let pooled = connections
        .filter(|connection| connection.is_open())
        .count();
    let fds = before.fds + pooled + facts.laws.spare_fds;
    let threads = before.threads + facts.laws.spare_threads;
    let mut complaints = Vec::new();
    if now.fds > fds {
        complaints.push(format!(
            "{} file descriptors, {} at the start, {pooled} pooled connections",
            now.fds, before.fds
        ));
    }
    if now.threads > threads {
        complaints.push(format!(
            "{} threads, {} at the start",
            now.threads, before.threads
        ));
    }
    complaints
}
