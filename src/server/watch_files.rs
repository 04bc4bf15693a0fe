//! Notices that a configuration, token or key file was saved.
//!
//! Files are looked at, not subscribed to: that works on every file system, for renames and for links that are swapped,
//! and costs a few microseconds. A file counts as saved when it has looked the same for 200 ms, so that one which is still
//! being written isn't read.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::snapshot::Reloader;

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// So many looks in a row have to agree.
const STEADY_LOOKS: u32 = 2;

/// Device, inode, size, mode, seconds and nanoseconds of the last change; none while there is no file. The mode decides
/// whether a file is taken at all.
type Version = (u64, u64, u64, u32, i64, i64);

/// What tells one version of a file from another; of a link, what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    path: PathBuf,
    version: Option<Version>,
}

pub fn start(reloader: &Arc<Reloader>) {
    let reloader = Arc::clone(reloader);
    thread::spawn(move || {
        let mut taken = look(&reloader.watched());
        let mut last = taken.clone();
        let mut steady = 0;
        loop {
            thread::sleep(LOOK_EVERY);
            let now = look(&reloader.watched());
            steady = if now == last { steady + 1 } else { 0 };
            last = now;
            if steady >= STEADY_LOOKS && last != taken {
                let _ = reloader.reload();
                // What was changed meanwhile is seen by the next look.
                taken = last.clone();
            }
        }
    });
}

fn look(paths: &[PathBuf]) -> Vec<Look> {
    paths
        .iter()
        .map(|path| Look {
            path: path.clone(),
            version: version(path),
        })
        .collect()
}

fn version(path: &Path) -> Option<Version> {
    let meta = fs::metadata(path).ok()?;
    Some((
        meta.dev(),
        meta.ino(),
        meta.size(),
        meta.mode(),
        meta.mtime(),
        meta.mtime_nsec(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_save_a_rename_and_a_swapped_link_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "one").unwrap();
        fs::write(at("b"), "one").unwrap();
        let before = version(&at("a"));
        fs::rename(at("b"), at("a")).unwrap();
        assert_ne!(version(&at("a")), before);
        fs::write(at("c"), "two").unwrap();
        std::os::unix::fs::symlink(at("a"), at("link")).unwrap();
        let linked = version(&at("link"));
        fs::remove_file(at("link")).unwrap();
        std::os::unix::fs::symlink(at("c"), at("link")).unwrap();
        assert_ne!(version(&at("link")), linked);
        let before = version(&at("c"));
        fs::set_permissions(at("c"), fs::Permissions::from_mode(0o400)).unwrap();
        assert_ne!(version(&at("c")), before);
        fs::remove_file(at("a")).unwrap();
        assert_eq!(version(&at("a")), None);
    }
}
