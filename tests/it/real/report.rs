//! What the scripts in `tests/real` report: one JSON line a check.

use serde_json::Value;

/// What a script says of one check.
#[derive(Debug)]
pub struct Report {
    pub check: String,
    ok: bool,
    pub correlation_id: String,
    /// How many requests left the SDK, its retries included.
    pub requests: usize,
    retries: Vec<String>,
    /// Prompt and completion tokens as the SDK was told, where it was one request that told.
    usage: Option<(u64, u64)>,
    /// All that it said, with the error of a check that failed.
    detail: Value,
}

impl Report {
    pub fn read(line: &str) -> Self {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not a report: {line:?}"));
        let detail = &value["detail"];
        let requests = detail["requests"].as_array().cloned().unwrap_or_default();
        let retry = |request: &Value| request["retry"].as_str().unwrap_or_default().to_string();
        let usage = &detail["usage"];
        Report {
            check: value["check"].as_str().unwrap_or_default().to_string(),
            ok: value["ok"] == true,
            correlation_id: detail["correlation_id"]
                .as_str()
                .unwrap_or_default()
                .to_string(),
            requests: requests.len(),
            retries: requests.iter().map(retry).collect(),
            usage: usage["prompt"].as_u64().zip(usage["completion"].as_u64()),
            detail: detail.clone(),
        }
    }

    pub fn expect_line_agrees(&self, line: &Value) {
        if let Some((prompt, completion)) = self.usage {
            assert_eq!(line["prompt_tokens"], prompt, "{}: {line}", self.check);
            assert_eq!(
                line["completion_tokens"], completion,
                "{}: {line}",
                self.check
            );
            assert_eq!(line["usage_source"], "reported", "{}: {line}", self.check);
        }
        if line["code"] == "ok" && line["upstream"].is_string() {
            // A server may close a kept connection at the very moment when it is used again; that costs nobody anything.
            let tries = line["tries"].as_array().into_iter().flatten();
            let closed =
                tries.filter(|it| it["reused"] == true && it["outcome"] == "protocol_error");
            let expected = 1 + closed.count();
            assert_eq!(line["attempts"], expected, "{}: {line}", self.check);
        }
    }
}

/// Every check was well, there were at least so many, and no SDK sent anything twice.
pub fn expect_all_well(reports: &[Report], at_least: usize) {
    assert!(
        reports.len() >= at_least,
        "only {} checks: {reports:#?}",
        reports.len()
    );
    let failed: Vec<_> = reports
        .iter()
        .filter(|report| !report.ok)
        .map(|report| format!("{}: {}", report.check, report.detail))
        .collect();
    assert!(failed.is_empty(), "checks failed:\n{}", failed.join("\n"));
    let retried: Vec<_> = reports
        .iter()
        .filter(|report| report.retries.iter().any(|retry| retry != "0"))
        .collect();
    assert!(retried.is_empty(), "an SDK retried: {retried:#?}");
}
