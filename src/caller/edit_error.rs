//! Why the token file was not changed, in words for whoever ran the command.

use super::spelling::NAME_ACCEPTS;
use super::token_file::TokenMistake;
use super::token_store::MOST_BYTES;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// The file is refused, as it is or as it would become.
    Mistakes(Vec<TokenMistake>),
    BadName,
    BadSkill,
    NameTaken {
        name: String,
        line: usize,
    },
    UnknownName {
        name: String,
        near: Option<String>,
    },
    /// A new secret would share the old one's end, which has passed.
    Expired {
        name: String,
    },
    /// The file can't express such a time.
    BadTime,
}

/// Why the file is as it was.
#[derive(Debug)]
pub enum StoreError {
    /// A symbolic link: what it points at may be anybody's.
    Symlink(PathBuf),
    /// A folder, device, or a path without a file name.
    NotAFile(PathBuf),
    /// Replacing it would take it away from the user that runs the gateway.
    OwnedBy {
        path: PathBuf,
        user: u32,
    },
    TooLarge(PathBuf),
    NotText(PathBuf),
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    Edit(EditError),
}

impl fmt::Display for EditError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EditError::Mistakes(mistakes) => {
                out.write_str("the token file is not valid:")?;
                mistakes.iter().try_for_each(|mistake| write!(out, "\n{mistake}"))
            }
            EditError::BadName => write!(out, "that is no caller's name: {NAME_ACCEPTS}, not `none`, and nothing like a secret"),
            EditError::BadSkill => write!(out, "that is no skill's name: {NAME_ACCEPTS}"),
            EditError::NameTaken { name, line } => write!(
                out,
                "there is a caller `{name}` already, on line {line}; `sidegate token rotate {name}` gives it a new secret"
            ),
            EditError::UnknownName { name, near } => {
                write!(out, "there is no caller `{}`", name.escape_debug())?;
                near.iter().try_for_each(|near| write!(out, "; did you mean `{near}`?"))
            }
            EditError::Expired { name } => write!(
                out,
                "the token of `{name}` has expired; revoke it and make a new one: `sidegate token revoke {name}`"
            ),
            EditError::BadTime => out.write_str("the time is too far away to be written"),
        }
    }
}

impl std::error::Error for EditError {}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Symlink(path) => write!(
                out,
                "{} is a symbolic link; name the file itself in `callers.token_file`",
                path.display()
            ),
            StoreError::NotAFile(path) => write!(out, "{} is no regular file", path.display()),
            StoreError::OwnedBy { path, user } => write!(
                out,
                "{} belongs to user {user}; run this as that user",
                path.display()
            ),
            StoreError::TooLarge(path) => {
                write!(
                    out,
                    "{} has more than {} MiB",
                    path.display(),
                    MOST_BYTES >> 20
                )
            }
            StoreError::NotText(path) => write!(out, "{} is no UTF-8 text", path.display()),
            StoreError::Io {
                doing,
                path,
                source,
            } => write!(out, "cannot {doing} {}: {source}", path.display()),
            StoreError::Edit(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Io { source, .. } => Some(source),
            StoreError::Edit(error) => error.source(),
            _ => None,
        }
    }
}
