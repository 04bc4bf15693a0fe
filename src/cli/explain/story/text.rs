//! The story as text: who asked for what, how it ended, each attempt, what the upstreams said, what to do.

use crate::cli::output::visible;
use std::cmp::Ordering;
use std::fmt::Write;

use super::{time, Story};
use crate::cli::explain::line::{Access, AccessFields, Raw, Try, Wait};
use crate::cli::table::{or_dash, Table};
use crate::failure::Code;
use crate::record::labels::WaitFor;

/// Of a raw error's body; enough for any message, and a screen stays a screen.
const SHOWN_BODY_BYTES: usize = 2 * 1024;

/// Before the lines of a body.
const INDENT: &str = "  ";

pub fn of(story: &Story) -> String {
    let mut text = match &story.access {
        Some(access) => told(story, access),
        None => format!(
            "{}: no access line; the request is under way, or its line was lost\n",
            story.id
        ),
    };
    for raw in &story.raw {
        text.push('\n');
        text.push_str(&raw_error(raw));
    }
    if let Some(hint) = story.hint() {
        let _ = write!(text, "\nwhat to do: {hint}\n");
    }
    text
}

fn told(story: &Story, access: &Access) -> String {
    let of = &access.of;
    let mut text = format!(
        "{} at {}\n\n",
        story.id,
        or_dash(of.ts.as_deref().map(visible))
    );
    let mut facts = Table::default();
    for (name, value) in facts_of(story, of) {
        facts.add([name.to_owned(), visible(&value)]);
    }
    text.push_str(&facts.text());
    if let Some(steps) = steps(of) {
        text.push('\n');
        text.push_str(&steps.text());
    }
    if story.earlier > 0 {
        let _ = write!(
            text,
            "\n{} earlier with the same id in {}; this is the newest\n",
            counted(story.earlier as u64, "request"),
            access.file.display()
        );
    }
    text
}

fn facts_of(story: &Story, of: &AccessFields) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("asked", asked(of)),
        ("caller", or_dash(of.caller.as_deref())),
        ("route", or_dash(of.route.as_deref())),
        ("lane", or_dash(of.lane.as_deref())),
        ("answer", answer(story, of)),
        ("time", time::of(of)),
        ("tokens", tokens(of)),
        ("bytes", bytes(of)),
        ("generation", or_dash(of.config_generation)),
    ];
    if of.attempts == Some(0) {
        facts.push(("attempts", format!("none: {}", unasked(story, of))));
    }
    if let Some(phase) = &of.phase {
        facts.push(("client left", format!("during {}", phase.replace('_', " "))));
    }
    if let Some(retry) = of.client_retry.filter(|retry| *retry > 0) {
        facts.push(("client retry", format!("number {retry} by its own count")));
    }
    if let Some(events) = of.dropped_events.filter(|events| *events > 0) {
        let events = counted(events, "event");
        facts.push(("left out", format!("{events} that were no JSON")));
    }
    if let Some(skill) = &of.skill {
        facts.push(("skill", skilled(skill, of)));
    }
    facts
}

/// Why no upstream was asked.
fn unasked(story: &Story, of: &AccessFields) -> &'static str {
    match (of.code.as_deref(), story.code()) {
        (Some("ok"), _) => "the gateway itself answers this",
        (_, Some(Code::ClientClosed)) => "the client left before",
        (_, Some(Code::RateLimited)) => "an earlier request's 429 still held",
        _ => "the gateway itself refused it",
    }
}

fn asked(of: &AccessFields) -> String {
    let (method, path) = (or_dash(of.method.as_deref()), or_dash(of.path.as_deref()));
    match of.stream {
        Some(true) => format!("{method} {path}, as a stream"),
        _ => format!("{method} {path}"),
    }
}

fn skilled(skill: &str, of: &AccessFields) -> String {
    let (refused, tokens) = (
        of.refused_answers.unwrap_or(0),
        of.discarded_tokens.unwrap_or(0),
    );
    match (refused, of.answer_fits) {
        (0, Some(false)) => format!("{skill}; the answer doesn't fit, and was out already"),
        (0, _) => skill.to_owned(),
        (refused, _) => {
            let refused = counted(refused, "answer");
            let tokens = counted(tokens, "token");
            format!("{skill}; {refused} refused, {tokens} spent on those tried again")
        }
    }
}

fn answer(story: &Story, of: &AccessFields) -> String {
    let answer = format!("{} {}", or_dash(of.status), or_dash(of.code.as_deref()));
    match story.code() {
        Some(code) => format!("{answer}: {}", code.when()),
        None => answer,
    }
}

