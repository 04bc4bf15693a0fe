//! Reads the whole token file: every mistake at once, with its line.

use super::entry::Entry;
use super::identity::DEFAULT_CALLER;
use super::line::columns;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that is wrong with a token file or, as a warning, that may surprise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenMistake {
    /// Counted from 1; none where it is about the file as a whole.
    pub line: Option<usize>,
    /// Never holds a secret.
    pub text: String,
}

impl TokenMistake {
    pub fn at(line: usize, text: impl Into<String>) -> TokenMistake {
        TokenMistake {
            line: Some(line),
            text: text.into(),
        }
    }
}

impl fmt::Display for TokenMistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(out, "line {line}: ")?;
        }
        out.write_str(&self.text)
    }
}

impl std::error::Error for TokenMistake {}

/// The entries of a valid file, in its order.
pub fn entries(text: &str) -> Result<Vec<Entry>, Vec<TokenMistake>> {
    let (entries, mut mistakes) = readable_entries(text);
    mistakes.extend(repeated_secrets(&entries));
    mistakes.extend(repeated_names(&entries));
    if mistakes.is_empty() {
        return Ok(entries);
    }
    mistakes.sort();
    Err(mistakes)
}

/// The lines that can be read, and what is wrong with the others.
pub fn readable_entries(text: &str) -> (Vec<Entry>, Vec<TokenMistake>) {
    let mut entries = Vec::new();
    let mut mistakes = Vec::new();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let columns = columns(line);
        if columns.is_empty() {
            continue;
        }
        match Entry::parse(number, &columns) {
            Ok(entry) => entries.push(entry),
            Err(texts) => {
                mistakes.extend(texts.into_iter().map(|text| TokenMistake::at(number, text)))
            }
        }
    }
    (entries, mistakes)
}

/// One secret can't say which of two callers it is.
fn repeated_secrets(entries: &[Entry]) -> Vec<TokenMistake> {
    let mut first = BTreeMap::new();
    let mut mistakes = Vec::new();
    for entry in entries {
        let line = *first.entry(&entry.digest).or_insert(entry.line);
        if line != entry.line {
            mistakes.push(TokenMistake::at(
                entry.line,
                format!("the secret is that of line {line}"),
            ));
        }
    }
    mistakes
}

/// A name may have several secrets only while it is rotated: then all but one of them expire.
fn repeated_names(entries: &[Entry]) -> Vec<TokenMistake> {
    let mut lasting = BTreeMap::new();
    let mut mistakes = Vec::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.caller.expires.is_none())
    {
        let name: &str = &entry.caller.name;
        let line = *lasting.entry(name).or_insert(entry.line);
        if line != entry.line {
            mistakes.push(TokenMistake::at(entry.line, same_name(name, line)));
        }
    }
    mistakes
}

fn same_name(name: &str, line: usize) -> String {
    let whose = if name == DEFAULT_CALLER {
        format!("the caller is `{DEFAULT_CALLER}`, as on line {line}; give the second one a name and scopes")
    } else {
        format!("the caller is that of line {line}")
    };
    format!("{whose}; one caller has two tokens only while `expires=` ends one of them")
}
