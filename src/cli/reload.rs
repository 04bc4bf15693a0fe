//! `sidegate reload`: the running gateway reads everything again, and says what changed or what is wrong.

use serde::Deserialize;

use super::live::{self, Silence};
use super::output::{complain, show};
use super::{Context, Exit};

/// What a reload came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum Reload {
    Ok {
        generation: u64,
        changes: Vec<Change>,
        pending_restart: Vec<String>,
    },
    Rejected {
        mistakes: Vec<String>,
    },
}

#[derive(Debug, Deserialize)]
pub struct Change {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

pub fn run(context: &Context) -> Exit {
    match ask(context) {
        Ok(Reload::Ok {
            generation,
            changes,
            pending_restart,
        }) => {
            show(&text(generation, &changes, &pending_restart));
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

fn text(generation: u64, changes: &[Change], pending: &[String]) -> String {
    let mut text = match changes.len() {
        0 => format!(
            "generation {generation} serves; no value changed, tokens and keys were read again\n"
        ),
        1 => format!("generation {generation} serves; 1 value changed:\n"),
        count => format!("generation {generation} serves; {count} values changed:\n"),
    };
    for Change { key, before, after } in changes {
        let line = match (before, after) {
            (Some(before), Some(after)) => format!("  {key}: {before} -> {after}\n"),
            (None, Some(after)) => format!("  {key}: {after} (new)\n"),
            (Some(before), None) => format!("  {key}: {before} (gone)\n"),
            (None, None) => continue,
        };
        text.push_str(&line);
    }
    if !pending.is_empty() {
        text.push_str(&format!(
            "taken only by a restart: {}\n",
            pending.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: Option<&str>, after: Option<&str>) -> Change {
        Change {
            key: "routes.chat.max_tokens".to_owned(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        }
    }

    #[test]
    fn every_change_is_a_line() {
        let changes = [
            change(Some("1"), Some("2")),
            change(None, Some("2")),
            change(Some("1"), None),
        ];
        let said = "generation 4 serves; 3 values changed:\n  routes.chat.max_tokens: 1 -> 2\n  \
                    routes.chat.max_tokens: 2 (new)\n  routes.chat.max_tokens: 1 (gone)\ntaken only by a restart: listen\n";
        assert_eq!(text(4, &changes, &["listen".to_owned()]), said);
    }

    #[test]
    fn a_reload_without_a_change_says_so() {
        assert!(text(2, &[], &[]).contains("no value changed"));
    }
}
