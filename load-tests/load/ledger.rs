//! Holds what was sent against what the gateway and the backend counted. Where they differ there is no figure.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::client::Client;
use crate::payload::{COMPLETION_TOKENS, PROMPT_TOKENS};
use crate::Fallible;

/// The log is written by a thread of its own, which lets lines gather.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

/// The backend's own counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub waiting: u64,
}

/// Asks the backend.
pub async fn backend_counts(backend: SocketAddr) -> Fallible<Counts> {
    tell_backend(backend, "GET /counts").await
}

/// Lets every held stream go.
pub async fn release(backend: SocketAddr) -> Fallible<Counts> {
    tell_backend(backend, "POST /release").await
}

async fn tell_backend(backend: SocketAddr, what: &str) -> Fallible<Counts> {
    let mut client = Client::connect(backend).await?;
    let request = format!("{what} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n");
    let text = client.ask(&request).await?;
    let (requests, waiting) = text.split_once(' ').ok_or("the backend's counts")?;
    let number = |text: &str| text.parse().map_err(|_| "the backend's counts".to_owned());
    Ok(Counts {
        requests: number(requests)?,
        waiting: number(waiting)?,
    })
}

/// Every request has its line and all its tokens, in the log and in the metrics, and none has two.
pub async fn check_gateway(sent: u64, folder: &Path, admin: SocketAddr) -> Fallible<()> {
    let log = folder.join("state").join("logs").join("access.jsonl");
    let until = Instant::now() + LOG_PATIENCE;
    let mut logged = read_log(&log)?;
    while logged.lines < sent && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
        logged = read_log(&log)?;
    }
    let expected = Logged {
        lines: sent,
        prompt: sent * PROMPT_TOKENS,
        completion: sent * COMPLETION_TOKENS,
    };
    if logged != expected {
        return Err(format!(
            "the access log says {logged:?}, what was sent is {expected:?}"
        ));
    }
    let mut client = Client::connect(admin).await?;
    let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let metrics = client.ask(request).await?;
    for (family, wanted, expected) in [
        ("sidegate_requests_total", "code=\"ok\"", expected.lines),
        ("sidegate_requests_total", "", expected.lines),
        ("sidegate_tokens_total", "kind=\"prompt\"", expected.prompt),
        (
            "sidegate_tokens_total",
            "kind=\"completion\"",
            expected.completion,
        ),
        ("sidegate_upstream_attempts_total", "", expected.lines),
        ("sidegate_log_dropped_total", "", 0),
    ] {
        let counted = sum(&metrics, family, wanted);
        if counted != expected as f64 {
            return Err(format!(
                "{family}{{{wanted}}} is {counted}, expected {expected}"
            ));
        }
    }
    Ok(())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Logged {
    lines: u64,
    prompt: u64,
    completion: u64,
}

/// Counts the whole lines of successes that have their usage from the upstream; any other line is an error.
fn read_log(path: &Path) -> Fallible<Logged> {
    let text = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut logged = Logged::default();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        if !line.ends_with(b"\n") {
            break;
        }
        let line: Value =
            serde_json::from_slice(line).map_err(|error| format!("an access line: {error}"))?;
        let says = |key: &str, text: &str| line.get(key).and_then(Value::as_str) == Some(text);
        if !says("code", "ok") || !says("usage_source", "reported") {
            return Err(format!("an access line that is no success: {line}"));
        }
        let number = |key: &str| line.get(key).and_then(Value::as_u64).unwrap_or_default();
        logged.lines += 1;
        logged.prompt += number("prompt_tokens");
        logged.completion += number("completion_tokens");
    }
    Ok(logged)
}

/// Over the series of a family that have this among their labels.
fn sum(metrics: &str, family: &str, label: &str) -> f64 {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix(family)?.strip_prefix('{'))
        .filter(|rest| rest.contains(label))
        .filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_familys_own_series_are_added_up() {
        let text = "# HELP a x\na{k=\"p\"} 3\na{k=\"q\"} 4\nab{k=\"p\"} 9\n";
        assert_eq!(sum(text, "a", "k=\"p\""), 3.0);
        assert_eq!(sum(text, "a", ""), 7.0);
    }
}
