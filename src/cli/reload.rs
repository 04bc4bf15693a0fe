//! `sidegate reload`: the running gateway reads everything again, and says what changed or what is wrong.

use std::time::Duration;

use serde::Deserialize;

use super::live::{self, Silence};
use super::output::{complain, show};
use super::{Context, Exit};
use crate::config::print_duration;

/// What a reload came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Reload {
    Ok(Taken),
    Rejected { mistakes: Vec<String> },
}

#[derive(Debug, Deserialize)]
pub struct Taken {
    pub generation: u64,
    changes: Vec<Change>,
    pending_restart: Vec<String>,
    /// Where nothing changed now: what did before.
    earlier: Option<Earlier>,
}

#[derive(Debug, Deserialize)]
struct Earlier {
    generation: u64,
    seconds_ago: u64,
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
struct Change {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

pub fn run(context: &Context) -> Exit {
    match ask(context) {
        Ok(Reload::Ok(taken)) => {
            show(&text(&taken));
            Exit::Done
        }
        Ok(Reload::Rejected { mistakes }) => {
            complain("not taken; the gateway goes on with what it had:");
            mistakes.iter().for_each(|mistake| complain(mistake));
            Exit::Configuration
        }
        Err(silence) => live::explain(context, &silence),
    }
}

/// Makes the gateway of this configuration read everything again.
///
/// # Errors
/// No gateway answers.
pub fn ask(context: &Context) -> Result<Reload, Silence> {
    let reply = live::ask(context, "POST", "/reload")?;
    live::read(context, &reply)
}

fn text(taken: &Taken) -> String {
    let generation = taken.generation;
    let mut text = match (&taken.changes[..], &taken.earlier) {
        ([], None) => format!("generation {generation} serves; no value changed, tokens and keys were read again\n"),
        // The gateway had noticed the saved file by itself.
        ([], Some(earlier)) => format!(
            "generation {generation} serves; no value changed since generation {}, taken {} ago, which changed {}:\n{}",
            earlier.generation,
            print_duration(Duration::from_secs(earlier.seconds_ago)),
            counted(&earlier.changes),
            lines(&earlier.changes),
        ),
        (changes, _) => format!(
            "generation {generation} serves, which changed {}:\n{}",
            counted(changes),
            lines(changes)
        ),
    };
    if !taken.pending_restart.is_empty() {
        let keys = taken.pending_restart.join(", ");
        text.push_str(&format!("taken only by a restart: {keys}\n"));
    }
    text
}

fn counted(changes: &[Change]) -> String {
    match changes.len() {
        1 => "1 value".to_owned(),
        count => format!("{count} values"),
    }
}

fn lines(changes: &[Change]) -> String {
    let line = |Change { key, before, after }: &Change| match (before, after) {
        (Some(before), Some(after)) => format!("  {key}: {before} -> {after}\n"),
        (None, Some(after)) => format!("  {key}: {after} (new)\n"),
        (Some(before), None) => format!("  {key}: {before} (gone)\n"),
        (None, None) => String::new(),
    };
    changes.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(answer: &str) -> String {
        match serde_json::from_str(answer).unwrap() {
            Reload::Ok(taken) => text(&taken),
            Reload::Rejected { mistakes } => mistakes.join("\n"),
        }
    }

    #[test]
    fn every_change_is_a_line() {
        let answer = r#"{"result": "ok", "generation": 4, "pending_restart": ["listen"], "earlier": null, "changes": [
            {"key": "a", "before": "1", "after": "2"}, {"key": "b", "before": null, "after": "2"},
            {"key": "c", "before": "1", "after": null}]}"#;
        let text = "generation 4 serves, which changed 3 values:\n  a: 1 -> 2\n  b: 2 (new)\n  c: 1 (gone)\n\
                    taken only by a restart: listen\n";
        assert_eq!(said(answer), text);
    }

    #[test]
    fn what_the_gateway_took_by_itself_is_shown_too() {
        let answer = r#"{"result": "ok", "generation": 5, "pending_restart": [], "changes": [],
            "earlier": {"generation": 4, "seconds_ago": 3, "changes": [{"key": "a", "before": "1", "after": "2"}]}}"#;
        let text = "generation 5 serves; no value changed since generation 4, taken 3s ago, which changed 1 value:\n  \
                    a: 1 -> 2\n";
        assert_eq!(said(answer), text);
    }

    #[test]
    fn a_reload_without_any_change_says_so() {
        let answer = r#"{"result": "ok", "generation": 2, "pending_restart": [], "changes": [], "earlier": null}"#;
        assert!(said(answer).contains("no value changed"));
    }

    #[test]
    fn mistakes_are_read() {
        assert_eq!(said(r#"{"result": "rejected", "mistakes": ["x"]}"#), "x");
    }
}
