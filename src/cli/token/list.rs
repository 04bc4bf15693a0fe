//! `sidegate token list`: who may call, and what. Never a secret, nor its hash.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;

use super::TokenFile;
use crate::caller::{list, read_token_file, Row, TokenTable};
use crate::cli::output::{complain, show};
use crate::cli::table::{or_dash, Table};
use crate::cli::Exit;
use crate::clock;

#[derive(clap::Args)]
pub struct Arguments {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    scopes: String,
    expires: Option<String>,
    expired: bool,
    skill: Option<String>,
    hashed: bool,
    line: usize,
}

pub fn run(file: &TokenFile, arguments: &Arguments) -> Exit {
    let path = file.path.display();
    let text = match read_token_file(&file.path) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let advice = "`sidegate token new NAME --scopes 'invoke:*'` makes it";
            complain(&format!("sidegate: there is no {path}; {advice}"));
            return Exit::Failure;
        }
        Err(error) => {
            complain(&format!("sidegate: {error}"));
            return Exit::Failure;
        }
    };
    let now = clock::wall();
    let rows: Vec<Shown> = list(&text).into_iter().map(|row| shown(row, now)).collect();
    show(&match arguments.json {
        true => json(&rows),
        false => table(&rows),
    });
    match TokenTable::parse(&text) {
        Ok(_) => Exit::Done,
        Err(mistakes) => {
            complain(&format!("{path} is not valid, so no gateway takes it:"));
            mistakes
                .iter()
                .for_each(|mistake| complain(&mistake.to_string()));
            Exit::Configuration
        }
    }
}

fn shown(row: Row, now: SystemTime) -> Shown {
    Shown {
        name: row.name,
        scopes: row.scopes.to_string(),
        expires: row.expires.map(in_utc),
        expired: row.expires.is_some_and(|end| end <= now),
        skill: row.skill,
        hashed: row.hashed,
        line: row.line,
    }
}

fn json(rows: &[Shown]) -> String {
    let mut text = serde_json::to_string_pretty(rows).unwrap_or_default();
    text.push('\n');
    text
}

fn table(rows: &[Shown]) -> String {
    let mut table = Table::new(&["NAME", "SCOPES", "EXPIRES", "SKILL", "KEPT AS", "LINE"]);
    for row in rows {
        let expires = match (&row.expires, row.expired) {
            (Some(end), true) => format!("{end} (over)"),
            (end, _) => or_dash(end.clone()),
        };
        table.add([
            row.name.clone(),
            row.scopes.clone(),
            expires,
            or_dash(row.skill.clone()),
            if row.hashed {
                "hash"
            } else {
                "the secret itself"
            }
            .to_owned(),
            row.line.to_string(),
        ]);
    }
    table.text()
}

fn in_utc(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| "far away".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_list_shows_no_secret_and_says_what_is_over() {
        let text = "agent  a-secret-of-some-length-here  invoke:chat  expires=1970-01-01T00:00:09Z\nold-style-secret-of-some-length\n";
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let rows: Vec<Shown> = list(text).into_iter().map(|row| shown(row, now)).collect();
        let table = table(&rows);
        assert!(table.contains("1970-01-01T00:00:09Z (over)"));
        assert!(table.contains("default"));
        assert!(!table.contains("of-some-length") && !json(&rows).contains("of-some-length"));
    }
}
