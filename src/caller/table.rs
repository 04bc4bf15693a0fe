//! The callers that are known, and which of them a presented token is.
//!
//! Every look-up does the same work, whichever entry matches and whether one does: all digests are
//! compared, in constant time each. An early exit here would be a leak.

use super::digest::SecretDigest;
use super::entry::Entry;
use super::identity::Caller;
use super::spelling::did_you_mean;
use super::token_file::{entries, TokenMistake};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;
use subtle::{ConditionallySelectable, ConstantTimeEq};

/// A valid token file.
#[derive(Debug, Clone, Default)]
pub struct TokenTable {
    entries: Vec<Entry>,
}

/// Why nobody was identified. Clients are told the same in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No token was presented.
    Missing,
    /// It is no token of ours, or none can be made out.
    Invalid,
    /// It was one.
    Expired,
}

impl TokenTable {
    /// Reads a token file. An empty one is valid and means that nobody may call.
    ///
    /// # Errors
    /// Every mistake, in the order of the lines; none of them repeats a secret.
    pub fn parse(text: &str) -> Result<TokenTable, Vec<TokenMistake>> {
        Ok(TokenTable {
            entries: entries(text)?,
        })
    }

    /// Whose token was presented.
    ///
    /// # Errors
    /// It is nobody's, or it has expired at `now`.
    pub fn identify(&self, presented: &[u8], now: SystemTime) -> Result<Arc<Caller>, Refused> {
        if presented.is_empty() {
            return Err(Refused::Missing);
        }
        let caller = &self.entry_of(presented).ok_or(Refused::Invalid)?.caller;
        if caller.has_expired(now) {
            return Err(Refused::Expired);
        }
        Ok(Arc::clone(caller))
    }

    /// Whose token was presented, whether or not it still counts: for the operator's log, never for the client.
    pub fn owner_of(&self, presented: &[u8]) -> Option<Arc<str>> {
        Some(Arc::clone(&self.entry_of(presented)?.caller.name))
    }

    fn entry_of(&self, presented: &[u8]) -> Option<&Entry> {
        let digest = SecretDigest::of(presented);
        let mut found = u64::MAX;
        for (index, entry) in (0u64..).zip(&self.entries) {
            found.conditional_assign(&index, entry.digest.ct_eq(&digest));
        }
        self.entries.get(usize::try_from(found).ok()?)
    }

    /// The names of all callers, each once.
    pub fn callers(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&str> = self
            .entries
            .iter()
            .map(|entry| &*entry.caller.name)
            .collect();
        names.into_iter()
    }

    /// Whether a caller of this name may send requests to `route`, with any of its tokens.
    pub fn may_invoke(&self, name: &str, route: &str) -> bool {
        let own = self
            .entries
            .iter()
            .filter(|entry| &*entry.caller.name == name);
        own.into_iter().any(|entry| entry.caller.may_invoke(route))
    }

    /// What works but may surprise.
    pub fn warnings(&self) -> Vec<TokenMistake> {
        if self.entries.is_empty() {
            return vec![TokenMistake {
                line: None,
                text: "the file has no caller, so every request is refused; \
                       `sidegate token new NAME --scopes 'invoke:*'` adds one"
                    .to_string(),
            }];
        }
        let of_entry = |entry: &Entry| {
            let line = entry.line;
            let warnings = entry.warnings.clone().into_iter();
            warnings.map(move |text| TokenMistake::at(line, text))
        };
        self.entries.iter().flat_map(of_entry).collect()
    }

    /// The lines whose token has expired at `now`, as warnings.
    pub fn expired(&self, now: SystemTime) -> Vec<TokenMistake> {
        let expired = self
            .entries
            .iter()
            .filter(|entry| entry.caller.has_expired(now));
        expired
            .map(|entry| {
                TokenMistake::at(entry.line, "the token has expired; the line can be deleted")
            })
            .collect()
    }

    /// A text for each scope that names none of `routes`.
    pub fn check_routes(&self, routes: &[&str]) -> Vec<String> {
        let mut texts = Vec::new();
        for entry in &self.entries {
            for route in entry
                .caller
                .scopes
                .routes()
                .filter(|route| !routes.contains(route))
            {
                let near = did_you_mean(route, routes.iter().copied());
                texts.push(format!(
                    "line {}: scope `invoke:{route}` names no route{near}",
                    entry.line
                ));
            }
        }
        texts
    }

    /// A text for each caller that is bound to none of `skills`.
    pub fn check_skills(&self, skills: &[&str]) -> Vec<String> {
        let mut texts = Vec::new();
        for entry in &self.entries {
            if let Some(skill) = entry
                .caller
                .skill
                .as_deref()
                .filter(|skill| !skills.contains(skill))
            {
                let near = did_you_mean(skill, skills.iter().copied());
                texts.push(format!(
                    "line {}: `skill={skill}` names no skill{near}",
                    entry.line
                ));
            }
        }
        texts
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Refused::Missing => "no token was presented",
            Refused::Invalid => "the token is unknown",
            Refused::Expired => "the token has expired",
        })
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests;
