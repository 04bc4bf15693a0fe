use super::*;
use crate::config::{Budget, CallerLimits, Family, Window};

use super::super::labels::{BreakerState, Outcome, RetryReason, TokenKind};

mod sample;
use sample::{config, route, target, upstream};

const CODES: &[&str] = &["ok", "lane_full", "upstream_error", "client_closed"];
const BUILD: Build = Build {
    version: "0.1.0",
    revision: "abc1234",
};

fn metrics() -> Metrics {
    Metrics::new(BUILD, CODES).unwrap()
}

fn code(name: &str) -> CodeIndex {
    Codes::new(CODES).index_of(name).unwrap()
}

fn two_routes() -> Config {
    config(
        vec![
            route(
                "chat",
                vec![target(0, Some("Qwen/Qwen3-32B")), target(1, None)],
            ),
            route("embed", vec![target(0, Some("bge"))]),
        ],
        vec![
            upstream("vllm-a", Family::Vllm),
            upstream("spare", Family::Openai),
        ],
    )
}

fn bind(metrics: &Metrics, config: &Config) -> Handles {
    metrics.bind(config, &["default", "agent-7"], &[], &|caller, route| {
        caller == 0 || route == 0
    })
}

fn text(metrics: &Metrics) -> String {
    String::from_utf8(metrics.render(&ProcessFacts::default()).unwrap()).unwrap()
}

