//! Changes the token file on disk: whole or not at all.
//!
//! A reader sees the old file or the new one, never a part. Two writers take turns by a lock file beside
//! it, which stays: whoever removes it lets a third one in beside a second.

use super::edit_error::{EditError, StoreError};
use crate::platform;
use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Room for some forty thousand callers; more is another file by mistake.
pub(super) const MOST_BYTES: u64 = 4 << 20;

/// Only we may read it; who wants to change it by hand must say so.
const READ_ONLY: u32 = 0o400;

/// Accepted for people who edit by hand, and kept where they chose it.
const WRITABLE: u32 = 0o600;

struct Contents {
    text: String,
    mode: u32,
}

/// Where the files of one change stand, all in one folder.
struct Places<'a> {
    file: &'a Path,
    folder: PathBuf,
    lock: PathBuf,
    temporary: PathBuf,
}

/// The text of the token file; none where there is no file.
///
/// # Errors
/// It is no regular file of ours, or can't be read.
pub fn read_token_file(path: &Path) -> Result<Option<String>, StoreError> {
    Ok(contents(path)?.map(|contents| contents.text))
}

/// Replaces the file's text by what `edit` makes of it; a missing file counts as empty.
///
/// The new file has mode 0400, or 0600 where the old one had that. Missing folders are made, with 0700.
///
/// # Errors
/// Whatever `edit` says, or the file can't be replaced; then it is as it was.
pub fn change_token_file(
    path: &Path,
    edit: impl FnOnce(&str) -> Result<String, EditError>,
) -> Result<(), StoreError> {
    let places = Places::of(path)?;
    let mut folders = DirBuilder::new();
    let made = folders.recursive(true).mode(0o700).create(&places.folder);
    made.map_err(failed("make the folder", &places.folder))?;
    let _turn = lock(&places.lock)?;

    let old = contents(path)?;
    let mode = match &old {
        Some(old) if old.mode == WRITABLE => WRITABLE,
        _ => READ_ONLY,
    };
    let old_text = old.map(|old| old.text);
    let text = edit(old_text.as_deref().unwrap_or_default()).map_err(StoreError::Edit)?;
    if old_text.as_deref() == Some(&text) {
        return Ok(());
    }
    replace(&places, &text, mode)
}

impl Places<'_> {
    fn of(file: &Path) -> Result<Places<'_>, StoreError> {
        let name = file
            .file_name()
            .ok_or_else(|| StoreError::NotAFile(file.to_path_buf()))?;
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let beside = |end: &str| {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(end);
            folder.join(hidden)
        };
        Ok(Places {
            file,
            lock: beside(".lock"),
            temporary: beside(".new"),
            folder,
        })
    }
}

/// Waits for our turn, which ends when the file is dropped or the process dies.
fn lock(path: &Path) -> Result<File, StoreError> {
    let file = open(path, |options| {
        options.write(true).create(true).truncate(false)
    })?;
    platform::lock(&file).map_err(failed("lock", path))?;
    Ok(file)
}

fn contents(path: &Path) -> Result<Option<Contents>, StoreError> {
    let file = match open(path, |options| options.read(true)) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None)
        }
        opened => opened?,
    };
    let about = file.metadata().map_err(failed("look at", path))?;
    if !about.is_file() {
        return Err(StoreError::NotAFile(path.to_path_buf()));
    }
    if about.uid() != platform::effective_user() {
        return Err(StoreError::OwnedBy {
            path: path.to_path_buf(),
            user: about.uid(),
        });
    }
    let text = read_text(file, path)?;
    Ok(Some(Contents {
        text,
        mode: about.mode() & 0o777,
    }))
}

fn read_text(file: File, path: &Path) -> Result<String, StoreError> {
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > MOST_BYTES) {
        return Err(StoreError::TooLarge(path.to_path_buf()));
    }
    String::from_utf8(bytes).map_err(|_| StoreError::NotText(path.to_path_buf()))
}

fn replace(places: &Places<'_>, text: &str, mode: u32) -> Result<(), StoreError> {
    let temporary = &places.temporary;
    // Under the lock one that exists was left by a writer that died.
    match std::fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove the left-over", temporary)(error));
        }
        _ => {}
    }
    let written = write_new(temporary, text, mode).and_then(|()| {
        std::fs::rename(temporary, places.file).map_err(failed("replace", places.file))
    });
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = std::fs::remove_file(temporary);
        return written;
    }
    // The change is made and seen by everyone. Some file systems can't sync a folder, and to report a
    // failure now would lose a secret that is printed only once.
    let _ = File::open(&places.folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), StoreError> {
    let mut file = open(path, |options| options.write(true).create_new(true))?;
    file.write_all(text.as_bytes())
        .map_err(failed("write", path))?;
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(failed("set the mode of", path))?;
    file.sync_all().map_err(failed("sync", path))
}

/// Opens without following a link in the last place; a new file is ours alone.
fn open(
    path: &Path,
    how: impl FnOnce(&mut OpenOptions) -> &mut OpenOptions,
) -> Result<File, StoreError> {
    how(&mut platform::no_links())
        .open(path)
        .map_err(|error| match platform::is_link(&error) {
            true => StoreError::Symlink(path.to_path_buf()),
            false => failed("open", path)(error),
        })
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> StoreError + 'a {
    move |source| StoreError::Io {
        doing,
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests;
