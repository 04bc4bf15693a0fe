//! What a gateway that runs does without: log lines that it dropped, upstreams that were taken out of use.

use std::time::Duration;

use super::{within, Check, Facts, Finding};
use crate::cli::live::{State, Upstream};
use crate::platform;
use crate::record::ACCESS_LINES_END;

/// A volume that takes longer to say how full it is has gone away.
const VOLUME_PATIENCE: Duration = Duration::from_secs(2);

/// Of the volume that the logs are on; none where it doesn't say, or not in time.
pub fn used_by_logs(facts: &Facts) -> Option<f64> {
    let folder = facts.config()?.logs.dir.clone();
    let volume = within(VOLUME_PATIENCE, move || platform::volume_near(&folder))??;
    Some(volume.used_ratio())
}

pub fn drops(state: &State, used: Option<f64>) -> Finding {
    let dropped = state.log_dropped.iter().filter(|(_, count)| **count > 0);
    let texts: Vec<String> = dropped
        .map(|(file, count)| {
            let ending = if *count == 1 { "" } else { "s" };
            format!("{count} line{ending} of {file}.jsonl")
        })
        .collect();
    if texts.is_empty() {
        return Finding::ok(Check::LogDrops, "no log line was dropped since the start");
    }
    let last = state.log_dropped_last.as_ref();
    let last = last.map_or_else(String::new, |last| format!(", the last at {last}"));
    let evidence = format!("dropped since the start: {}{last}", texts.join(", "));
    let remedy = match used.is_some_and(|used| used < ACCESS_LINES_END) {
        false => "make room on the volume of logs.dir (`sidegate disk`)",
        true => {
            "there is room on the volume of logs.dir now; gateway.jsonl says why it was, and a restart counts anew"
        }
    };
    Finding::warning(Check::LogDrops, evidence, remedy)
}

/// Upstreams out of use by an operator's order, which is easily forgotten.
pub fn drained(state: &State) -> Vec<Finding> {
    let drained = state.upstreams.iter().filter(|upstream| upstream.draining);
    let finding = |upstream: &Upstream| {
        let evidence = "gets no new requests, by an operator's order";
        let remedy = format!("sidegate drain {} --undo", upstream.name);
        Finding::warning(Check::UpstreamDrain, evidence, remedy).of(upstream.name.as_str())
    };
    let found: Vec<Finding> = drained.map(finding).collect();
    match found.is_empty() {
        true => vec![Finding::ok(Check::UpstreamDrain, "none is out of use")],
        false => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_lost_are_dated_and_the_remedy_fits_the_volume() {
        let state: State = serde_json::from_value(serde_json::json!({
            "version": "1", "config": {"generation": 1}, "log_dropped": {"access": 4}, "log_dropped_last": "2026-01-02T03:04:05.678Z"
        }))
        .unwrap();
        let (full, roomy) = (drops(&state, Some(0.97)), drops(&state, Some(0.5)));
        assert!(full
            .evidence
            .ends_with("the last at 2026-01-02T03:04:05.678Z"));
        assert!(full.remedy.unwrap().starts_with("make room"));
        assert!(roomy.remedy.unwrap().starts_with("there is room"));
    }
}
