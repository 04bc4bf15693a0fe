//! Where a request's time went, in one line.

use std::fmt::Write;

use super::text::seconds;
use crate::cli::explain::line::AccessFields;
use crate::record::labels::WaitFor;

/// Less than this is not worth a word.
const NOTHING: f64 = 0.0005;

pub fn of(of: &AccessFields) -> String {
    let mut time = format!("{} in all", seconds(of.duration_seconds));
    let mut before = ": ";
    for (name, value) in parts(of) {
        if let Some(value) = value {
            let _ = write!(time, "{before}{} {name}", seconds(Some(value)));
            before = ", ";
        }
    }
    if let Some(first) = of.first_token_seconds {
        let _ = write!(time, "; {} until the first token", seconds(Some(first)));
        let rest = of.duration_seconds.map(|all| (all - first).max(0.0));
        if of.stream == Some(true) {
            let _ = write!(time, ", then {} of stream", seconds(rest));
        }
    }
    time
}

/// What the time is made of; the queue also where it took none, as that is what most ask first.
fn parts(of: &AccessFields) -> [(&'static str, Option<f64>); 5] {
    let asked = sum(of
        .tries
        .iter()
        .flatten()
        .map(|attempt| attempt.took_seconds));
    let waits = of.waits.as_ref().map(|waits| {
        let others = waits.iter().filter(|wait| !is_queue(wait.what.as_deref()));
        sum(others.map(|wait| wait.took_seconds))
    });
    let known = of.upload_seconds.unwrap_or(0.0) + of.queue_seconds.unwrap_or(0.0) + asked;
    // An older gateway didn't tell its waits, so that the rest may be anything.
    let rest = waits.and_then(|waits| Some(of.duration_seconds? - known - waits));
    let worth = |part: &f64| *part >= NOTHING;
    [
        ("reading the request", of.upload_seconds.filter(worth)),
        ("in the queue", of.queue_seconds),
        ("waiting before an attempt", waits.filter(worth)),
        ("at upstreams", Some(asked).filter(worth)),
        ("in the gateway itself", rest.filter(worth)),
    ]
}

/// Counted in `queue_seconds`.
fn is_queue(what: Option<&str>) -> bool {
    [WaitFor::Place, WaitFor::Model]
        .map(WaitFor::as_str)
        .map(Some)
        .contains(&what)
}

fn sum(parts: impl Iterator<Item = Option<f64>>) -> f64 {
    parts.flatten().sum()
}
