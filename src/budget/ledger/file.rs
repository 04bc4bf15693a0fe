//! Reads, replaces and sets aside the file.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::problem::{Flaw, Problem};

/// No ledger is a hundredth of this.
const BYTES_AT_MOST: u64 = 16 << 20;

/// So many bad files are kept to be looked at; the last of them is overwritten then.
const KEPT: u32 = 3;

/// The file's text, if it is ours and nobody else can have written it.
pub fn read(path: &Path) -> Result<String, Flaw> {
    // Never follows a link, never waits for the other end of a pipe.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(unopened)?;
    judge(&rustix::fs::fstat(&file).map_err(unopened)?)?;
    let mut text = String::new();
    let read = File::from(file)
        .take(BYTES_AT_MOST + 1)
        .read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 > BYTES_AT_MOST => Err(Flaw::TooLarge),
        Ok(_) => Ok(text),
        Err(error) => Err(Flaw::CannotRead(error)),
    }
}

#[allow(clippy::useless_conversion)] // The widths differ between Linux and macOS.
fn judge(stat: &rustix::fs::Stat) -> Result<(), Flaw> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(Flaw::NoRegularFile);
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return Err(Flaw::Owner(stat.st_uid));
    }
    let mode = Mode::from_raw_mode(stat.st_mode);
    if mode.intersects(Mode::WGRP | Mode::WOTH) {
        return Err(Flaw::Mode(u32::from(mode.as_raw_mode())));
    }
    Ok(())
}

fn unopened(error: Errno) -> Flaw {
    match error {
        Errno::NOENT => Flaw::Absent,
        Errno::LOOP => Flaw::Symlink,
        // What opening a socket says.
        Errno::NXIO | Errno::OPNOTSUPP => Flaw::NoRegularFile,
        error => Flaw::CannotRead(error.into()),
    }
}

/// Renames the file, so that it can be looked at.
pub fn set_aside(path: &Path, flaw: Flaw) -> Problem {
    let mut names = (1..=KEPT).map(|number| beside(path, &format!(".bad-{number}")));
    let last = beside(path, &format!(".bad-{KEPT}"));
    let to = names.find(|name| is_absent(name)).unwrap_or(last);
    Problem {
        path: path.to_owned(),
        flaw,
        kept: fs::rename(path, &to).map(|()| to),
    }
}

fn is_absent(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Puts `text` in place of the file: whoever reads sees the old one or the new one.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    make_folder(path)?;
    let new = beside(path, ".new");
    // What a killed process left.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(&new, text).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // Whatever the umask takes away.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

/// Makes the folder of `path` where it is missing, for the owner only.
fn make_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        _ => Ok(()),
    }
}

/// The path with `ending` behind its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}
