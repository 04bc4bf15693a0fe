//! L3: attempts seen upstream, attempts logged and attempts counted are the same ones.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Facts;
use crate::support::gateway::Metrics;

/// Attempts that may have ended before an upstream had a whole head.
const UNSEEN: [&str; 4] = ["connect_error", "timeout", "cancelled", "protocol_error"];

pub fn agree(facts: &Facts) -> Vec<String> {
    let each = facts.access.iter().filter_map(|line| one(facts, line));
    each.chain(strangers(facts))
        .chain(
            facts
                .metrics
                .as_ref()
                .and_then(|metrics| sums(facts, metrics)),
        )
        .collect()
}

fn one(facts: &Facts, line: &Value) -> Option<String> {
    let id = line["correlation_id"].as_str()?;
    let seen = facts.attempts_of(id).len() as u64;
    let most = 1 + facts.laws.retry_max;
    // Requests that share an id are judged by the sums alone.
    let alone = facts.lines_of(id).len() == 1;
    match line["attempts"].as_u64() {
        None => Some(format!("{id}: `attempts` is no number: {line}")),
        Some(logged) if logged > most => Some(format!(
            "{id}: {logged} attempts, at most {most} are allowed"
        )),
        Some(logged) if alone && seen > logged => {
            Some(format!("{id}: {seen} attempts seen, {logged} logged"))
        }
        Some(_) => None,
    }
}

/// What an upstream saw with an id that no line has.
fn strangers(facts: &Facts) -> Vec<String> {
    let ids = facts
        .seen
        .iter()
        .filter_map(|(_, request)| request.correlation_id())
        .collect::<BTreeSet<_>>();
    let unknown = ids.into_iter().filter(|id| facts.lines_of(id).is_empty());
    unknown
        .map(|id| format!("{id}: seen upstream, but no access line has it"))
        .collect()
}

fn sums(facts: &Facts, metrics: &Metrics) -> Option<String> {
    let logged = facts
        .access
        .iter()
        .filter_map(|line| line["attempts"].as_u64())
        .sum::<u64>() as f64;
    let seen = facts
        .seen
        .iter()
        .filter(|(_, request)| request.correlation_id().is_some())
        .count() as f64;
    let outcome =
        |outcome| metrics.sum("sidegate_upstream_attempts_total", &[("outcome", outcome)]);
    let counted = metrics.sum("sidegate_upstream_attempts_total", &[]);
    let never_connected = outcome("connect_error");
    let may_be_unseen = UNSEEN.map(outcome).iter().sum::<f64>();
    let unseen = logged - seen;
    let fits = logged == counted && (never_connected..=may_be_unseen).contains(&unseen);
    let text = || {
        format!("{seen} attempts seen upstream, {logged} logged, {counted} counted; {never_connected} of them never connected")
    };
    (!fits).then(text)
}
