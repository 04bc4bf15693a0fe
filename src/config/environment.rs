//! The environment variables that mean something to us, read once.
//!
//! It is a value that is handed around, so that a test says what the environment is. A variable that
//! is set to nothing counts as not set.

use std::collections::BTreeMap;
use std::ffi::OsString;

pub const HOME: &str = "HOME";
pub const CONFIG: &str = "SIDEGATE_CONFIG";
pub const BASE_URL: &str = "OPENAI_BASE_URL";
pub const KEY_FILE: &str = "OPENAI_API_KEY_FILE";
/// Never read: only whether it is set, to say that it is not.
pub const KEY: &str = "OPENAI_API_KEY";
pub const PORT: &str = "OPENCLAW_GATEWAY_PORT";
pub const TOKEN_FILE: &str = "OPENCLAW_TOKEN_FILE";
pub const RETRY_MAX: &str = "SKILL_RETRY_MAX";
pub const RETRY_BASE: &str = "SKILL_RETRY_BASE_MS";
pub const THRESHOLD: &str = "CIRCUIT_FAILURE_THRESHOLD";
pub const COOL_DOWN: &str = "CIRCUIT_COOL_DOWN_SEC";

const KNOWN: [&str; 11] = [
    HOME, CONFIG, BASE_URL, KEY_FILE, KEY, PORT, TOKEN_FILE, RETRY_MAX, RETRY_BASE, THRESHOLD,
    COOL_DOWN,
];

/// What is set, of the variables above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<&'static str, String>,
    /// Set, but not to UTF-8.
    unreadable: Vec<&'static str>,
}

impl Environment {
    /// Reads the process's environment. Only `main` and the commands do that.
    pub fn from_process() -> Environment {
        let mut environment = Environment::default();
        for name in KNOWN {
            if let Some(value) = std::env::var_os(name) {
                environment.set(name, value);
            }
        }
        environment
    }

    /// An environment of exactly these variables; other names mean nothing to us and are dropped.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in pairs {
            if let Some(known) = KNOWN.iter().find(|known| **known == name) {
                environment.set(known, OsString::from(value));
            }
        }
        environment
    }

    /// The user's home folder, as HOME has it.
    pub fn home(&self) -> Option<&str> {
        self.get(HOME)
    }

    /// The variables that override a file's values, where they are set. Whatever a supervisor starts sees none of them.
    pub fn overriding(&self) -> Vec<&'static str> {
        let names = [
            PORT, TOKEN_FILE, RETRY_MAX, RETRY_BASE, THRESHOLD, COOL_DOWN,
        ];
        let is_set = |name: &&str| self.get(name).is_some();
        names.into_iter().filter(is_set).collect()
    }

    /// `OPENAI_BASE_URL`, whoever it is meant for.
    pub fn base_url(&self) -> Option<&str> {
        self.get(BASE_URL)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    pub(super) fn unreadable(&self) -> &[&'static str] {
        &self.unreadable
    }

    fn set(&mut self, name: &'static str, value: OsString) {
        match value.into_string() {
            Ok(value) if value.is_empty() => {}
            Ok(_) if name == KEY => {
                self.variables.insert(name, "(set)".to_string());
            }
            Ok(value) => {
                self.variables.insert(name, value);
            }
            Err(_) => self.unreadable.push(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_variables_with_a_value_are_kept() {
        let environment = Environment::from_pairs([(PORT, "1"), (TOKEN_FILE, ""), ("OTHER", "x")]);
        assert_eq!(environment.get(PORT), Some("1"));
        assert_eq!(environment.get(TOKEN_FILE), None);
        assert_eq!(environment.get("OTHER"), None);
    }

    #[test]
    fn a_key_in_the_environment_is_never_kept() {
        let environment = Environment::from_pairs([(KEY, "sk-very-secret")]);
        assert!(!format!("{environment:?}").contains("very-secret"));
    }
}