fn tokens(of: &AccessFields) -> String {
    let mut tokens = match (of.prompt_tokens, of.completion_tokens) {
        (None, None) => "-".to_owned(),
        (prompt, completion) => format!(
            "{} prompt, {} completion, {}",
            or_dash(prompt),
            or_dash(completion),
            or_dash(of.usage_source.as_deref())
        ),
    };
    if let Some(reason) = &of.finish_reason {
        let _ = write!(tokens, "; finish reason {reason}");
    }
    tokens
}

fn bytes(of: &AccessFields) -> String {
    format!("{} in, {} out", or_dash(of.bytes_in), or_dash(of.bytes_out))
}

/// Attempts and what was waited for between them, as they followed each other.
fn steps(of: &AccessFields) -> Option<Table> {
    let mut table = Table::new(&[
        "ATTEMPT",
        "UPSTREAM",
        "OUTCOME",
        "STATUS",
        "BEGAN AFTER",
        "TOOK",
        "CONNECTION",
    ]);
    let tries = of.tries.iter().flatten().enumerate();
    let tries = tries.map(|(place, attempt)| (attempt.began_seconds, attempt_row(place, attempt)));
    let waits = of.waits.iter().flatten();
    let waits = waits.map(|wait| (wait.began_seconds, wait_row(wait)));
    let mut rows: Vec<(Option<f64>, [String; 7])> = waits.chain(tries).collect();
    // Stable: a wait that took no time stays before what it was for.
    rows.sort_by(|(one, _), (other, _)| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    let some = !rows.is_empty();
    rows.into_iter().for_each(|(_, row)| table.add(row));
    some.then_some(table)
}

fn attempt_row(place: usize, attempt: &Try) -> [String; 7] {
    let connection = match attempt.reused {
        Some(true) => "reused",
        Some(false) => "new",
        None => "-",
    };
    [
        (place + 1).to_string(),
        or_dash(attempt.upstream.as_deref().map(visible)),
        or_dash(attempt.outcome.as_deref().map(visible)),
        or_dash(attempt.status),
        seconds(attempt.began_seconds),
        seconds(attempt.took_seconds),
        connection.to_owned(),
    ]
}

fn wait_row(wait: &Wait) -> [String; 7] {
    let none = || "-".to_owned();
    [
        none(),
        or_dash(wait.upstream.as_deref().map(visible)),
        visible(&waited(wait)),
        none(),
        seconds(wait.began_seconds),
        seconds(wait.took_seconds),
        none(),
    ]
}

/// In words; one of another version by its name.
fn waited(wait: &Wait) -> String {
    let name = wait.what.as_deref().unwrap_or("-");
    let known = WaitFor::ALL.into_iter().find(|it| it.as_str() == name);
    let words = match known {
        Some(WaitFor::Place) => "waited for a place",
        Some(WaitFor::Model) => "waited for its model to load",
        Some(WaitFor::Pace) => "waited: an earlier 429 held",
        Some(WaitFor::RetryAfter) => "waited as it had asked",
        Some(WaitFor::Backoff) => "waited: backoff",
        None => return format!("waited: {name}"),
    };
    words.to_owned()
}

fn raw_error(raw: &Raw) -> String {
    let of = &raw.of;
    let mut text = format!(
        "what {} said to attempt {}: status {}, {}\n",
        or_dash(of.upstream.as_deref().map(visible)),
        or_dash(of.attempt),
        or_dash(of.status),
        match of.content_type.as_deref() {
            None | Some("") => "no content type".to_owned(),
            Some(kind) => visible(kind),
        }
    );
    if let Some(why) = &of.body_omitted {
        let _ = writeln!(text, "{INDENT}(the body was left out: {})", visible(why));
        return text;
    }
    let body = of.body.as_deref().unwrap_or_default();
    let shown = beginning(body);
    for line in shown.lines() {
        let _ = writeln!(text, "{INDENT}{}", visible(line));
    }
    match body.len() - shown.len() {
        0 if body.is_empty() => text.push_str("  (an empty body)\n"),
        0 => {}
        more => {
            let file = raw.file.display();
            let _ = writeln!(text, "{INDENT}… and {more} bytes more, in {file}");
        }
    }
    text
}

fn beginning(body: &str) -> &str {
    let mut end = body.len().min(SHOWN_BODY_BYTES);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    body.get(..end).unwrap_or_default()
}

pub fn seconds(seconds: Option<f64>) -> String {
    or_dash(seconds.map(|seconds| format!("{seconds:.3}s")))
}

fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
