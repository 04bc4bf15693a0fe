//! What is wrong with a configuration, where, and how that is printed.
//!
//! A text is a lowercase fragment that reads well after "cannot start: ". It never repeats a secret:
//! values reach it only through [`shown`], and secrets are gone from the tree before anything prints.

use std::fmt;
use std::sync::Arc;

/// More mistakes than this are counted, not printed.
const PRINTED_AT_MOST: usize = 100;

/// Longer values are cut in messages.
const SHOWN_CHARACTERS: usize = 80;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line and column of the file, both counted from 1, columns in characters.
    File {
        name: Arc<str>,
        line: usize,
        column: usize,
    },
    /// The file as a whole.
    WholeFile(Arc<str>),
    /// An environment variable.
    Variable(&'static str),
    /// Built in; the text says which default where it depends on something.
    Default(Option<String>),
}

impl Place {
    /// Whether a person wrote the value, rather than us.
    pub fn is_written(&self) -> bool {
        !matches!(self, Place::Default(_))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File { name, line, column } => write!(out, "{name}:{line}:{column}"),
            Place::WholeFile(name) => write!(out, "{name}"),
            Place::Variable(name) => write!(out, "environment variable {name}"),
            Place::Default(None) => write!(out, "default"),
            Place::Default(Some(why)) => write!(out, "default, {why}"),
        }
    }
}

/// One thing that is wrong, or (as a warning) that may surprise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    pub place: Place,
    /// Dotted, such as `routes.chat.targets[0].upstream`; empty for the file as a whole.
    pub path: String,
    pub text: String,
}

impl Mistake {
    pub fn new(place: Place, path: impl Into<String>, text: impl Into<String>) -> Mistake {
        Mistake {
            place,
            path: path.into(),
            text: text.into(),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path)?;
        }
        write!(out, "{}", self.text)
    }
}

/// Everything that is wrong: at least one mistake, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Sorts what was found and drops repetitions; none when there is nothing.
    pub fn from_found(mut found: Vec<Mistake>) -> Option<Mistakes> {
        found.sort();
        found.dedup();
        (!found.is_empty()).then_some(Mistakes(found))
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.0.iter()
    }

    /// How many there are, those that are not printed included.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Mistakes {
        Mistakes(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.0.as_slice() {
            return write!(out, "{only}");
        }
        write!(out, "{} mistakes in the configuration:", self.0.len())?;
        for mistake in self.0.iter().take(PRINTED_AT_MOST) {
            write!(out, "\n{mistake}")?;
        }
        match self.0.len().saturating_sub(PRINTED_AT_MOST) {
            0 => Ok(()),
            more => write!(out, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Mistakes {}

/// Why a small parser refuses a text; the caller adds the value and what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Reads well after the value: "has no unit".
    pub why: String,
    /// What was probably meant.
    pub instead: Option<String>,
}

impl Refusal {
    pub fn new(why: impl Into<String>) -> Refusal {
        Refusal {
            why: why.into(),
            instead: None,
        }
    }

    pub fn or(mut self, instead: impl Into<String>) -> Refusal {
        self.instead = Some(instead.into());
        self
    }
}

/// A value in backticks for a message: cut when long, control characters escaped.
pub fn shown(value: &str) -> String {
    let mut text = String::from("`");
    for (count, letter) in value.chars().enumerate() {
        if count == SHOWN_CHARACTERS {
            text.push('…');
            break;
        }
        if letter.is_control() {
            text.extend(letter.escape_default());
        } else {
            text.push(letter);
        }
    }
    text.push('`');
    text
}

/// Names for a message: "a, b, c"; a long list is cut.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const AT_MOST: usize = 30;
    let mut names: Vec<String> = names.into_iter().map(plain).collect();
    let more = names.len().saturating_sub(AT_MOST);
    names.truncate(AT_MOST);
    let mut text = names.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// A name as part of a path or list: like [`shown`], without the backticks.
pub fn plain(name: &str) -> String {
    shown(name).trim_matches('`').to_string()
}
