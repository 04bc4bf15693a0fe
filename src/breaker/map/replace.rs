//! Makes a new breaker file, and moves a bad one out of its way.
//!
//! A new file is written in full and synced under another name, then renamed: whoever sees it sees all of it, and no page
//! of it can turn out to have no place on the disk when it is touched. Call these under the lock only.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::breaker::layout::{header, FILE_BYTES};
use crate::platform::BootId;

/// So many bad files are kept to be looked at; the last of them is overwritten then.
const KEPT: u32 = 3;

/// Makes the folder of `path` where it is missing, for the owner only.
pub fn make_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)
        }
        _ => Ok(()),
    }
}

/// Renames what is at `path`, and returns its new name.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let names = (1..=KEPT).map(|n| beside(path, &format!(".bad-{n}")));
    let mut to = beside(path, &format!(".bad-{KEPT}"));
    for name in names {
        if is_absent(&name) {
            to = name;
            break;
        }
    }
    fs::rename(path, &to)?;
    Ok(to)
}

fn is_absent(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Puts a new file of closed breakers at `path`.
pub fn create(path: &Path, boot: BootId) -> io::Result<()> {
    let new = beside(path, ".new");
    // What a killed process left.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let made = write(&new, boot).and_then(|()| fs::rename(&new, path));
    if made.is_err() {
        let _ = fs::remove_file(&new);
    }
    made
}

fn write(path: &Path, boot: BootId) -> io::Result<()> {
    let mut bytes: Vec<u8> = header(boot)
        .into_iter()
        .flat_map(u64::to_ne_bytes)
        .collect();
    bytes.resize(FILE_BYTES, 0);
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    // Whatever the umask takes away.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(&bytes)?;
    file.sync_all()
}

/// The path with `ending` behind its name.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}
