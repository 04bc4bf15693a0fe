//! Why something could not be done.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::fill::BadTemplate;

/// Each says what it was about and what would help.
#[derive(Debug)]
pub enum Trouble {
    /// A file stands where ours would, and it has no mark.
    NotOurs(PathBuf),
    File {
        path: PathBuf,
        error: io::Error,
    },
    /// The supervisor's command can't be run at all.
    Tool {
        command: String,
        error: io::Error,
    },
    /// It was run and said no.
    Refused {
        command: String,
        answer: String,
        advice: Option<&'static str>,
    },
    /// It should have come to something by now.
    Late {
        what: String,
    },
    Template(BadTemplate),
}

impl Trouble {
    pub fn file(path: impl Into<PathBuf>, error: io::Error) -> Trouble {
        let path = path.into();
        Trouble::File { path, error }
    }
}

impl From<BadTemplate> for Trouble {
    fn from(template: BadTemplate) -> Trouble {
        Trouble::Template(template)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NotOurs(path) => write!(
                out,
                "{} was not written by `sidegate service install`, so it is left alone; move it away first",
                path.display()
            ),
            Trouble::File { path, error } => write!(out, "{}: {error}", path.display()),
            Trouble::Tool { command, error } => write!(out, "cannot run `{command}`: {error}"),
            Trouble::Refused { command, answer, advice } => {
                write!(out, "`{command}` says: {answer}")?;
                advice.map_or(Ok(()), |advice| write!(out, "; {advice}"))
            }
            Trouble::Late { what } => write!(out, "{what}"),
            Trouble::Template(bad) => write!(out, "a template of this program is broken: {bad}"),
        }
    }
}
