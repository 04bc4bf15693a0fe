//! The numbers at `/metrics` are those of the lines: two accounts of the same requests.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stage::Stage;
use crate::support::{many, plain, sse, Gateway, Metrics, Request, Script};

fn script() -> Script {
    Script::by(|ask| match ask.json()["user"].as_str() {
        Some("stream") => sse::chat(3).answer(),
        Some("broken") => plain::error(500, "server_error", "x", "out of memory"),
        Some("busy") => plain::overloaded(),
        Some("rejected") => plain::error(400, "invalid_request_error", "x", "no"),
        Some("cut") => sse::chat(3).cut_after_token(2).answer(),
        _ => plain::chat("yes"),
    })
}

fn requests(stage: &Stage) -> Vec<Request> {
    let users = ["plain", "stream", "broken", "busy", "rejected", "cut"];
    let mut requests = Vec::new();
    for user in users {
        let request = stage.chat().field("user", user);
        let streamed = matches!(user, "stream" | "cut");
        requests.push(if streamed { request.stream() } else { request });
    }
    requests.push(stage.gateway.client_of("second").chat("m"));
    requests.push(stage.gateway.client_of("second").chat("m").lane("batch"));
    requests.push(stage.client().chat("nobody"));
    requests.push(stage.chat().token("wrong"));
    requests.push(stage.client().get("/v1/models"));
    requests
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("none").to_string()
}

fn class(status: &Value) -> String {
    format!("{}xx", status.as_u64().expect("a status") / 100)
}

/// Counts of the lines by some of their fields.
fn counts(
    lines: &[Value],
    key: impl Fn(&Value) -> Vec<String>,
    amount: impl Fn(&Value) -> f64,
) -> BTreeMap<Vec<String>, f64> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(key(line)).or_default() += amount(line);
    }
    counts.retain(|_, count| *count > 0.0);
    counts
}

/// The same of a metric family, by labels.
fn counted(metrics: &Metrics, name: &str, labels: &[&str]) -> BTreeMap<Vec<String>, f64> {
    let mut counts = BTreeMap::new();
    for series in metrics.all(name, &[]) {
        let key = labels
            .iter()
            .map(|label| series.labels[*label].clone())
            .collect::<Vec<_>>();
        *counts.entry(key).or_default() += series.value;
    }
    counts.retain(|_, count| *count > 0.0);
    counts
}

async fn settled(gateway: &Gateway, lines: usize) -> (Vec<Value>, Metrics) {
    let all = |metrics: &Metrics| metrics.sum("sidegate_requests_total", &[]) == lines as f64;
    let metrics = gateway.wait_metrics("every request counted", all).await;
    let lines = crate::support::eventually("every line", async || {
        let found = gateway.access_lines();
        if found.len() == lines {
            Ok(found)
        } else {
            Err(found.len().to_string())
        }
    })
    .await;
    (lines, metrics)
}

#[tokio::test]
async fn metrics_agree_with_the_lines() {
    let stage = Stage::with(script(), |builder| {
        builder.caller("second", "invoke:*,lane:*")
    })
    .await;
    let all = requests(&stage);
    let sent = all.len() * 3;
    many(sent, |n| {
        let request = all[n % all.len()].clone().without("x-correlation-id");
        async move { request.send().await }
    })
    .await;

    let (lines, metrics) = settled(&stage.gateway, sent).await;

    let by = |keys: &'static [&'static str]| {
        move |line: &Value| keys.iter().map(|key| text(&line[*key])).collect::<Vec<_>>()
    };
    let one = |_: &Value| 1.0;
    let requests = |line: &Value| {
        vec![
            text(&line["route"]),
            text(&line["lane"]),
            class(&line["status"]),
            text(&line["code"]),
        ]
    };
    let labels = ["route", "lane", "status_class", "code"];
    assert_eq!(
        counts(&lines, requests, one),
        counted(&metrics, "sidegate_requests_total", &labels)
    );

    let failed = |line: &Value| if line["code"] == "ok" { 0.0 } else { 1.0 };
    assert_eq!(
        counts(&lines, by(&["route", "code"]), failed),
        counted(&metrics, "sidegate_failures_total", &["route", "code"])
    );
    for (kind, key) in [
        ("prompt", "prompt_tokens"),
        ("completion", "completion_tokens"),
    ] {
        let tokens = |line: &Value| line[key].as_f64().unwrap_or(0.0);
        let logged = counts(&lines, by(&["route", "caller"]), tokens);
        for (who, amount) in &logged {
            let labels = [
                ("route", who[0].as_str()),
                ("caller", who[1].as_str()),
                ("kind", kind),
            ];
            assert_eq!(
                metrics.value("sidegate_tokens_total", &labels),
                Some(*amount),
                "{kind} of {who:?}"
            );
        }
        let total = logged.values().sum::<f64>();
        assert_eq!(
            metrics.sum("sidegate_tokens_total", &[("kind", kind)]),
            total
        );
    }
    let attempts = lines
        .iter()
        .filter_map(|line| line["attempts"].as_f64())
        .sum::<f64>();
    assert_eq!(
        metrics.sum("sidegate_upstream_attempts_total", &[]),
        attempts
    );
    let served = lines.iter().filter(|line| line["attempts"] != 0).count() as f64;
    assert_eq!(
        metrics.sum("sidegate_retries_total", &[]),
        attempts - served
    );
    assert_eq!(
        metrics.sum("sidegate_request_duration_seconds_count", &[]),
        sent as f64
    );
    let streams = lines
        .iter()
        .filter(|line| line["stream"] == true && line["first_token_seconds"].is_number());
    assert_eq!(
        metrics.sum("sidegate_time_to_first_token_seconds_count", &[]),
        streams.count() as f64
    );
    let cut = lines
        .iter()
        .filter(|line| line["code"] == "stream_interrupted")
        .count() as f64;
    assert_eq!(
        metrics.value("sidegate_streams_truncated_total", &[("upstream", "a")]),
        Some(cut)
    );
    stage.end().await;
}

#[tokio::test]
async fn each_attempt_is_counted_by_how_it_ended() {
    let stage = Stage::start(script()).await;
    for user in ["plain", "stream", "broken", "busy", "rejected", "cut"] {
        let request = stage.chat().field("user", user);
        let streamed = matches!(user, "stream" | "cut");
        let request = if streamed { request.stream() } else { request };
        request.send().await;
    }
    let (_, metrics) = settled(&stage.gateway, 6).await;
    let outcomes = counted(&metrics, "sidegate_upstream_attempts_total", &["outcome"]);
    let expected = [
        ("ok", 2.0),
        ("rejected", 1.0),
        ("server_error", 2.0 + 4.0),
        ("truncated", 1.0),
    ];
    let expected = expected.map(|(outcome, count)| (vec![outcome.to_string()], count));
    assert_eq!(outcomes, expected.into_iter().collect());
    let reasons = counted(&metrics, "sidegate_retries_total", &["reason"]);
    let expected = [("status_500", 1.0), ("status_503", 3.0)];
    let expected = expected.map(|(reason, count)| (vec![reason.to_string()], count));
    assert_eq!(reasons, expected.into_iter().collect());
    stage.end().await;
}
