//! What is wrong with a ledger, in words for the log.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The ledger couldn't be used. The gateway goes on with counts at zero.
#[derive(Debug)]
pub struct Problem {
    pub path: PathBuf,
    pub flaw: Flaw,
    /// Where it is now, or why it is still in its place.
    pub kept: io::Result<PathBuf>,
}

/// What is wrong with the file.
#[derive(Debug)]
pub enum Flaw {
    /// There is none, which is nothing wrong.
    Absent,
    Symlink,
    NoRegularFile,
    Owner(u32),
    /// Others may write to it.
    Mode(u32),
    TooLarge,
    CannotRead(io::Error),
    /// Not what is written there, with the place.
    Content(String),
    Version(u64),
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { path, flaw, kept } = self;
        write!(out, "budget ledger {}: it {flaw}; ", path.display())?;
        match kept {
            Ok(kept) => write!(out, "it is kept as {}", kept.display())?,
            Err(error) => write!(out, "it cannot be moved out of the way ({error})")?,
        }
        out.write_str(", and all counts begin at zero")
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Absent => write!(out, "is not there"),
            Flaw::Symlink => write!(out, "is a symlink"),
            Flaw::NoRegularFile => write!(out, "is no regular file"),
            Flaw::Owner(user) => write!(out, "belongs to another user (id {user})"),
            Flaw::Mode(mode) => write!(
                out,
                "has mode {mode:04o}, with which others may write to it"
            ),
            Flaw::TooLarge => write!(out, "is larger than 16MiB"),
            Flaw::CannotRead(error) => write!(out, "cannot be read ({error})"),
            Flaw::Content(what) => write!(out, "is no ledger: {what}"),
            Flaw::Version(version) => write!(
                out,
                "has version {version}, which is not {} of this sidegate",
                super::format::VERSION
            ),
        }
    }
}
