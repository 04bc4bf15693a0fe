//! What the last run came to, kept for `sidegate doctor --snapshot`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;

use super::answer::Served;
use crate::platform;
use crate::record::rfc3339;

/// One alias.
#[derive(Debug, Serialize)]
pub struct Row {
    alias: String,
    route: String,
    /// `ok`, or the failure's code.
    result: String,
    seconds: f64,
    upstream: Option<String>,
}

#[derive(Serialize)]
struct Results<'a> {
    at: String,
    aliases: &'a [Row],
}

impl Row {
    /// What the upstream calls the model is left out: it is the upstream's text.
    pub fn new(alias: &str, route: &str, result: &str, took: Duration, served: &Served) -> Row {
        Row {
            alias: alias.to_owned(),
            route: route.to_owned(),
            result: result.to_owned(),
            seconds: took.as_secs_f64(),
            upstream: served.upstream.clone(),
        }
    }
}

fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("run/smoke.json")
}

/// Keeps it for the next snapshot; where that can't be, nothing is lost.
pub fn keep(state_dir: &Path, now: SystemTime, rows: &[Row]) {
    let results = Results {
        at: rfc3339(now),
        aliases: rows,
    };
    let text = serde_json::to_string(&results).unwrap_or_default();
    let _ = platform::replace_file(&file(state_dir), &format!("{text}\n"));
}

/// Of the last run; none where there was none.
pub fn last_results(state_dir: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(file(state_dir)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_found_again() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(last_results(home.path()), None);
        std::fs::create_dir(home.path().join("run")).unwrap();
        let served = Served {
            upstream: Some("a".to_owned()),
            model: Some("whatever it says".to_owned()),
        };
        let row = Row::new("m", "chat", "ok", Duration::from_millis(1500), &served);
        keep(home.path(), SystemTime::UNIX_EPOCH, &[row]);
        let found = last_results(home.path()).unwrap();
        assert_eq!(found["at"], "1970-01-01T00:00:00.000Z");
        let expected = serde_json::json!(
            [{"alias": "m", "route": "chat", "result": "ok", "seconds": 1.5, "upstream": "a"}]);
        assert_eq!(found["aliases"], expected);
    }
}