/// The value of the series whose line begins like this, up to its last blank.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text
        .lines()
        .find(|line| line.rsplit_once(' ').map(|(name, _)| name) == Some(series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn every_family_is_there_from_the_start() {
    let text = text(&metrics());
    let contract = [
        ("sidegate_requests_total", "counter"),
        ("sidegate_request_duration_seconds", "histogram"),
        ("sidegate_time_to_first_token_seconds", "histogram"),
        ("sidegate_time_per_output_token_seconds", "histogram"),
        ("sidegate_queue_seconds", "histogram"),
        ("sidegate_overhead_seconds", "histogram"),
        ("sidegate_lane_streams", "gauge"),
        ("sidegate_lane_capacity", "gauge"),
        ("sidegate_lane_waiting", "gauge"),
        ("sidegate_upstream_attempts_total", "counter"),
        ("sidegate_upstream_streams", "gauge"),
        ("sidegate_retries_total", "counter"),
        ("sidegate_retry_budget_exhausted_total", "counter"),
        ("sidegate_breaker_state", "gauge"),
        ("sidegate_breaker_transitions_total", "counter"),
        ("sidegate_breaker_shared", "gauge"),
        ("sidegate_tokens_total", "counter"),
        ("sidegate_budget_remaining_tokens", "gauge"),
        ("sidegate_budget_limit_tokens", "gauge"),
        ("sidegate_budget_shared", "gauge"),
        ("sidegate_failures_total", "counter"),
        ("sidegate_client_aborts_total", "counter"),
        ("sidegate_streams_truncated_total", "counter"),
        ("sidegate_upstream_waiting", "gauge"),
        ("sidegate_upstream_kv_cache_ratio", "gauge"),
        ("sidegate_config_generation", "gauge"),
        ("sidegate_config_file_good", "gauge"),
        ("sidegate_config_reloads_total", "counter"),
        ("sidegate_log_dropped_total", "counter"),
        ("sidegate_spans_dropped_total", "counter"),
        ("sidegate_disk_used_ratio", "gauge"),
        ("sidegate_build_info", "gauge"),
        ("process_cpu_seconds_total", "counter"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_open_fds", "gauge"),
        ("process_max_fds", "gauge"),
        ("process_start_time_seconds", "gauge"),
    ];
    for (name, kind) in contract {
        let header = format!("# TYPE {name} {kind}\n");
        assert_eq!(text.matches(&header).count(), 1, "{header}");
        assert_eq!(
            text.matches(&format!("# HELP {name} ")).count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn what_configuration_fixes_is_there_at_zero() {
    let metrics = metrics();
    let config = two_routes();
    let _handles = bind(&metrics, &config);
    metrics.serving(&config, 3);
    let text = text(&metrics);
    for series in [
        r#"sidegate_requests_total{code="ok",lane="interactive",route="chat",status_class="2xx"}"#,
        r#"sidegate_requests_total{code="ok",lane="none",route="none",status_class="2xx"}"#,
        r#"sidegate_request_duration_seconds_count{lane="interactive",route="embed"}"#,
        r#"sidegate_time_to_first_token_seconds_count{route="chat",upstream="spare"}"#,
        r#"sidegate_upstream_attempts_total{outcome="protocol_error",upstream="vllm-a"}"#,
        r#"sidegate_upstream_streams{upstream="spare"}"#,
        r#"sidegate_retries_total{reason="first_token_timeout",route="chat"}"#,
        r#"sidegate_breaker_state{model="*",upstream="spare"}"#,
        r#"sidegate_breaker_transitions_total{model="bge",to="half_open",upstream="vllm-a"}"#,
        r#"sidegate_tokens_total{caller="agent-7",kind="cached",route="chat"}"#,
        r#"sidegate_failures_total{code="upstream_error",provider_family="openai",route="chat"}"#,
        r#"sidegate_failures_total{code="lane_full",provider_family="none",route="none"}"#,
        r#"sidegate_client_aborts_total{phase="first_token"}"#,
        r#"sidegate_config_reloads_total{result="rejected"}"#,
        r#"sidegate_log_dropped_total{file="raw-errors"}"#,
        "sidegate_breaker_shared",
    ] {
        assert_eq!(value(&text, series), Some(0.0), "{series}\n{text}");
    }
    assert_eq!(value(&text, "sidegate_config_generation"), Some(3.0));
    assert_eq!(
        value(&text, r#"sidegate_lane_capacity{lane="batch"}"#),
        Some(8.0)
    );
    assert_eq!(
        value(
            &text,
            r#"sidegate_build_info{revision="abc1234",version="0.1.0"}"#
        ),
        Some(1.0)
    );
}

#[test]
fn what_is_not_known_is_not_made_up() {
    let metrics = metrics();
    let _handles = bind(&metrics, &two_routes());
    let text = text(&metrics);
    for family in [
        "sidegate_upstream_waiting",
        "sidegate_upstream_kv_cache_ratio",
        "sidegate_disk_used_ratio",
        "sidegate_budget_remaining_tokens",
        "process_resident_memory_bytes",
    ] {
        assert!(
            !text.lines().any(|line| line.starts_with(family)),
            "{family}"
        );
    }
    assert!(
        !text.contains(r#"caller="agent-7",kind="prompt",route="embed""#),
        "it may not use that route"
    );
    assert!(
        !text.contains(r#"code="ok",provider_family"#),
        "success is no failure"
    );
}

#[test]
fn one_request_is_counted_where_it_belongs() {
    let metrics = metrics();
    let handles = bind(&metrics, &two_routes());
    let chat = handles.route(Some(0));
    chat.ended(
        Some(Lane::Interactive),
        502,
        code("upstream_error"),
        Duration::from_millis(300),
    );
    chat.failed(Some(Family::Vllm), code("upstream_error"));
    chat.retried(RetryReason::Status503);
    chat.first_token(1, Duration::from_millis(7));
    chat.used_tokens(1, TokenKind::Prompt, 120);
    chat.overhead(Duration::from_micros(60));
    handles.upstream(0).unwrap().attempted(Outcome::ServerError);
    metrics.client_aborted(Phase::Stream);
    let text = text(&metrics);
    for (series, expected) in [
        (
            r#"sidegate_requests_total{code="upstream_error",lane="interactive",route="chat",status_class="5xx"}"#,
            1.0,
        ),
        (
            r#"sidegate_request_duration_seconds_bucket{lane="interactive",route="chat",le="0.25"}"#,
            0.0,
        ),
        (
            r#"sidegate_request_duration_seconds_bucket{lane="interactive",route="chat",le="0.5"}"#,
            1.0,
        ),
        (
            r#"sidegate_failures_total{code="upstream_error",provider_family="vllm",route="chat"}"#,
            1.0,
        ),
        (
            r#"sidegate_failures_total{code="upstream_error",provider_family="openai",route="chat"}"#,
            0.0,
        ),
        (
            r#"sidegate_retries_total{reason="status_503",route="chat"}"#,
            1.0,
        ),
        (
            r#"sidegate_time_to_first_token_seconds_count{route="chat",upstream="spare"}"#,
            1.0,
        ),
        (
            r#"sidegate_tokens_total{caller="agent-7",kind="prompt",route="chat"}"#,
            120.0,
        ),
        (
            r#"sidegate_overhead_seconds_bucket{route="chat",le="0.00005"}"#,
            0.0,
        ),
        (
            r#"sidegate_overhead_seconds_bucket{route="chat",le="0.0001"}"#,
            1.0,
        ),
        (
            r#"sidegate_upstream_attempts_total{outcome="server_error",upstream="vllm-a"}"#,
            1.0,
        ),
        (r#"sidegate_client_aborts_total{phase="stream"}"#, 1.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    }
}

#[test]
fn a_request_without_a_route_or_family_counts_as_none() {
    let metrics = metrics();
    let handles = bind(&metrics, &two_routes());
    handles
        .route(None)
        .ended(None, 429, code("lane_full"), Duration::ZERO);
    handles
        .route(Some(99))
        .ended(None, 429, code("lane_full"), Duration::ZERO);
    handles
        .route(Some(0))
        .failed(Some(Family::Ollama), code("lane_full"));
    let text = text(&metrics);
    let requests =
        r#"sidegate_requests_total{code="lane_full",lane="none",route="none",status_class="4xx"}"#;
    assert_eq!(value(&text, requests), Some(2.0));
    let failures =
        r#"sidegate_failures_total{code="lane_full",provider_family="none",route="chat"}"#;
    assert_eq!(value(&text, failures), Some(1.0));
}

#[test]
fn a_reload_goes_on_counting_and_forgets_what_is_gone() {
    let metrics = metrics();
    let before = bind(&metrics, &two_routes());
    let running = before.upstream(1).unwrap().begin();
    before.route(Some(0)).ended(
        Some(Lane::Interactive),
        429,
        code("lane_full"),
        Duration::ZERO,
    );

    let after_config = config(
        vec![route("chat", vec![target(0, None)])],
        vec![upstream("vllm-a", Family::Vllm)],
    );
    let after = bind(&metrics, &after_config);
    assert!(
        text(&metrics).contains(r#"upstream="spare""#),
        "a request of the old snapshot still runs"
    );

    drop(before);
    let text_after = text(&metrics);
    let gone = [
        r#"route="embed""#,
        r#"provider_family="openai""#,
        r#"model="bge""#,
    ];
    for label in gone {
        assert!(!text_after.contains(label), "{label}");
    }
    let kept = r#"sidegate_requests_total{code="lane_full",lane="interactive",route="chat",status_class="4xx"}"#;
    assert_eq!(
        value(&text_after, kept),
        Some(1.0),
        "made by the old snapshot, kept by the new"
    );
    assert_eq!(
        value(
            &text_after,
            r#"sidegate_upstream_streams{upstream="spare"}"#
        ),
        Some(1.0)
    );
    drop((running, after));
    assert!(!text(&metrics).contains(r#"upstream="spare""#));
}

#[test]
fn a_route_that_comes_back_begins_at_zero() {
    let metrics = metrics();
    let first = bind(&metrics, &two_routes());
    first.route(Some(0)).retried(RetryReason::Connect);
    drop(first);
    assert!(!text(&metrics).contains(r#"route="chat""#));
    let _second = bind(&metrics, &two_routes());
    assert_eq!(
        value(
            &text(&metrics),
            r#"sidegate_retries_total{reason="connect",route="chat"}"#
        ),
        Some(0.0)
    );
}

#[test]
fn measured_values_appear_with_their_first_measure() {
    let metrics = metrics();
    let mut config = two_routes();
    config.routes[0].budget = Some(Budget {
        tokens: 10,
        per: Window::Day,
    });
    let limits = CallerLimits {
        budget: config.routes[0].budget,
        ..CallerLimits::default()
    };
    config.callers.limits.insert("agent-7".to_owned(), limits);
    let handles = bind(&metrics, &config);
    let upstream = handles.upstream(0).unwrap();
    upstream.set_pressure(Some(4), Some(0.5));
    handles.disks().for_each(|disk| disk.set_used_ratio(0.25));
    handles.route(Some(0)).budget().unwrap().set(9, 10);
    handles
        .caller_budget("agent-7")
        .unwrap()
        .set(u64::MAX, u64::MAX);
    handles
        .route(Some(0))
        .breaker(0)
        .unwrap()
        .went_to(BreakerState::Open);
    metrics.lane(Lane::Batch).set(0, 2);
    let text = text(&metrics);
    for (series, expected) in [
        (r#"sidegate_upstream_waiting{upstream="vllm-a"}"#, 4.0),
        (
            r#"sidegate_upstream_kv_cache_ratio{upstream="vllm-a"}"#,
            0.5,
        ),
        (r#"sidegate_disk_used_ratio{path="/data"}"#, 0.25),
        (
            r#"sidegate_budget_remaining_tokens{name="chat",scope="route"}"#,
            9.0,
        ),
        (
            r#"sidegate_breaker_state{model="Qwen/Qwen3-32B",upstream="vllm-a"}"#,
            1.0,
        ),
        (
            r#"sidegate_breaker_transitions_total{model="Qwen/Qwen3-32B",to="open",upstream="vllm-a"}"#,
            1.0,
        ),
        (r#"sidegate_lane_waiting{lane="batch"}"#, 2.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series}\n{text}");
    }
    assert!(
        handles.route(Some(1)).budget().is_none() && handles.caller_budget("default").is_none()
    );
}

#[test]
fn places_come_back_when_their_guards_go() {
    let metrics = metrics();
    let handles = bind(&metrics, &two_routes());
    let guard = handles.upstream(0).unwrap().begin();
    assert_eq!(handles.upstream(0).unwrap().in_flight(), 1);
    drop(guard);
    assert_eq!(handles.upstream(0).unwrap().in_flight(), 0);
}

#[test]
fn dropped_log_lines_are_counted_once_however_often_asked() {
    let metrics = metrics();
    let drops = Arc::new(DropCounts::default());
    metrics.follow_log_drops(Arc::clone(&drops));
    drops.add(LogFile::Access, 3);
    text(&metrics);
    drops.add(LogFile::Access, 2);
    assert_eq!(
        value(
            &text(&metrics),
            r#"sidegate_log_dropped_total{file="access"}"#
        ),
        Some(5.0)
    );
}

#[test]
fn the_own_process_is_alive() {
    let facts = crate::platform::own_process();
    let text = String::from_utf8(metrics().render(&facts).unwrap()).unwrap();
    assert!(value(&text, "process_max_fds").is_some_and(|most| most > 2.0));
    if facts.threads.is_some() {
        assert!(
            value(&text, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 100_000.0)
        );
        assert!(value(&text, "process_start_time_seconds").is_some_and(|time| time > 1.6e9));
        assert!(value(&text, "process_open_fds").is_some_and(|open| open >= 3.0));
    }
}

#[test]
fn a_code_outside_the_list_has_no_place() {
    let codes = metrics().codes();
    assert_eq!(codes.index_of("made_up"), None);
    assert_eq!(codes.at(CODES.len()), None);
    assert_eq!(codes.at(1), codes.index_of("lane_full"));
}

/// Not a judge but a gauge: `cargo test --release counting_speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, only meaningful in a release build"]
fn counting_speed() {
    let metrics = metrics();
    let handles = bind(&metrics, &two_routes());
    let rounds: u32 = 1_000_000;
    let begun = std::time::Instant::now();
    for round in 0..rounds {
        let chat = std::hint::black_box(&handles).route(Some(0));
        let took = Duration::from_micros(u64::from(round));
        chat.ended(Some(Lane::Interactive), 200, code("ok"), took);
        chat.first_token(0, took);
        chat.overhead(Duration::from_micros(80));
        chat.used_tokens(0, TokenKind::Prompt, 100);
        chat.used_tokens(0, TokenKind::Completion, 100);
        let upstream = handles.upstream(0).unwrap();
        let _in_flight = upstream.begin();
        upstream.attempted(Outcome::Ok);
    }
    println!(
        "{:?} for all that one request counts",
        begun.elapsed() / rounds
    );
    let begun = std::time::Instant::now();
    let bytes = text(&metrics).len();
    println!("{:?} to render {bytes} bytes", begun.elapsed());
}
