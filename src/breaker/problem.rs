//! Why the breaker file isn't what it should be, in words for whoever reads the log at night.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::layout::{FILE_BYTES, VERSION};

/// Something was wrong with the file. The gateway goes on all the same.
#[derive(Debug)]
pub enum Problem {
    /// A bad file was set aside and a new one made: shared, and every breaker closed.
    Replaced {
        path: PathBuf,
        flaw: Flaw,
        kept: PathBuf,
    },
    /// The breakers are in this process's own memory.
    NotShared { path: PathBuf, why: Why },
}

/// Why there is no file to share.
#[derive(Debug)]
pub enum Why {
    /// The system doesn't say which boot this is, so moments in a file mean nothing.
    NoBootId,
    /// Another process has been opening it for too long.
    Busy,
    /// It is bad, and can't be moved out of the way.
    CannotSetAside { flaw: Flaw, error: io::Error },
    /// What was written comes back otherwise: a file system without modes, or a stranger at work.
    StillBad(Flaw),
    /// The system refused to do something.
    System {
        doing: &'static str,
        error: io::Error,
    },
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Flaw {
    Symlink,
    Folder,
    NoRegularFile,
    CannotOpen(io::Error),
    Owner(u32),
    Mode(u32),
    HardLinks(u64),
    Size(u64),
    Magic,
    /// Version and number of slots.
    Layout {
        version: u32,
        slots: u32,
    },
}

impl Problem {
    /// How it ends: whether the breakers are shared all the same.
    pub fn is_shared(&self) -> bool {
        matches!(self, Problem::Replaced { .. })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Replaced { path, flaw, kept } => write!(
                out,
                "breaker file {}: it {flaw}; it is kept as {}, and a new one with all breakers closed is in its place",
                path.display(),
                kept.display()
            ),
            Problem::NotShared { path, why } => write!(
                out,
                "breaker file {}: {why}; breakers work, but no other process shares them and a restart forgets them",
                path.display()
            ),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::NoBootId => write!(out, "the system doesn't say when it was started"),
            Why::Busy => write!(out, "another process holds its lock and doesn't let go"),
            Why::CannotSetAside { flaw, error } => {
                write!(
                    out,
                    "it {flaw}, and cannot be moved out of the way: {error}"
                )
            }
            Why::StillBad(flaw) => write!(out, "a new one {flaw} as soon as it is made"),
            Why::System { doing, error } => write!(out, "cannot {doing}: {error}"),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Symlink => write!(out, "is a symlink"),
            Flaw::Folder => write!(out, "is a folder"),
            Flaw::NoRegularFile => write!(out, "is no regular file"),
            Flaw::CannotOpen(error) => write!(out, "cannot be opened ({error})"),
            Flaw::Owner(user) => write!(out, "belongs to another user (id {user})"),
            Flaw::Mode(mode) => write!(out, "has mode {mode:04o} instead of 0600"),
            Flaw::HardLinks(count) => write!(out, "has {count} names (hard links) instead of one"),
            Flaw::Size(bytes) => write!(out, "has {bytes} bytes instead of {FILE_BYTES}"),
            Flaw::Magic => write!(out, "doesn't begin as a breaker file does"),
            Flaw::Layout { version, slots } => write!(
                out,
                "has layout {version} with {slots} slots, not layout {VERSION} of this sidegate"
            ),
        }
    }
}
