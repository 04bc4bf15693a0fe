//! The last configuration that served, kept so that a gateway whose file was broken since can still start.

use std::fs;
use std::path::{Path, PathBuf};

use crate::platform;

/// Where it is kept.
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("run").join("last-good.yaml")
}

/// Keeps `text`; a file that holds it already is left alone.
pub fn keep(state_dir: &Path, text: &str) {
    let path = path(state_dir);
    if fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
        return;
    }
    if let Err(error) = platform::replace_file(&path, text) {
        log::warn!(
            "{} can't be written, so that no start will fall back on this configuration: {error}",
            path.display()
        );
    }
}

/// The text that was kept; none where there is none.
pub fn read(state_dir: &Path) -> Option<String> {
    fs::read_to_string(path(state_dir)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_kept_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("run")).unwrap();
        assert_eq!(read(folder.path()), None);
        keep(folder.path(), "one: 1\n");
        keep(folder.path(), "two: 2\n");
        assert_eq!(read(folder.path()).as_deref(), Some("two: 2\n"));
        let mode = fs::metadata(path(folder.path())).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("run")).unwrap().count(), 1);
    }
}
