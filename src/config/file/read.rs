//! Reads the file itself, as much as a configuration can be and no more.

use crate::config::error::{Mistake, Place};
use crate::platform;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// A configuration of a thousand routes is a quarter of this.
const FILE_BYTES: u64 = 1 << 20;

/// The text, and what is worth a warning about the file.
pub struct Read {
    pub text: String,
    pub warning: Option<Mistake>,
}

/// Reads a regular file of at most 1 MiB of UTF-8.
///
/// # Errors
/// It can't be opened, is no regular file, too large, or not UTF-8.
pub fn read(path: &Path) -> Result<Read, Mistake> {
    let name: Arc<str> = Arc::from(path.display().to_string());
    let place = Place::WholeFile(name);
    let refuse = |text: String| Mistake::new(place.clone(), "", text);
    // Without waiting for a writer, should it be a pipe.
    let opened = platform::no_waiting().read(true).open(path);
    let file = opened.map_err(|error| refuse(format!("cannot be read: {error}")))?;
    let facts = file
        .metadata()
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if !facts.is_file() {
        return Err(refuse("is no regular file".to_string()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| refuse(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(refuse(
            "is larger than 1MiB, which no configuration is".to_string(),
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| refuse(not_text(&error)))?;
    let warning = (facts.mode() & 0o022 != 0).then(|| {
        refuse(format!(
            "may be written by others (mode {:04o}), who could send prompts and keys elsewhere; \
             run: chmod go-w on it",
            facts.mode() & 0o7777
        ))
    });
    Ok(Read { text, warning })
}

fn not_text(error: &std::string::FromUtf8Error) -> String {
    let before = error
        .as_bytes()
        .iter()
        .take(error.utf8_error().valid_up_to());
    let line = 1 + before.filter(|byte| **byte == b'\n').count();
    format!("is not UTF-8 (line {line})")
}
