//! L4, L5 and L8: what was taken has been given back.

use std::path::Path;

use super::Facts;

/// The shipped capacities, where a test didn't set others.
const LANES: [(&str, f64); 2] = [("interactive", 32.0), ("batch", 8.0)];

pub fn free(facts: &Facts) -> Vec<String> {
    let Some(metrics) = &facts.metrics else {
        return Vec::new();
    };
    let lane = |(lane, shipped): &(&str, f64)| {
        let labels = [("lane", *lane)];
        let configured = facts.gateway.configured(&format!("lanes.{lane}.streams"));
        let wanted = configured
            .and_then(|streams| streams.as_f64())
            .unwrap_or(*shipped);
        let capacity = metrics.value("sidegate_lane_capacity", &labels);
        let used = metrics.value("sidegate_lane_streams", &labels);
        let fits = capacity == Some(wanted) && used == Some(0.0);
        (!fits).then(|| {
            format!("lane {lane}: capacity {capacity:?} ({wanted} configured), {used:?} in use")
        })
    };
    LANES.iter().filter_map(lane).collect()
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
