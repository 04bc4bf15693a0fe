//! Every metric family, once. Its doc is its HELP text.

use std::collections::BTreeSet;

use prometheus::{Counter, Gauge, Histogram, IntCounter, IntGauge, Registry};

use super::family::Family;

/// Durations of requests: 5 ms to 600 s.
const DURATIONS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];

/// Durations between tokens: the same range, finer where generation runs (200 to 4 tokens a second).
const TOKEN_DURATIONS: &[f64] = &[
    0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 10.0,
    600.0,
];

/// Time spent in the gateway itself: 50 µs to 1 s.
const OVERHEADS: &[f64] = &[
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
];

/// Only histograms have buckets.
const NONE: &[f64] = &[];

/// The struct, its constructor and its headers from one list: `doc = HELP`, the field, the kind, the
/// buckets, the name, the labels.
macro_rules! families {
    ($($(#[doc = $help:literal])+ $field:ident: $kind:ident($buckets:ident) $name:literal [$($label:ident),*];)+) => {
        /// All families; each field's doc is its HELP text.
        pub struct Families {
            $($(#[doc = $help])+ pub $field: Family<$kind, { how_many(&[$(stringify!($label)),*]) }>,)+
        }

        impl Families {
            /// Declares them all in `registry`.
            ///
            /// # Errors
            /// A declaration is wrong or there twice.
            pub fn declare(registry: &Registry) -> prometheus::Result<Families> {
                $(
                    let help = concat!($($help),+).trim_ascii();
                    let $field = Family::declare($name, help, [$(stringify!($label)),*], $buckets)?;
                    registry.register(Box::new($field.clone()))?;
                )+
                Ok(Families { $($field),+ })
            }

            /// Writes the headers of all that are not in `with_series`, so that every family is there from
            /// the start.
            pub fn write_empty(&self, with_series: &BTreeSet<&str>, out: &mut Vec<u8>) {
                $(
                    if !with_series.contains(self.$field.name()) {
                        self.$field.write_header(out);
                    }
                )+
            }
        }
    };
}

const fn how_many(labels: &[&str]) -> usize {
    labels.len()
}

families! {
    /// Requests that have ended, by what their client was told.
    requests: IntCounter(NONE) "sidegate_requests_total" [route, lane, status_class, code];
    /// Time from a request's first byte to the last of its answer.
    request_duration: Histogram(DURATIONS) "sidegate_request_duration_seconds" [route, lane];
    /// Time from a request's first byte to the first event with content, of streams.
    time_to_first_token: Histogram(DURATIONS) "sidegate_time_to_first_token_seconds" [route, upstream];
    /// Mean time between the tokens of an answer after its first.
    time_per_output_token: Histogram(TOKEN_DURATIONS) "sidegate_time_per_output_token_seconds" [route, upstream];
    /// Time that requests waited for a place in their lane.
    queue: Histogram(DURATIONS) "sidegate_queue_seconds" [lane];
    /// Time spent in the gateway itself: neither queue, nor upstream, nor client.
    overhead: Histogram(OVERHEADS) "sidegate_overhead_seconds" [route];
    /// Requests that hold a place in the lane now.
    lane_streams: IntGauge(NONE) "sidegate_lane_streams" [lane];
    /// Places in the lane.
    lane_capacity: IntGauge(NONE) "sidegate_lane_capacity" [lane];
    /// Requests that wait for a place in the lane now.
    lane_waiting: IntGauge(NONE) "sidegate_lane_waiting" [lane];
    /// Attempts at an upstream that have ended, by how.
    upstream_attempts: IntCounter(NONE) "sidegate_upstream_attempts_total" [upstream, outcome];
    /// Requests in flight at the upstream now.
    upstream_streams: IntGauge(NONE) "sidegate_upstream_streams" [upstream];
    /// Attempts after the first, by what went wrong with the one before.
    retries: IntCounter(NONE) "sidegate_retries_total" [route, reason];
    /// Retries that the upstream's retry budget refused.
    retry_budget_exhausted: IntCounter(NONE) "sidegate_retry_budget_exhausted_total" [upstream];
    /// The breaker of an upstream's model: 0 closed, 1 open, 2 half-open.
    breaker_state: IntGauge(NONE) "sidegate_breaker_state" [upstream, model];
    /// Changes of a breaker's state, by the state it went to.
    breaker_transitions: IntCounter(NONE) "sidegate_breaker_transitions_total" [upstream, model, to];
    /// 1 while breakers live in the file that processes share, 0 with private memory.
    breaker_shared: IntGauge(NONE) "sidegate_breaker_shared" [];
    /// Tokens used, reported or estimated.
    tokens: IntCounter(NONE) "sidegate_tokens_total" [route, caller, kind];
    /// Tokens left in the present window of a budget.
    budget_remaining: IntGauge(NONE) "sidegate_budget_remaining_tokens" [scope, name];
    /// Tokens that a budget has in each of its windows.
    budget_limit: IntGauge(NONE) "sidegate_budget_limit_tokens" [scope, name];
    /// Whether budgets and rates are counted together with other gateways; 0 while their Redis is away.
    budget_shared: IntGauge(NONE) "sidegate_budget_shared" [];
    /// Requests of a skill that have ended, by what became of them.
    skill_requests: IntCounter(NONE) "sidegate_skill_requests_total" [skill, route, result];
    /// Attempts after an answer that the skill of the request didn't accept.
    schema_retries: IntCounter(NONE) "sidegate_schema_retries_total" [route, skill];
    /// Requests that failed, by the code their client was told.
    failures: IntCounter(NONE) "sidegate_failures_total" [route, provider_family, code];
    /// Requests whose client left, by where they were.
    client_aborts: IntCounter(NONE) "sidegate_client_aborts_total" [phase];
    /// Streams that the upstream cut before they were whole.
    streams_truncated: IntCounter(NONE) "sidegate_streams_truncated_total" [upstream];
    /// Requests that wait inside the upstream, by its own account.
    upstream_waiting: IntGauge(NONE) "sidegate_upstream_waiting" [upstream];
    /// The share of the upstream's KV cache in use, by its own account, 0 to 1.
    upstream_kv_cache: Gauge(NONE) "sidegate_upstream_kv_cache_ratio" [upstream];
    /// The number of the configuration that serves; it grows with each that takes effect.
    config_generation: IntGauge(NONE) "sidegate_config_generation" [];
    /// Whether the configuration file, as it was read last, is the one that serves.
    config_file_good: IntGauge(NONE) "sidegate_config_file_good" [];
    /// Tries to change the configuration, by what came of them.
    config_reloads: IntCounter(NONE) "sidegate_config_reloads_total" [result];
    /// Spans that never reached their collector, because it was away, too slow or refused them.
    spans_dropped: IntCounter(NONE) "sidegate_spans_dropped_total" [];
    /// Log lines dropped because the disk was full or too slow.
    log_dropped: IntCounter(NONE) "sidegate_log_dropped_total" [file];
    /// The used share of the volume that holds the path, 0 to 1.
    disk_used: Gauge(NONE) "sidegate_disk_used_ratio" [path];
    /// Always 1; the labels say what is running.
    build_info: IntGauge(NONE) "sidegate_build_info" [version, revision];
    /// User and system CPU time of this process.
    process_cpu: Counter(NONE) "process_cpu_seconds_total" [];
    /// Resident memory of this process.
    process_resident_memory: Gauge(NONE) "process_resident_memory_bytes" [];
    /// Virtual memory of this process.
    process_virtual_memory: Gauge(NONE) "process_virtual_memory_bytes" [];
    /// Open file descriptors of this process.
    process_open_fds: Gauge(NONE) "process_open_fds" [];
    /// The most file descriptors that this process may open.
    process_max_fds: Gauge(NONE) "process_max_fds" [];
    /// Threads of this process.
    process_threads: Gauge(NONE) "process_threads" [];
    /// When this process started, in seconds since 1970.
    process_start_time: Gauge(NONE) "process_start_time_seconds" [];
}
