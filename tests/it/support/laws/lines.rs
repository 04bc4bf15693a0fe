//! L1 and L9: the access line of each request, and every line whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use super::{id_of, Facts};
use crate::support::client::{End, Reply};
use crate::support::unpacked;

/// Gauges of what is under way.
const IN_FLIGHT: [&str; 3] = [
    "sidegate_lane_streams",
    "sidegate_lane_waiting",
    "sidegate_upstream_streams",
];

pub fn one_each(facts: &Facts) -> Vec<String> {
    let ids = facts
        .replies
        .iter()
        .filter_map(id_of)
        .collect::<BTreeSet<_>>();
    let counts = ids.iter().filter_map(|id| count(facts, id));
    let agreement = facts
        .replies
        .iter()
        .filter_map(|reply| says_what_the_client_saw(facts, reply));
    counts.chain(agreement).chain(in_flight(facts)).collect()
}

/// A request that was answered, or that an upstream saw, has reached a hook: it has its line. One whose client left
/// before either may have.
fn count(facts: &Facts, id: &str) -> Option<String> {
    let replies = facts.replies_of(id);
    let most = replies.len();
    let answered = replies
        .iter()
        .filter(|reply| reply.correlation_id() == Some(id));
    let answered = answered.count();
    let least = answered.max(usize::from(!facts.attempts_of(id).is_empty()));
    let lines = facts.lines_of(id).len();
    let fits = (least..=most).contains(&lines);
    (!fits).then(|| {
        format!("{id}: {lines} access lines for {most} requests, {answered} of them answered")
    })
}

fn says_what_the_client_saw(facts: &Facts, reply: &Reply) -> Option<String> {
    let id = reply.correlation_id()?;
    let lines = facts.lines_of(id);
    let ([line], End::Whole) = (lines.as_slice(), &reply.end) else {
        return None;
    };
    let code = reply.code().unwrap_or_else(|| "ok".into());
    let logged = line["code"].as_str().unwrap_or_default();
    // Why a token was refused is for the log alone.
    let told = match logged {
        "missing_token" | "expired_token" => "invalid_token",
        other => other,
    };
    // An answer to HEAD has no body to tell a code.
    let same_code = told == code || reply.sent.method == "HEAD";
    let fits = line["status"] == reply.status && same_code;
    (!fits).then(|| {
        format!(
            "{id}: the client saw {} {code}, the access line says {line}",
            reply.status
        )
    })
}

fn in_flight(facts: &Facts) -> Vec<String> {
    let Some(metrics) = &facts.metrics else {
        return Vec::new();
    };
    let all = IN_FLIGHT.iter().flat_map(|name| metrics.all(name, &[]));
    let busy = all.filter(|series| series.value != 0.0);
    busy.map(|series| format!("{} {:?} is {}", series.name, series.labels, series.value))
        .collect()
}

pub fn whole(facts: &Facts) -> Vec<String> {
    let folder = facts.gateway.logs_dir();
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let logs = names.filter(|name| name.contains(".jsonl") && !name.ends_with(".tmp"));
    logs.flat_map(|name| whole_lines_of(&name, &folder.join(&name)))
        .chain(gaps(facts))
        .collect()
}

fn whole_lines_of(name: &str, path: &Path) -> Vec<String> {
    match unpacked::read(path) {
        Ok(text) => whole_lines(name, &String::from_utf8_lossy(&text)),
        // Compressed, or one too many, since the folder was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => vec![format!("{name}: {error}")],
    }
}

fn whole_lines(name: &str, text: &str) -> Vec<String> {
    let torn = (!text.is_empty() && !text.ends_with('\n'))
        .then(|| format!("{name}: the last line has no end"));
    let is_object =
        |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object());
    let broken = text.lines().filter(|line| !is_object(line));
    broken
        .map(|line| format!("{name}: not a JSON object: {line:?}"))
        .chain(torn)
        .collect()
}

/// Lines that are numbered (`seq`) have every number once, but for as many as were dropped and counted.
fn gaps(facts: &Facts) -> Option<String> {
    let numbers = facts.access.iter().filter_map(|line| line["seq"].as_u64());
    let mut seen = BTreeMap::<u64, usize>::new();
    numbers.for_each(|number| *seen.entry(number).or_default() += 1);
    let (first, last) = (*seen.keys().next()?, *seen.keys().next_back()?);
    let missing = (last - first + 1) - seen.len() as u64;
    let dropped = facts
        .metrics
        .as_ref()?
        .sum("sidegate_log_dropped_total", &[("file", "access")]);
    let twice = seen.values().any(|times| *times > 1);
    (twice || missing as f64 > dropped).then(|| format!("access lines {first}..={last}: {missing} missing, {dropped} counted as dropped, twice: {twice}"))
}
