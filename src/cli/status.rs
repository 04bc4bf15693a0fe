//! `sidegate status`: what the running gateway knows of itself.

use std::fmt::Write;
use std::time::Duration;

use super::live::{self, Failure, LastFailure, State};
use super::output::{complain, show};
use super::table::{or_dash, Table};
use super::{Context, Exit};
use crate::config::print_duration;
use crate::record::ACCESS_LINES_END;

/// Kinds of the recent failures; `--json` has all.
const FAILURES_SHOWN: usize = 10;

#[derive(clap::Args)]
pub struct Arguments {
    /// Print it as JSON, as `/status` has it.
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let asked = live::ask(context, "GET", "/status").and_then(|reply| {
        let state: State = live::read(context, &reply)?;
        Ok((reply, state))
    });
    match asked {
        Ok((reply, _)) if arguments.json => show(&String::from_utf8_lossy(&reply.body)),
        Ok((_, state)) => {
            show(&text(&state));
            warn(&state);
        }
        Err(silence) => return live::explain(context, &silence),
    }
    Exit::Done
}

fn text(state: &State) -> String {
    let mut text = head(state);
    let mut tables = vec![lanes(state), upstreams(state), targets(state)];
    if !state.budgets.is_empty() {
        tables.push(budgets(state));
    }
    for table in tables {
        text.push('\n');
        text.push_str(&table.text());
    }
    if !state.recent_failures.is_empty() {
        text.push_str("\nrecent failures, newest first\n");
        text.push_str(&failures(state).text());
    }
    text
}

fn head(state: &State) -> String {
    let mut text = String::new();
    let up = print_duration(Duration::from_secs(state.uptime_seconds));
    let doing = if state.draining { "draining" } else { "ready" };
    let State {
        version,
        revision,
        config,
        ..
    } = state;
    // Writing to a string can't fail.
    let _ = writeln!(text, "sidegate {version} ({revision}), up {up}, {doing}");
    let file = config.file.as_deref().unwrap_or("the environment alone");
    let _ = write!(
        text,
        "configuration: {file}, generation {}",
        config.generation
    );
    if let Some(reload) = &config.last_reload {
        let _ = write!(text, ", last reload {} ({})", reload.at, reload.result);
    }
    text.push('\n');
    text
}

fn lanes(state: &State) -> Table {
    let mut table = Table::new(&["LANE", "STREAMS", "WAITING", "RESTING", "OLDEST"]);
    for lane in &state.lanes {
        let streams = format!("{}/{}", lane.streams, lane.capacity);
        let waiting = format!("{}/{}", lane.waiting, lane.queue);
        let oldest = lane.oldest_seconds.map(|oldest| format!("{oldest:.1} s"));
        let resting = lane.resting.to_string();
        table.add([
            lane.name.clone(),
            streams,
            waiting,
            resting,
            or_dash(oldest),
        ]);
    }
    table
}

fn upstreams(state: &State) -> Table {
    let mut table = Table::new(&["UPSTREAM", "FAMILY", "STREAMS", "HEALTH", "LAST FAILURE"]);
    for upstream in &state.upstreams {
        let health = match (upstream.draining, upstream.healthy) {
            (true, _) => "draining",
            (false, Some(true)) => "healthy",
            (false, Some(false)) => "unhealthy",
            (false, None) => "-",
        };
        let failure = upstream.last_failure.as_ref();
        table.add([
            upstream.name.clone(),
            upstream.family.clone(),
            format!("{}/{}", upstream.in_flight, upstream.streams),
            health.to_owned(),
            or_dash(failure.map(last_failure)),
        ]);
    }
    table
}

fn last_failure(failure: &LastFailure) -> String {
    let id = failure.correlation_id.as_deref().unwrap_or_default();
    let words = format!("{} {} {id}", failure.at, failure.code);
    words.trim_end().to_owned()
}

