//! The text of the ledger: JSON, so that a person can read it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::problem::Flaw;
use crate::budget::account::{window_word, Kind, Scope, WINDOWS};
use crate::budget::books::PastCount;
use crate::budget::meter::{Key, MOST};

pub const VERSION: u64 = 1;

/// What the file says.
#[derive(Debug, PartialEq)]
pub struct Content {
    pub gateway: String,
    pub past: Vec<PastCount>,
}

/// Of every version; of a newer one no more can be said.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u64,
    gateway: String,
    counts: Vec<Count>,
}

#[derive(Serialize, Deserialize)]
struct Count {
    scope: String,
    name: String,
    kind: String,
    window: String,
    /// Seconds since 1970.
    start: u64,
    /// Used and reserved.
    used: u64,
}

/// Reads a ledger; all of it or nothing.
pub fn parse(text: &str) -> Result<Content, Flaw> {
    let head: Head = serde_json::from_str(text).map_err(malformed)?;
    if head.version != VERSION {
        return Err(Flaw::Version(head.version));
    }
    let file: File = serde_json::from_str(text).map_err(malformed)?;
    if !is_name(&file.gateway) {
        return Err(Flaw::Content("the gateway's name is none".to_owned()));
    }
    let past: Option<Vec<PastCount>> = file.counts.into_iter().map(past_count).collect();
    Ok(Content {
        gateway: file.gateway,
        past: past.ok_or_else(|| Flaw::Content("it counts what it can't".to_owned()))?,
    })
}

pub fn text(gateway: &str, past: &[PastCount]) -> String {
    let file = File {
        version: VERSION,
        gateway: gateway.to_owned(),
        counts: past.iter().map(count).collect(),
    };
    // Strings and numbers: there is nothing that JSON couldn't say.
    serde_json::to_string(&file).unwrap_or_default()
}

/// Where, not what: the text may be anything.
fn malformed(error: serde_json::Error) -> Flaw {
    let (line, column) = (error.line(), error.column());
    Flaw::Content(format!("line {line}, column {column}"))
}

fn is_name(gateway: &str) -> bool {
    gateway.len() == 16 && gateway.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn count(past: &PastCount) -> Count {
    Count {
        scope: past.key.scope.as_str().to_owned(),
        name: past.key.name.to_string(),
        kind: past.key.kind.as_str().to_owned(),
        window: window_word(past.key.window).to_owned(),
        start: past.start,
        used: past.used,
    }
}

fn past_count(count: Count) -> Option<PastCount> {
    let key = Key {
        scope: Scope::ALL
            .into_iter()
            .find(|it| it.as_str() == count.scope)?,
        name: Arc::from(count.name),
        kind: Kind::ALL.into_iter().find(|it| it.as_str() == count.kind)?,
        window: WINDOWS
            .into_iter()
            .find(|it| window_word(*it) == count.window)?,
    };
    Some(PastCount {
        key,
        start: count.start,
        used: count.used.min(MOST),
    })
}
