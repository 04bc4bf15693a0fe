//! What the placeholders of the templates stand for on this machine.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the process needs after its drain: last events, log files.
const AFTER_DRAIN: u64 = 10;

/// What is known of the machine and the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// This program.
    pub program: &'a Path,
    pub config: &'a Path,
    /// The home folder of whoever it runs as.
    pub home: &'a Path,
    /// The folder for what launchd catches of stdout and stderr.
    pub output: &'a Path,
    /// The folder of the nightly look at the disks.
    pub archive: &'a Path,
    /// The account that it runs as; none where it belongs to a login.
    pub account: Option<&'a str>,
    pub drain: Duration,
    /// The folder that the gateway keeps its state in.
    pub state_dir: &'a Path,
    /// Where one is asked for.
    pub model_server: Option<&'a ModelServer>,
}

/// A model server of the vLLM kind: `PROGRAM serve MODEL --host 127.0.0.1 --port PORT …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelServer {
    pub program: PathBuf,
    /// As the program is told: a name, or the whole path of a folder.
    pub model: String,
    pub port: u16,
    /// What else it is told.
    pub more: Vec<String>,
}

/// What one placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(u64),
    /// Any number of words, where one stands in the template.
    Words(Vec<String>),
    /// The entry that asks for it isn't written.
    LeftOut,
}

/// Every placeholder that templates may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(BTreeMap<&'static str, Value>);

/// Why a fact can't stand in a file of the supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    what: &'static str,
    value: String,
    why: &'static str,
}

impl Values {
    /// # Errors
    /// Everything that can't be written, at once: a supervisor has no folder that a relative path could start from, and
    /// its files are text.
    pub fn try_new(facts: &Facts) -> Result<Values, Vec<Unfit>> {
        let mut wrong = Vec::new();
        let mut path = |what, value: &Path| {
            let text = value.to_str().map(str::to_owned);
            let text = text.ok_or_else(|| unfit(what, &value.to_string_lossy(), "is not UTF-8"));
            let text = text.and_then(|text| fit(what, text));
            text.map_or_else(
                |unfit| {
                    wrong.push(unfit);
                    Value::LeftOut
                },
                Value::Text,
            )
        };
        let mut values = BTreeMap::from([
            ("SIDEGATE", path("this program", facts.program)),
            ("CONFIG", path("the configuration", facts.config)),
            ("HOME", path("the home folder", facts.home)),
            ("OUTPUT", path("the folder for output", facts.output)),
            ("ARCHIVE", path("the archive", facts.archive)),
            ("STATE_DIR", path("the state folder", facts.state_dir)),
        ]);
        let server = facts.model_server;
        let program = server.map(|server| path("the model server", &server.program));
        values.insert("SERVER", program.unwrap_or(Value::LeftOut));
        values.extend(server.into_iter().flat_map(words_of));
        wrong.extend(server.into_iter().flat_map(unfit_words));
        let account = facts.account.map(str::to_owned);
        values.insert("USER", account.map_or(Value::LeftOut, Value::Text));
        let target = match facts.account {
            Some(_) => "multi-user.target",
            None => "default.target",
        };
        values.insert("WANTED_BY", Value::Text(target.to_owned()));
        values.insert("EXIT_SECONDS", Value::Number(exit_seconds(facts.drain)));
        match wrong.is_empty() {
            true => Ok(Values(values)),
            false => Err(wrong),
        }
    }

    /// None for a name that no template may use.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    #[cfg(test)]
    pub fn from_pairs(pairs: &[(&'static str, Value)]) -> Values {
        Values(pairs.iter().cloned().collect())
    }
}

fn words_of(server: &ModelServer) -> [(&'static str, Value); 3] {
    [
        ("MODEL", Value::Text(server.model.clone())),
        ("PORT", Value::Text(server.port.to_string())),
        ("MORE", Value::Words(server.more.clone())),
    ]
}

fn unfit_words(server: &ModelServer) -> Vec<Unfit> {
    let words = std::iter::once(&server.model).chain(&server.more);
    let wrong = words.filter(|word| word.chars().any(char::is_control));
    let why = "has a control character in it";
    wrong
        .map(|word| unfit("a word of the model server", word, why))
        .collect()
}

/// Seconds from SIGTERM to SIGKILL.
fn exit_seconds(drain: Duration) -> u64 {
    let started = u64::from(drain.subsec_nanos() > 0);
    drain
        .as_secs()
        .saturating_add(started)
        .saturating_add(AFTER_DRAIN)
}

fn fit(what: &'static str, text: String) -> Result<String, Unfit> {
    if text.chars().any(char::is_control) {
        return Err(unfit(what, &text, "has a control character in it"));
    }
    if !text.starts_with('/') {
        return Err(unfit(what, &text, "is not a whole path"));
    }
    Ok(text)
}

fn unfit(what: &'static str, value: &str, why: &'static str) -> Unfit {
    let value = value.escape_debug().to_string();
    Unfit { what, value, why }
}

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {} {}", self.what, self.value, self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(program: &'a Path, config: &'a Path) -> Facts<'a> {
        Facts {
            program,
            config,
            home: Path::new("/home/us"),
            output: Path::new("/home/us/Library/Logs/sidegate"),
            archive: Path::new("/home/us/.sidegate/disk"),
            account: None,
            drain: Duration::from_secs(15),
            state_dir: Path::new("/home/us/.sidegate"),
            model_server: None,
        }
    }

    #[test]
    fn the_supervisor_waits_longer_than_the_drain() {
        assert_eq!(exit_seconds(Duration::from_secs(15)), 25);
        assert_eq!(exit_seconds(Duration::from_millis(15_001)), 26);
        assert!(exit_seconds(Duration::MAX) >= Duration::MAX.as_secs());
    }

    #[test]
    fn an_account_decides_what_starts_it() {
        let mut facts = facts(Path::new("/bin/sidegate"), Path::new("/c.yaml"));
        let target = |facts: &Facts| Values::try_new(facts).unwrap().get("WANTED_BY").cloned();
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        assert_eq!(target(&facts), text("default.target"));
        facts.account = Some("gateway");
        assert_eq!(target(&facts), text("multi-user.target"));
        assert_eq!(
            Values::try_new(&facts).unwrap().get("USER").cloned(),
            text("gateway")
        );
    }

    #[test]
    fn words_that_no_line_can_hold_are_refused() {
        let server = ModelServer {
            program: PathBuf::from("/bin/vllm"),
            model: "m".to_owned(),
            port: 8000,
            more: vec!["--a\nUser=root".to_owned()],
        };
        let mut facts = facts(Path::new("/bin/sidegate"), Path::new("/c.yaml"));
        facts.model_server = Some(&server);
        let wrong = Values::try_new(&facts).unwrap_err();
        assert_eq!(
            wrong[0].to_string(),
            "a word of the model server: --a\\nUser=root has a control character in it"
        );
    }

    #[test]
    fn all_that_cannot_be_written_is_said_at_once() {
        let wrong = Values::try_new(&facts(Path::new("bin/sidegate"), Path::new("/a\nb")));
        let texts: Vec<String> = wrong.unwrap_err().iter().map(Unfit::to_string).collect();
        assert_eq!(
            texts,
            [
                "this program: bin/sidegate is not a whole path",
                "the configuration: /a\\nb has a control character in it"
            ]
        );
    }
}
