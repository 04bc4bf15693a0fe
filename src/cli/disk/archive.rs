//! Appends a line to the archive: a file of our own in a folder that may be made for it.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::platform;

const FILE: &str = "disk.jsonl";

/// # Errors
/// The folder can't be made, or the file is a link or can't be written.
pub fn append(folder: &Path, line: &str) -> io::Result<()> {
    if !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut options = platform::no_links();
    let mut file = options.append(true).create(true).open(folder.join(FILE))?;
    // One write: two jobs at once don't mix their lines.
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn lines_add_up_in_a_file_that_only_we_read() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a/b");
        append(&archive, "1\n").unwrap();
        append(&archive, "2\n").unwrap();
        let file = archive.join(FILE);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "1\n2\n");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&archive), mode(&file)), (0o700, 0o600));
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join(FILE)).unwrap();
        assert!(append(folder.path(), "1\n").is_err());
        assert!(!elsewhere.exists());
    }
}
