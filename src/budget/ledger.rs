//! The counts on disk: written whole about once a second, read at the start.
//!
//! A crash of the process forgets what came after the last save. The file isn't forced onto the disk, which would cost a
//! flush of the drive's cache every second; after a loss of power an older one, or none, may be there. A file that can't be
//! used is set aside, and counts begin at zero: a gateway that doesn't start helps nobody.

mod file;
mod format;
mod problem;

use std::path::{Path, PathBuf};

use super::books::PastCount;
use format::Content;

pub use problem::{Flaw, Problem};

/// The file, and what is in it.
#[derive(Debug)]
pub struct Ledger {
    /// None: nothing is kept.
    path: Option<PathBuf>,
    /// This gateway's name among those that share counts: 16 hexadecimal digits.
    gateway: String,
    /// The state of the counts that the file shows; none when it must be written in any case.
    saved: Option<u64>,
    /// The last attempt to write it failed, and that was reported.
    is_failing: bool,
}

impl Ledger {
    /// Reads the file at `path`; a missing one is empty.
    pub fn open(path: &Path) -> (Ledger, Vec<PastCount>, Option<Problem>) {
        let (content, problem) = match file::read(path).and_then(|text| format::parse(&text)) {
            Ok(content) => (Some(content), None),
            Err(Flaw::Absent) => (None, None),
            Err(flaw) => (None, Some(file::set_aside(path, flaw))),
        };
        let (gateway, past) = match content {
            Some(Content { gateway, past }) => (gateway, past),
            None => (new_name(), Vec::new()),
        };
        (Ledger::of(Some(path.to_owned()), gateway), past, problem)
    }

    /// A ledger that keeps nothing.
    pub fn nowhere() -> Ledger {
        Ledger::of(None, new_name())
    }

    fn of(path: Option<PathBuf>, gateway: String) -> Ledger {
        Ledger {
            path,
            gateway,
            saved: None,
            is_failing: false,
        }
    }

    pub fn gateway(&self) -> &str {
        &self.gateway
    }

    pub fn rename_gateway(&mut self) {
        self.gateway = new_name();
        self.saved = None;
    }

    /// Whether the file shows another state than number `changes`.
    pub fn is_behind(&self, changes: u64) -> bool {
        self.path.is_some() && self.saved != Some(changes)
    }

    /// Writes the file. What goes wrong is logged when it begins and when it is over.
    pub fn save(&mut self, past: &[PastCount], changes: u64) {
        let Some(path) = &self.path else {
            return;
        };
        match file::write(path, &format::text(&self.gateway, past)) {
            Ok(()) => {
                self.saved = Some(changes);
                if std::mem::take(&mut self.is_failing) {
                    log::info!("budget ledger {}: written again", path.display());
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    log::warn!(
                        "budget ledger {}: cannot be written ({error}); budgets work, and a restart forgets what they count from now on",
                        path.display()
                    );
                }
            }
        }
    }
}

fn new_name() -> String {
    format!("{:016x}", rand::random::<u64>())
}

#[cfg(test)]
mod tests;
