//! Labels come from the configuration and closed sets: nothing that a client writes makes a series.

use std::collections::BTreeSet;

use crate::stage::Stage;
use crate::support::canary::word;
use crate::support::{many, plain, Metrics};

/// Every family that dashboards rely on, the histograms by their name alone.
const FAMILIES: [&str; 35] = [
    "sidegate_requests_total",
    "sidegate_request_duration_seconds",
    "sidegate_time_to_first_token_seconds",
    "sidegate_time_per_output_token_seconds",
    "sidegate_queue_seconds",
    "sidegate_overhead_seconds",
    "sidegate_lane_streams",
    "sidegate_lane_capacity",
    "sidegate_lane_waiting",
    "sidegate_upstream_attempts_total",
    "sidegate_upstream_streams",
    "sidegate_retries_total",
    "sidegate_retry_budget_exhausted_total",
    "sidegate_breaker_state",
    "sidegate_breaker_transitions_total",
    "sidegate_breaker_shared",
    "sidegate_tokens_total",
    "sidegate_budget_remaining_tokens",
    "sidegate_budget_limit_tokens",
    "sidegate_budget_shared",
    "sidegate_failures_total",
    "sidegate_client_aborts_total",
    "sidegate_streams_truncated_total",
    "sidegate_upstream_waiting",
    "sidegate_upstream_kv_cache_ratio",
    "sidegate_config_generation",
    "sidegate_config_file_good",
    "sidegate_config_reloads_total",
    "sidegate_log_dropped_total",
    "sidegate_spans_dropped_total",
    "sidegate_disk_used_ratio",
    "sidegate_build_info",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
];

/// Name and labels of each series.
fn series(metrics: &Metrics) -> BTreeSet<String> {
    let lines = metrics
        .text()
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_string()))
        .collect()
}

#[tokio::test]
async fn every_family_is_there_from_the_start_with_its_help() {
    let stage = Stage::start(plain::chat("never")).await;
    let metrics = stage.gateway.metrics().await;
    for family in FAMILIES {
        let help = metrics.help(family).unwrap_or_default();
        assert!(help.ends_with('.') || help.len() > 20, "{family}: {help:?}");
        assert!(
            metrics.text().contains(&format!("# TYPE {family} ")),
            "{family}"
        );
    }
    for outcome in [
        "ok",
        "rejected",
        "rate_limited",
        "server_error",
        "connect_error",
        "timeout",
        "truncated",
        "protocol_error",
        "cancelled",
    ] {
        let labels = [("upstream", "a"), ("outcome", outcome)];
        assert_eq!(
            metrics.value("sidegate_upstream_attempts_total", &labels),
            Some(0.0),
            "{outcome}"
        );
    }
    for phase in [
        "queue",
        "connect",
        "header",
        "first_token",
        "stream",
        "plain",
    ] {
        assert_eq!(
            metrics.value("sidegate_client_aborts_total", &[("phase", phase)]),
            Some(0.0),
            "{phase}"
        );
    }
    let ok = [
        ("route", "chat"),
        ("lane", "interactive"),
        ("status_class", "2xx"),
        ("code", "ok"),
    ];
    assert_eq!(metrics.value("sidegate_requests_total", &ok), Some(0.0));
    stage.end().await;
}

#[tokio::test]
async fn a_thousand_invented_names_make_no_series() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.route("rest", "*", &["a"])
    })
    .await;
    let invent = |_| {
        let name = word("invented");
        let request = stage
            .client()
            .chat(&name)
            .field("user", name.clone())
            .header("user-agent", &name)
            .header("x-sidegate-route", &name)
            .query(&name);
        async move { request.send().await.status }
    };
    let first = many(1, invent).await;
    assert_eq!(first, [200]);
    stage
        .gateway
        .wait_metrics("the first one", |metrics| {
            metrics.sum("sidegate_requests_total", &[]) == 1.0
        })
        .await;
    let refuse = |_| {
        let name = word("invented");
        let client = stage.client().without_token();
        let request = client
            .method("GET", &format!("/v1/{name}"))
            .token(&name)
            .correlation_id(&name);
        async move { request.send().await.status }
    };
    many(1, refuse).await;
    let before = stage
        .gateway
        .wait_metrics("both", |metrics| {
            metrics.sum("sidegate_requests_total", &[]) == 2.0
        })
        .await;

    for _ in 0..20 {
        assert!(many(45, invent).await.iter().all(|status| *status == 200));
        assert!(many(5, refuse).await.iter().all(|status| *status == 401));
    }

    let all = |metrics: &Metrics| metrics.sum("sidegate_requests_total", &[]) == 1002.0;
    let after = stage.gateway.wait_metrics("a thousand more", all).await;
    assert_eq!(series(&after), series(&before));
    assert!(!after.text().contains("invented"));
    stage.end().await;
}
