//! Which files of the folder are manifests, in the order of their names.

use crate::config::{Mistake, Place};
use crate::platform;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More than anybody has skills.
const MANIFESTS: usize = 1024;

/// Files of any kind; a larger folder is some other folder.
const ENTRIES: usize = 10_000;

/// What an entry is, by its name and kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A manifest by itself.
    Yaml,
    /// A skill's folder, whose `SKILL.md` may hold one.
    Folder,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    pub path: PathBuf,
    pub kind: Kind,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Listed {
    pub sources: Vec<Source>,
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
}

/// Lists a folder; one that isn't there is empty.
///
/// # Errors
/// It can't be read, is open to others, or holds more than any folder of skills does.
pub fn list(folder: &Path) -> Result<Listed, Mistake> {
    let refuse = |text: String| whole(folder, &text);
    let facts = match fs::metadata(folder) {
        Ok(facts) => facts,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Listed::default()),
        Err(error) => return Err(refuse(format!("cannot be read: {error}"))),
    };
    let us = platform::effective_user();
    if facts.uid() != us && facts.uid() != 0 {
        let owner = facts.uid();
        let why = format!("belongs to user {owner}, who can put manifests there; we are user {us}");
        return Err(refuse(why));
    }
    if let Some(why) = open_to_others(facts.mode(), "skills") {
        return Err(refuse(why));
    }
    let entries =
        fs::read_dir(folder).map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let mut listed = Listed::default();
    for (count, entry) in entries.enumerate() {
        if count == ENTRIES {
            return Err(refuse(format!(
                "holds more than {ENTRIES} files, which no folder of skills does"
            )));
        }
        let entry = entry.map_err(|error| refuse(format!("cannot be read: {error}")))?;
        judge(&entry, &mut listed);
    }
    listed.sources.sort();
    if listed.sources.len() > MANIFESTS {
        return Err(refuse(format!("holds more than {MANIFESTS} skills")));
    }
    Ok(listed)
}

/// Names that begin with a dot belong to editors and version control.
fn judge(entry: &fs::DirEntry, listed: &mut Listed) {
    let (path, name) = (entry.path(), entry.file_name());
    if name.as_encoded_bytes().starts_with(b".") {
        return;
    }
    let Ok(kind) = entry.file_type() else { return };
    let ending = path.extension().and_then(|ending| ending.to_str());
    let is_yaml = matches!(ending, Some("yaml" | "yml"));
    if kind.is_symlink() && (is_yaml || path.join(SKILL_MD).exists()) {
        let text = "is a symbolic link, which may be pointed elsewhere (accepted: the file or folder itself)";
        listed.mistakes.push(whole(&path, text));
    } else if kind.is_dir() && fs::symlink_metadata(path.join(SKILL_MD)).is_ok() {
        listed.sources.push(Source {
            path: path.join(SKILL_MD),
            kind: Kind::Folder,
        });
    } else if is_yaml && !kind.is_dir() {
        listed.sources.push(Source {
            path,
            kind: Kind::Yaml,
        });
    }
}

pub const SKILL_MD: &str = "SKILL.md";

/// Why a folder's mode lets others put manifests there; none where it doesn't. The sticky bit lets them, too.
pub fn open_to_others(mode: u32, what: &str) -> Option<String> {
    (mode & 0o022 != 0).then(|| {
        format!(
            "may be written by others (mode {:04o}), who could decide what {what} may do; run: chmod go-w on it",
            mode & 0o7777
        )
    })
}

pub fn whole(path: &Path, text: &str) -> Mistake {
    let name: Arc<str> = Arc::from(path.display().to_string());
    Mistake::new(Place::WholeFile(name), "", text)
}
