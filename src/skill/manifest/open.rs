//! Opens a manifest, without following a link or waiting for a pipe, and judges who could have written it.

use super::folder::{open_to_others, whole, Kind, Source};
use super::front::OURS;
use crate::config::Mistake;
use crate::platform;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A manifest with every key and two large schemas is a tenth of this.
const FILE_BYTES: u64 = 256 << 10;

/// A manifest's text, and what its mode gives to think about.
#[derive(Debug)]
pub struct Opened {
    pub text: String,
    /// Others can write it.
    pub unsafe_mode: Option<Mistake>,
    /// We can write it ourselves.
    pub warning: Option<Mistake>,
}

/// What is known of an opened file.
#[derive(Debug, Clone, Copy)]
struct Facts {
    is_regular: bool,
    mode: u32,
    owner: u32,
}

/// Who can write a file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Writers {
    Nobody,
    /// We, or whoever runs as us.
    Us,
    /// Why it is refused.
    Others(String),
}

/// # Errors
/// It can't be read, is no regular file, too large or no text.
pub fn open(source: &Source) -> Result<Opened, Mistake> {
    let path = &source.path;
    let refuse = |text: String| whole(path, &text);
    let us = platform::effective_user();
    let around = match source.kind {
        Kind::Yaml => Writers::Nobody,
        Kind::Folder => folder_writers(source, us).map_err(|error| refuse(unreadable(error)))?,
    };
    let (file, facts) = without_links(path).map_err(|error| refuse(unreadable(error)))?;
    if !facts.is_regular {
        return Err(refuse("is no regular file".to_string()));
    }
    let bytes = read(file).map_err(|error| refuse(unreadable(error)))?;
    let may_be_ours = memchr::memmem::find(&bytes, OURS.as_bytes()).is_some();
    if source.kind == Kind::Folder && !may_be_ours {
        // Somebody else's, whatever it is like.
        return Ok(Opened {
            text: String::new(),
            unsafe_mode: None,
            warning: None,
        });
    }
    let text = text(bytes).map_err(refuse)?;
    let by = [around, writers(&facts, us)];
    let others = by.iter().find_map(|writers| match writers {
        Writers::Others(why) => Some(refuse(why.clone())),
        Writers::Us | Writers::Nobody => None,
    });
    let warning = (others.is_none() && by.contains(&Writers::Us)).then(|| {
        refuse(format!(
            "can be written by whatever runs as us (mode {:04o}), and decides what a skill may do; run: chmod 0400 on it",
            facts.mode & 0o7777
        ))
    });
    Ok(Opened {
        text,
        unsafe_mode: others,
        warning,
    })
}

fn writers(facts: &Facts, us: u32) -> Writers {
    if facts.owner != us && facts.owner != 0 {
        let owner = facts.owner;
        return Writers::Others(format!(
            "belongs to user {owner}, who can write it; we are user {us}"
        ));
    }
    if let Some(why) = open_to_others(facts.mode, "a skill") {
        return Writers::Others(why);
    }
    if facts.owner == us && facts.mode & 0o200 != 0 {
        return Writers::Us;
    }
    Writers::Nobody
}

/// A skill's folder that others can write lets them put another `SKILL.md` there. That we can write it is usual.
fn folder_writers(source: &Source, us: u32) -> io::Result<Writers> {
    let Some(folder) = source.path.parent() else {
        return Ok(Writers::Nobody);
    };
    let facts = facts(&fs::symlink_metadata(folder)?);
    match writers(&facts, us) {
        Writers::Others(why) => Ok(Writers::Others(format!("is in a folder that {why}"))),
        Writers::Us | Writers::Nobody => Ok(Writers::Nobody),
    }
}

fn without_links(path: &Path) -> io::Result<(File, Facts)> {
    let file = platform::no_links().read(true).open(path)?;
    let facts = facts(&file.metadata()?);
    Ok((file, facts))
}

fn facts(about: &Metadata) -> Facts {
    Facts {
        is_regular: about.is_file(),
        mode: about.mode(),
        owner: about.uid(),
    }
}

/// One byte more than a manifest may have is enough to see that it is none.
fn read(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > FILE_BYTES {
        return Err("is larger than 256KiB, which no manifest is".to_string());
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_string())
}

fn unreadable(error: io::Error) -> String {
    match error {
        error if platform::is_link(&error) => {
            "is a symbolic link, which may be pointed elsewhere (accepted: the file or folder itself)".to_string()
        }
        error if platform::is_socket(&error) => "is no regular file".to_string(),
        error => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(owner: u32, mode: u32) -> Writers {
        let facts = Facts {
            is_regular: true,
            mode: 0o100_000 | mode,
            owner,
        };
        writers(&facts, 501)
    }

    #[test]
    fn only_what_nobody_can_write_is_beyond_doubt() {
        assert_eq!(judged(501, 0o400), Writers::Nobody);
        assert_eq!(judged(501, 0o444), Writers::Nobody);
        assert_eq!(
            judged(0, 0o644),
            Writers::Nobody,
            "root's file, and we are not root"
        );
        assert_eq!(judged(501, 0o600), Writers::Us);
        assert_eq!(judged(501, 0o644), Writers::Us);
    }

    #[test]
    fn what_others_can_write_is_refused() {
        for (owner, mode) in [
            (501, 0o420),
            (501, 0o402),
            (501, 0o666),
            (0, 0o664),
            (502, 0o400),
        ] {
            assert!(
                matches!(judged(owner, mode), Writers::Others(_)),
                "{owner} {mode:o}"
            );
        }
    }
}
