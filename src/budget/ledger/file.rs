//! Reads, replaces and sets aside the file.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::problem::{Flaw, Problem};
use crate::platform;

/// No ledger is a hundredth of this.
const BYTES_AT_MOST: u64 = 16 << 20;

/// So many bad files are kept to be looked at; the last of them is overwritten then.
const KEPT: u32 = 3;

/// The file's text, if it is ours and nobody else can have written it.
pub fn read(path: &Path) -> Result<String, Flaw> {
    let opened = platform::no_links().read(true).open(path);
    let file = opened.map_err(unopened)?;
    judge(&file.metadata().map_err(unopened)?)?;
    let mut text = String::new();
    match file.take(BYTES_AT_MOST + 1).read_to_string(&mut text) {
        Ok(bytes) if bytes as u64 > BYTES_AT_MOST => Err(Flaw::TooLarge),
        Ok(_) => Ok(text),
        Err(error) => Err(Flaw::CannotRead(error)),
    }
}

fn judge(about: &Metadata) -> Result<(), Flaw> {
    if !about.is_file() {
        return Err(Flaw::NoRegularFile);
    }
    if about.uid() != platform::effective_user() {
        return Err(Flaw::Owner(about.uid()));
    }
    let mode = about.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(Flaw::Mode(mode));
    }
    Ok(())
}

fn unopened(error: io::Error) -> Flaw {
    match error {
        error if error.kind() == ErrorKind::NotFound => Flaw::Absent,
        error if platform::is_link(&error) => Flaw::Symlink,
        error if platform::is_socket(&error) => Flaw::NoRegularFile,
        error => Flaw::CannotRead(error),
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
    platform::replace_file(path, text)
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
