//! The demo's temporary folder: ours alone, and gone with the value.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Names that are tried before we believe that something else is wrong.
const TRIES: usize = 16;

/// Removed, with all that is in it, when dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a folder with mode 0700 below `parent`. One that exists is never taken over: it may be anybody's.
    pub fn make(parent: &Path) -> io::Result<Folder> {
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..TRIES {
            // Short: a Unix socket stands in it, and its path may have 103 bytes on macOS.
            let path = parent.join(format!("sidegate-demo-{:08x}", rand::random::<u32>()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Folder { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the manifests of skills, which nobody can write to afterwards.
    pub fn write_skills(&self, skills: &[(&str, &str)]) -> io::Result<()> {
        let folder = self.path.join("skills");
        DirBuilder::new().mode(0o700).create(&folder)?;
        for (name, text) in skills {
            let mut options = OpenOptions::new();
            let options = options.write(true).create_new(true).mode(0o400);
            options
                .open(folder.join(name))?
                .write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Writes a new file, readable by us alone.
    pub fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody is left to be told, and the system clears its temporary files in time.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_folder_is_ours_alone_and_goes_with_its_value() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::make(parent.path()).unwrap();
        let file = folder.write("a", "text").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        assert_eq!(mode(&file), 0o600);
        assert!(folder.write("a", "again").is_err());
        drop(folder);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
