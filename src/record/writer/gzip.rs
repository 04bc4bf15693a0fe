//! Compressing one old file, so that a crash at any moment leaves each of its lines once.
//!
//! The compressed form is written under another name, put on the disk, and only then renamed; the plain one goes last.
//! So a `.gz` is always whole, and a crash leaves the plain form, or both with the same lines.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::old_file::Paths;
use crate::platform;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use flate2::Compression;

/// How much is compressed between two looks at whether to stop: a few milliseconds' work.
const CHUNK_BYTES: usize = 64 << 10;

/// What became of a file that was to be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Compressed,
    /// As it was before.
    Stopped,
}

/// Replaces the plain form by the compressed one.
///
/// # Errors
/// No room, the plain form isn't a file of ours, or whatever else the disk says. Then the plain form is still there.
pub fn compress(folder: &Path, paths: &Paths, stopped: impl Fn() -> bool) -> io::Result<Outcome> {
    let plain = open_plain(&paths.plain)?;
    let unfinished = create(&paths.unfinished)?;
    let outcome = fill(&plain, unfinished, stopped);
    let finished = match outcome {
        Ok(Outcome::Compressed) => fs::rename(&paths.unfinished, &paths.compressed),
        Ok(Outcome::Stopped) | Err(_) => fs::remove_file(&paths.unfinished),
    };
    if outcome? == Outcome::Stopped {
        return Ok(Outcome::Stopped);
    }
    finished?;
    sync_names(folder);
    fs::remove_file(&paths.plain)?;
    Ok(Outcome::Compressed)
}

/// Both forms of a file were there when the process started: what to do about it.
///
/// # Errors
/// One of them can't be read or removed.
pub fn settle(paths: &Paths, stopped: impl Fn() -> bool) -> io::Result<Outcome> {
    let plain = open_plain(&paths.plain)?;
    let compressed = open_plain(&paths.compressed)?;
    match compare(plain, MultiGzDecoder::new(compressed), stopped)? {
        // A crash between the last two steps.
        Likeness::Same => fs::remove_file(&paths.plain).map(|()| Outcome::Compressed),
        // Somebody is unpacking it, or unpacked and edited it: theirs to settle.
        Likeness::Other => Ok(Outcome::Stopped),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Likeness {
    Same,
    Other,
}

fn fill(mut plain: impl Read, target: File, stopped: impl Fn() -> bool) -> io::Result<Outcome> {
    let mut encoder = GzEncoder::new(target, Compression::default());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        if stopped() {
            return Ok(Outcome::Stopped);
        }
        match read(&mut plain, &mut chunk)? {
            [] => break,
            bytes => encoder.write_all(bytes)?,
        }
    }
    // Without this a power cut could leave the new name with half of the lines, and the old one gone.
    encoder.finish()?.sync_all()?;
    Ok(Outcome::Compressed)
}

fn compare(
    mut one: impl Read,
    mut other: impl Read,
    stopped: impl Fn() -> bool,
) -> io::Result<Likeness> {
    let (mut from_one, mut from_other) = (vec![0; CHUNK_BYTES], vec![0; CHUNK_BYTES]);
    while !stopped() {
        let bytes = read(&mut one, &mut from_one)?;
        // What can't be unpacked is not the same.
        let Ok(others) = read(&mut other, &mut from_other) else {
            return Ok(Likeness::Other);
        };
        if bytes != others {
            return Ok(Likeness::Other);
        }
        if bytes.is_empty() {
            return Ok(Likeness::Same);
        }
    }
    Ok(Likeness::Other)
}

/// As many bytes as fit into `chunk`, fewer only at the end.
fn read<'a>(source: &mut impl Read, chunk: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(chunk.get(..filled).unwrap_or_default())
}

fn open_plain(path: &Path) -> io::Result<File> {
    let file = platform::no_links().read(true).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() || about.uid() != platform::effective_user() {
        let why = "it is no plain file of ours";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(file)
}

/// For us alone from its first byte on; never through a link.
fn create(path: &Path) -> io::Result<File> {
    let mut options = platform::no_links();
    options.write(true).create_new(true).open(path)
}

/// A folder that can't be put on the disk by itself leaves the order of the steps to the file system, and they all keep it.
fn sync_names(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

#[cfg(test)]
mod tests;
