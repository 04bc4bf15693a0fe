//! Opens the breaker file: takes a good one, makes a missing one, replaces a bad one, or says why not.
//!
//! A good file is mapped without further ado. Whatever changes the file itself, creating, clearing after a reboot,
//! replacing, happens under a lock beside it and begins by looking again, so that of two processes that start at once one
//! does it and the other finds it done. Nothing here waits for long: availability comes before sharing.

mod judge;
mod lock;
mod replace;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::layout::{boot_words, RECORD_WORDS};
use super::problem::{Flaw, Problem, Why};
use crate::platform::{BootId, SharedWords};
use judge::judge;

/// What is at the path.
enum Found {
    Good(SharedWords),
    /// Of an earlier boot: its moments mean nothing any more.
    Old(SharedWords),
    Absent,
    Bad(Flaw),
}

/// The file's words, with the problem that was put right on the way.
///
/// # Errors
/// The problem that couldn't be put right.
pub fn open(path: &Path, boot: Option<BootId>) -> Result<(SharedWords, Option<Problem>), Problem> {
    let path = path.to_owned();
    match try_open(&path, boot) {
        Ok((words, None)) => Ok((words, None)),
        Ok((words, Some((flaw, kept)))) => {
            Ok((words, Some(Problem::Replaced { path, flaw, kept })))
        }
        Err(why) => Err(Problem::NotShared { path, why }),
    }
}

/// What was wrong, and where it is now.
type SetAside = Option<(Flaw, std::path::PathBuf)>;

fn try_open(path: &Path, boot: Option<BootId>) -> Result<(SharedWords, SetAside), Why> {
    let boot = boot.ok_or(Why::NoBootId)?;
    if let Found::Good(words) = find(path, boot)? {
        return Ok((words, None));
    }
    replace::make_folder(path).map_err(doing("make its folder"))?;
    let _lock = lock::take(path)?;
    let set_aside = match find(path, boot)? {
        Found::Good(words) => return Ok((words, None)),
        Found::Old(words) => {
            clear(&words, boot);
            return Ok((words, None));
        }
        Found::Absent => None,
        Found::Bad(flaw) => match replace::set_aside(path) {
            Ok(kept) => Some((flaw, kept)),
            Err(error) => return Err(Why::CannotSetAside { flaw, error }),
        },
    };
    replace::create(path, boot).map_err(doing("write it"))?;
    match find(path, boot)? {
        Found::Good(words) | Found::Old(words) => Ok((words, set_aside)),
        Found::Bad(flaw) => Err(Why::StillBad(flaw)),
        Found::Absent => Err(doing("find it again")(io::ErrorKind::NotFound.into())),
    }
}

fn find(path: &Path, boot: BootId) -> Result<Found, Why> {
    let file = match judge(path) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Found::Absent),
        Err(judge::Refusal::Bad(flaw)) => return Ok(Found::Bad(flaw)),
        Err(judge::Refusal::System(error)) => return Err(doing("open it")(error)),
    };
    let words = SharedWords::map(&file, super::layout::FILE_WORDS).map_err(doing("map it"))?;
    let header = words.as_slice().first_chunk::<RECORD_WORDS>();
    let Some(header) = header.map(|words| words.each_ref().map(load)) else {
        return Ok(Found::Bad(Flaw::Magic));
    };
    Ok(match judge::judge_header(header, boot) {
        Ok(true) => Found::Good(words),
        Ok(false) => Found::Old(words),
        Err(flaw) => Found::Bad(flaw),
    })
}

/// Closes and forgets everything after a reboot. The boot's id comes last: who is killed before has done nothing.
fn clear(words: &SharedWords, boot: BootId) {
    let mut all = words.as_slice().iter();
    let header: Vec<&AtomicU64> = all.by_ref().take(RECORD_WORDS).collect();
    for word in all {
        word.store(0, Ordering::Release);
    }
    let id = header.into_iter().skip(RECORD_WORDS - 2);
    for (word, value) in id.zip(boot_words(boot)) {
        word.store(value, Ordering::Release);
    }
}

fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Acquire)
}

fn doing(doing: &'static str) -> impl Fn(io::Error) -> Why {
    move |error| Why::System { doing, error }
}

#[cfg(test)]
mod tests;
