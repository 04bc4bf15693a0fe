//! The breaker file as a command reads it: once, without mapping, changing or replacing anything.
//!
//! Works while the gateway is down, and for whoever may read the file. Names aren't in the file, so it answers for the
//! [`Key`]s of a configuration.

use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::claim::Marks;
use super::key::Key;
use super::layout::{boot_words, FILE_BYTES, LAYOUT, MAGIC, RECORD_WORDS};
use super::problem::Flaw;
use super::state::State;
use super::time::BootMillis;
use super::view::View;
use super::word::unpack;
use crate::platform::{self, BootId};

/// All breakers of the file at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    slots: Vec<(Marks, State)>,
}

/// Why there is no picture.
#[derive(Debug)]
pub enum Unread {
    /// No gateway has made it yet: all breakers are closed.
    Absent,
    /// A gateway would replace it.
    Bad(Flaw),
    System(io::Error),
}

impl Picture {
    /// Reads the file. One of an earlier boot has nothing to say: all its breakers are closed.
    ///
    /// # Errors
    /// There is none, it is no breaker file, or it can't be read.
    pub fn read(path: &Path, boot: Option<BootId>) -> Result<Picture, Unread> {
        Picture::of(&bytes(path)?, boot)
    }

    fn of(bytes: &[u8], boot: Option<BootId>) -> Result<Picture, Unread> {
        if bytes.len() != FILE_BYTES {
            return Err(Unread::Bad(Flaw::Size(bytes.len() as u64)));
        }
        let mut records = bytes.chunks_exact(RECORD_WORDS * 8).map(words);
        let [magic, layout, first, second] = records.next().unwrap_or_default();
        if magic != MAGIC {
            return Err(Unread::Bad(Flaw::Magic));
        }
        if layout != LAYOUT {
            return Err(Unread::Bad(Flaw::Layout {
                version: (layout >> 32) as u32,
                slots: layout as u32,
            }));
        }
        if boot.map(boot_words) != Some([first, second]) {
            return Ok(Picture { slots: Vec::new() });
        }
        let taken = records.take_while(|[first, ..]| *first != 0);
        let slot = |[first, second, address, word]: [u64; RECORD_WORDS]| {
            let key = [first, second];
            (Marks { key, address }, unpack(word))
        };
        let slots = taken.map(slot).collect();
        Ok(Picture { slots })
    }

    /// The breaker of this key; closed where it has none.
    pub fn look(&self, key: &Key, now: BootMillis) -> View {
        let mut slots = self.slots.iter();
        let slot = slots.find(|(marks, _)| marks == key.marks());
        slot.map_or(View::CLOSED, |(_, state)| View::of(*state, now))
    }

    /// All that were ever asked for since the boot, those of other configurations included.
    pub fn views(&self, now: BootMillis) -> impl Iterator<Item = View> + '_ {
        self.slots
            .iter()
            .map(move |(_, state)| View::of(*state, now))
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, Unread> {
    let opened = platform::no_links().read(true).open(path);
    let file = opened.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Unread::Absent,
        _ if path.is_symlink() => Unread::Bad(Flaw::Symlink),
        _ => Unread::System(error),
    })?;
    let kind = file.metadata().map_err(Unread::System)?.file_type();
    if !kind.is_file() {
        return Err(Unread::Bad(match kind.is_dir() {
            true => Flaw::Folder,
            false => Flaw::NoRegularFile,
        }));
    }
    let mut bytes = Vec::with_capacity(FILE_BYTES);
    // One more than it may have: enough to see that it has too many.
    let read = file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.map_err(Unread::System)?;
    Ok(bytes)
}

fn words(record: &[u8]) -> [u64; RECORD_WORDS] {
    let mut words = [0; RECORD_WORDS];
    for (word, bytes) in words.iter_mut().zip(record.chunks_exact(8)) {
        *word = bytes.try_into().map_or(0, u64::from_ne_bytes);
    }
    words
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Absent => write!(out, "there is none yet"),
            Unread::Bad(flaw) => write!(out, "it {flaw}"),
            Unread::System(error) => write!(out, "it cannot be read: {error}"),
        }
    }
}
