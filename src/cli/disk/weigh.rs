//! What a folder takes on its volume: blocks, each file once however many names it has, links not followed.
//!
//! A cache of models links from its snapshots to its blobs: following that would count each model several times.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// `st_blocks` counts in these, whatever the file system's own blocks are (stat(2)).
const BLOCK: u64 = 512;

/// No cache of models has a hundredth of it.
const MOST_FILES: usize = 2_000_000;

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    pub bytes: u64,
    /// Nothing had to be left out.
    pub is_whole: bool,
}

/// Weighs everything below `folder` that is on its volume.
pub fn weigh(folder: &Path) -> Weight {
    let mut weight = Weight {
        bytes: 0,
        is_whole: true,
    };
    let Ok(top) = fs::metadata(folder) else {
        weight.is_whole = false;
        return weight;
    };
    let mut several_names = HashSet::new();
    let mut left: Vec<PathBuf> = vec![folder.to_path_buf()];
    let mut files = 0;
    while let Some(folder) = left.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            weight.is_whole = false;
            continue;
        };
        for entry in entries {
            let Some(about) = entry.as_ref().ok().and_then(|entry| entry.metadata().ok()) else {
                weight.is_whole = false;
                continue;
            };
            files += 1;
            if files > MOST_FILES {
                weight.is_whole = false;
                return weight;
            }
            let is_new = about.nlink() < 2
                || about.is_dir()
                || several_names.insert((about.dev(), about.ino()));
            if about.dev() != top.dev() || !is_new {
                continue;
            }
            weight.bytes += about.blocks() * BLOCK;
            if let (true, Ok(entry)) = (about.is_dir(), entry) {
                left.push(entry.path());
            }
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_once_however_often_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let blob = folder.path().join("blobs/model");
        fs::create_dir_all(blob.parent().unwrap()).unwrap();
        fs::write(&blob, vec![1; 1 << 20]).unwrap();
        let once = weigh(folder.path());
        assert!(once.bytes >= 1 << 20 && once.is_whole, "{once:?}");

        fs::create_dir(folder.path().join("snapshots")).unwrap();
        std::os::unix::fs::symlink(&blob, folder.path().join("snapshots/link")).unwrap();
        fs::hard_link(&blob, folder.path().join("snapshots/name")).unwrap();

        let again = weigh(folder.path());
        assert!(again.bytes < once.bytes + (1 << 19), "{once:?} {again:?}");
    }

    #[test]
    fn what_is_not_there_is_said_to_be_incomplete() {
        let weight = weigh(Path::new("/nowhere/at/all"));
        assert_eq!((weight.bytes, weight.is_whole), (0, false));
    }
}
