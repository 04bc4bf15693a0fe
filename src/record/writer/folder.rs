//! The log folder and the files in it: ours alone, or not used.
//!
//! Log lines tell who asked what when, and `raw-errors.jsonl` holds text of upstreams, so a folder that
//! others may write to or a file reached through a link is refused rather than repaired.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::super::labels::LogFile;
use super::{old_file, rotate};
use crate::platform;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// A torn last line is looked for this far from the end; the longest line (64 KiB of an upstream's body,
/// each byte escaped as six) is well within.
const TAIL_BYTES: u64 = 1 << 20;

/// Device and inode: two paths may be one folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderId(u64, u64);

/// A log folder that exists and is ours.
pub struct Folder {
    path: PathBuf,
    handle: File,
    id: FolderId,
}

/// A log folder that no other process logs to while this lives.
pub struct LockedFolder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// # Errors
    /// See [`super::LogFiles::open`].
    pub fn open(path: &Path) -> io::Result<Folder> {
        Folder::try_open(path).map_err(|error| about("log folder", path, &error))
    }

    fn try_open(path: &Path) -> io::Result<Folder> {
        make(path)?;
        let handle = File::open(path)?;
        let about = handle.metadata()?;
        judge_folder(&about)?;
        if is_too_open(path, about.mode())? {
            handle.set_permissions(Permissions::from_mode(FOLDER_MODE))?;
        }
        Ok(Folder {
            path: path.to_owned(),
            handle,
            id: FolderId(about.dev(), about.ino()),
        })
    }

    pub fn id(&self) -> FolderId {
        self.id
    }

    /// # Errors
    /// Another process has it, or this one under another [`super::LogFiles`].
    pub fn lock(self) -> io::Result<LockedFolder> {
        // Some network file systems have no locks; then there is nothing to ask.
        if let Ok(false) = platform::try_lock(&self.handle) {
            let error = refused("another sidegate logs there; give each its own logs.dir");
            return Err(about("log folder", &self.path, &error));
        }
        Ok(LockedFolder {
            path: self.path,
            _lock: self.handle,
        })
    }
}

impl LockedFolder {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder again where somebody removed it.
    ///
    /// # Errors
    /// It can't be made.
    pub fn make_again(&self) -> io::Result<()> {
        make(&self.path).map_err(|error| about("log folder", &self.path, &error))
    }
}

/// Opens `path` for appending whole lines; what is cut off at its end is cut away.
///
/// # Errors
/// It can't be opened, is a link or no plain file, or belongs to another user. The text names it.
pub fn open_log_file(path: &Path) -> io::Result<File> {
    try_open_log_file(path).map_err(|error| about("log file", path, &error))
}

fn try_open_log_file(path: &Path) -> io::Result<File> {
    let mut options = platform::no_links();
    let opened = options.read(true).append(true).create(true).open(path);
    let file = opened.map_err(|error| match platform::is_link(&error) {
        true => refused("it is a symbolic link"),
        false => error,
    })?;
    let about = file.metadata()?;
    judge_file(&about)?;
    if about.mode() & 0o7777 & !FILE_MODE != 0 {
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
    }
    cut_torn_line(&file, about.len())?;
    Ok(file)
}

/// A crash or a power cut may have left the beginning of a line.
fn cut_torn_line(file: &File, size: u64) -> io::Result<()> {
    let from = size.saturating_sub(TAIL_BYTES);
    let mut tail = vec![0; usize::try_from(size - from).unwrap_or(0)];
    file.read_exact_at(&mut tail, from)?;
    match memchr::memrchr(b'\n', &tail) {
        _ if tail.is_empty() => Ok(()),
        Some(end) if end + 1 == tail.len() => Ok(()),
        Some(end) => file.set_len(from + end as u64 + 1),
        None if from == 0 => file.set_len(0),
        // No line of ours is that long: whatever it is, leave it and begin on a new line.
        None => io::Write::write_all(&mut &*file, b"\n"),
    }
}

/// What would keep a log from being written to `path`, found out without making or changing anything.
pub fn examine(path: &Path) -> Vec<io::Error> {
    let folder = match fs::metadata(path) {
        Ok(about) => examine_folder(path, &about),
        Err(error) if error.kind() == io::ErrorKind::NotFound => platform::may_make(path),
        Err(error) => Err(error),
    };
    if let Err(error) = folder {
        return vec![about("log folder", path, &error)];
    }
    let paths = LogFile::ALL.map(|file| rotate::current(path, file.as_str()));
    let examined = paths.iter().map(|path| (path, examine_file(path)));
    examined
        .filter_map(|(path, result)| Some(about("log file", path, &result.err()?)))
        .collect()
}

fn examine_folder(path: &Path, about: &Metadata) -> io::Result<()> {
    judge_folder(about)?;
    is_too_open(path, about.mode())?;
    let are_all_there = LogFile::ALL.iter().all(|file| {
        let file = rotate::current(path, file.as_str());
        file.symlink_metadata().is_ok()
    });
    match are_all_there {
        // It can start, and says so when a rotation fails.
        true => Ok(()),
        false => platform::may_write(path),
    }
}

fn examine_file(path: &Path) -> io::Result<()> {
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if about.is_symlink() {
        return Err(refused("it is a symbolic link"));
    }
    judge_file(&about)?;
    platform::may_write(path)
}

fn judge_folder(about: &Metadata) -> io::Result<()> {
    if !about.is_dir() {
        return Err(refused("it is not a folder"));
    }
    if about.uid() != platform::effective_user() {
        return Err(refused(
            "it belongs to another user; name a folder of sidegate's own",
        ));
    }
    Ok(())
}

fn judge_file(about: &Metadata) -> io::Result<()> {
    if !about.is_file() {
        return Err(refused("it is not a plain file"));
    }
    if about.uid() != platform::effective_user() {
        return Err(refused("it belongs to another user"));
    }
    Ok(())
}

fn make(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(_) => DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(path),
    }
}

/// Whether others lose their rights to it: to a folder that holds nothing but logs. One that holds other things keeps its
/// mode (as root, `logs.dir: /var/log` must not shut everyone out), unless others may write to it.
fn is_too_open(path: &Path, mode: u32) -> io::Result<bool> {
    if mode & 0o077 == 0 {
        return Ok(false);
    }
    // A sticky folder is one for everybody's temporary files, however empty.
    let is_common = mode & 0o1000 != 0;
    if !is_common && holds_only_logs(path)? {
        return Ok(true);
    }
    if mode & 0o022 != 0 {
        return Err(refused(
            "others may write to it; name a folder of sidegate's own",
        ));
    }
    Ok(false)
}

fn holds_only_logs(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let is_log = name.to_str().is_some_and(|name| {
            LogFile::ALL.iter().any(|file| {
                let stem = file.as_str();
                name.strip_suffix(".jsonl") == Some(stem)
                    || name == rotate::next_name(stem)
                    || old_file::parse(name, stem).is_some()
            })
        });
        if !is_log {
            return Ok(false);
        }
    }
    Ok(true)
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, why.to_owned())
}

fn about(what: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
