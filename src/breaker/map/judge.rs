//! Tells a breaker file of ours from everything else that may be at its path.

use std::fs::{File, FileType, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::breaker::layout::{boot_words, FILE_BYTES, LAYOUT, MAGIC, RECORD_WORDS};
use crate::breaker::problem::Flaw;
use crate::platform::{self, BootId};

const FILE_MODE: u32 = 0o600;

/// The file can't be used.
#[derive(Debug)]
pub enum Refusal {
    /// It isn't one of ours, and may be set aside.
    Bad(Flaw),
    /// Nothing is known about it.
    System(io::Error),
}

/// The file at `path`, open for reading and writing; none where there is nothing.
///
/// # Errors
/// It is no file of ours, by all that can be said without reading it, or the system refuses.
pub fn judge(path: &Path) -> Result<Option<File>, Refusal> {
    let kind = match std::fs::symlink_metadata(path) {
        Ok(about) => about.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Refusal::System(error)),
    };
    judge_kind(kind).map_err(Refusal::Bad)?;
    let file = match open(path) {
        Ok(file) => file,
        // Set aside by another process just now.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(Refusal::Bad(Flaw::CannotOpen(error)))
        }
        Err(error) => return Err(Refusal::System(error)),
    };
    let about = file.metadata().map_err(Refusal::System)?;
    judge_file(&about, platform::effective_user()).map_err(Refusal::Bad)?;
    Ok(Some(file))
}

/// What is there may be swapped for something else between two looks: no link is followed, and no pipe waited for.
fn open(path: &Path) -> io::Result<File> {
    platform::no_links().read(true).write(true).open(path)
}

fn judge_kind(kind: FileType) -> Result<(), Flaw> {
    if kind.is_symlink() {
        Err(Flaw::Symlink)
    } else if kind.is_dir() {
        Err(Flaw::Folder)
    } else if !kind.is_file() {
        Err(Flaw::NoRegularFile)
    } else {
        Ok(())
    }
}

fn judge_file(about: &Metadata, user: u32) -> Result<(), Flaw> {
    judge_kind(about.file_type())?;
    let mode = about.mode() & 0o7777;
    if about.uid() != user {
        Err(Flaw::Owner(about.uid()))
    } else if mode != FILE_MODE {
        Err(Flaw::Mode(mode))
    } else if about.nlink() != 1 {
        Err(Flaw::HardLinks(about.nlink()))
    } else if about.size() != FILE_BYTES as u64 {
        Err(Flaw::Size(about.size()))
    } else {
        Ok(())
    }
}

/// Whether a file that begins like this is of the boot that runs.
///
/// # Errors
/// It isn't one of ours.
pub fn judge_header(header: [u64; RECORD_WORDS], boot: BootId) -> Result<bool, Flaw> {
    let [magic, layout, first, second] = header;
    if magic != MAGIC {
        return Err(Flaw::Magic);
    }
    if layout != LAYOUT {
        return Err(Flaw::Layout {
            version: (layout >> 32) as u32,
            slots: layout as u32,
        });
    }
    Ok([first, second] == boot_words(boot))
}
