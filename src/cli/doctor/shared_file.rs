//! Writes the snapshot: a new file, or over an earlier snapshot of our own, and over nothing else.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::platform;

/// How every snapshot begins.
pub const MARK: &str = "{\n  \"sidegate_snapshot\": 1,";

/// # Errors
/// Something else is there, or the folder can't be written to.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    if path.symlink_metadata().is_ok() && !is_a_snapshot(path)? {
        let why = "something else is there; name a file that doesn't exist yet";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".new-{}", std::process::id()));
    let mut options = File::options();
    let mut file = options
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&fresh)?;
    let written = file.write_all(text.as_bytes());
    let moved = written.and_then(|()| fs::rename(&fresh, path));
    if moved.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    moved
}

fn is_a_snapshot(path: &Path) -> io::Result<bool> {
    let file = match platform::no_links().read(true).open(path) {
        Err(error) if platform::is_link(&error) => return Ok(false),
        opened => opened?,
    };
    let about = file.metadata()?;
    if !about.is_file() || about.nlink() != 1 || about.uid() != platform::effective_user() {
        return Ok(false);
    }
    let mut start = Vec::new();
    file.take(MARK.len() as u64).read_to_end(&mut start)?;
    Ok(start == MARK.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_snapshot_is_written_over() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("snapshot.json");
        write(&path, MARK).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        write(&path, &format!("{MARK}2")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{MARK}2"));

        fs::write(&path, "my diary").unwrap();
        let refused = write(&path, MARK).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "my diary");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_neither_followed_nor_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("target"), home.path().join("link"));
        fs::write(&target, MARK).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(write(&link, "new").is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), MARK);
        assert!(link.is_symlink());
    }
}
