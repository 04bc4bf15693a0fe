//! The list of codes is closed, and each is held against a file or named here as one that can't be provoked yet.

use std::collections::BTreeSet;

use super::golden::folder;
use crate::stage::Stage;
use crate::support::plain;

/// Told to clients as `invalid_token`, so that its file is theirs.
const TOLD_ALIKE: [&str; 2] = ["missing_token", "expired_token"];

/// In the log only: nobody is there to be told.
const IN_THE_LOG: [&str; 1] = ["client_closed"];

/// Nothing leads to these from outside yet, or ever (`internal`).
const NOT_PROVOKED: [&str; 6] = [
    "schema_violation",
    "response_schema_violation",
    "budget_exhausted",
    "lane_full",
    "no_upstream",
    "internal",
];

#[tokio::test]
async fn every_code_has_its_file() {
    let stage = Stage::start(plain::chat("never")).await;
    let metrics = stage.gateway.metrics().await;
    let labels = [("route", "chat"), ("provider_family", "vllm")];
    let failures = metrics.all("sidegate_failures_total", &labels);
    let known = failures
        .iter()
        .map(|series| series.labels["code"].clone())
        .collect::<BTreeSet<_>>();
    assert!(known.len() > 40, "{known:?}");

    let files = std::fs::read_dir(folder()).expect("the folder of the answers");
    let names = files.map(|file| {
        file.expect("a file")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let codes = names.map(|name| {
        name.trim_end_matches(".json")
            .split('-')
            .next()
            .unwrap_or_default()
            .to_string()
    });
    let with_file = codes.collect::<BTreeSet<_>>();
    let without = TOLD_ALIKE
        .into_iter()
        .chain(IN_THE_LOG)
        .chain(NOT_PROVOKED)
        .map(str::to_string);
    let accounted = with_file
        .iter()
        .cloned()
        .chain(without.clone())
        .collect::<BTreeSet<_>>();

    assert_eq!(known, accounted);
    assert!(without.into_iter().all(|code| !with_file.contains(&code)));
    stage.end().await;
}