fn targets(state: &State) -> Table {
    let mut table = Table::new(&["ROUTE", "UPSTREAM", "MODEL", "NOW"]);
    for route in &state.routes {
        for target in &route.targets {
            table.add([
                route.name.clone(),
                target.upstream.clone(),
                target.model.clone().unwrap_or_else(|| "*".to_owned()),
                state.in_words(target),
            ]);
        }
    }
    table
}

fn budgets(state: &State) -> Table {
    let mut table = Table::new(&["BUDGET OF", "KIND", "LEFT", "OF", "RENEWS"]);
    for budget in &state.budgets {
        table.add([
            format!("{} {}", budget.scope, budget.name),
            budget.kind.clone(),
            budget.remaining.to_string(),
            budget.limit.to_string(),
            budget.renews_at.clone(),
        ]);
    }
    table
}

fn failures(state: &State) -> Table {
    let mut table = Table::new(&[
        "TIME",
        "TIMES",
        "ROUTE",
        "UPSTREAM",
        "CODE",
        "ID",
        "WHAT TO DO",
    ]);
    for (failure, times) in folded(&state.recent_failures)
        .into_iter()
        .take(FAILURES_SHOWN)
    {
        table.add([
            failure.ts.clone(),
            times.to_string(),
            or_dash(failure.route.clone()),
            or_dash(failure.upstream.clone()),
            failure.code.clone(),
            failure.correlation_id.clone(),
            failure.hint.clone(),
        ]);
    }
    table
}

/// The newest of each kind and how many there are: what follows from a failure must not hide what began it.
fn folded(failures: &[Failure]) -> Vec<(&Failure, usize)> {
    let mut kinds: Vec<(&Failure, usize)> = Vec::new();
    for failure in failures {
        let kind = |one: &Failure| (one.code.clone(), one.route.clone(), one.upstream.clone());
        match kinds
            .iter_mut()
            .find(|(known, _)| kind(known) == kind(failure))
        {
            Some((_, times)) => *times += 1,
            None => kinds.push((failure, 1)),
        }
    }
    kinds
}

/// What must not be overlooked stands last, where the eye is.
fn warn(state: &State) {
    if let Some(shared) = state.shared.as_ref().filter(|it| it.state == "alone") {
        let since = shared.since.as_deref().unwrap_or("some time");
        let reason = shared
            .reason
            .as_deref()
            .unwrap_or("for a reason it does not say");
        complain(&format!(
            "budgets are counted without the other gateways since {since}: {reason}"
        ));
    }
    losses(state)
        .iter()
        .for_each(|loss| complain(&format!("warning: {loss}")));
    let config = &state.config;
    if !config.pending_restart.is_empty() {
        let keys = config.pending_restart.join(", ");
        complain(&format!(
            "warning: changed, but taken only by a restart: {keys}"
        ));
    }
    let rejected = config
        .last_reload
        .as_ref()
        .filter(|reload| !reload.mistakes.is_empty());
    if let Some(reload) = rejected {
        complain("warning: the configuration has changed and was not taken:");
        reload.mistakes.iter().for_each(|mistake| complain(mistake));
    }
}

/// What is being lost, or soon will be.
fn losses(state: &State) -> Vec<String> {
    let mut texts = Vec::new();
    for (file, count) in state.log_dropped.iter().filter(|(_, count)| **count > 0) {
        let last = state.log_dropped_last.as_ref();
        let last = last.map_or_else(String::new, |last| format!(", the last at {last}"));
        texts.push(format!(
            "lines of {file}.jsonl dropped since the start: {count}{last}; `sidegate doctor` says what mends it"
        ));
    }
    if state.breaker_shared == Some(false) {
        texts.push(
            "breakers are in private memory: no other process shares them, and a restart forgets them; \
             gateway.jsonl says why"
                .to_owned(),
        );
    }
    for disk in &state.disk {
        if disk.used_ratio >= ACCESS_LINES_END {
            texts.push(format!(
                "the volume of {} is {:.1} % full, {} MiB free; `sidegate disk` shows what takes it",
                disk.path,
                disk.used_ratio * 100.0,
                disk.free_bytes >> 20
            ));
        }
    }
    texts
}

#[cfg(test)]
mod tests;
