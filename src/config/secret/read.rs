//! Opens, judges and reads the file of a secret.

use super::judge::{judge, Facts, Unfit, BYTES_AT_MOST};
use super::Secret;
use crate::platform;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The content of a file that only we can read.
#[derive(Debug)]
pub struct PrivateFile {
    pub text: Secret,
    /// It is fit, but could be better.
    pub warning: Option<String>,
}

/// Why a secret can't be read from a file, and what mends that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateFileError {
    pub path: PathBuf,
    pub unfit: Unfit,
}

/// Reads a file that must be ours alone: a regular file of our own with mode 0400 (0600 is borne with a
/// warning), exactly one name, 1 byte to 1 MiB of UTF-8.
///
/// # Errors
/// The rule that the file breaks, with the command that mends it. No byte of the file is in it.
pub fn read_private(path: &Path) -> Result<PrivateFile, PrivateFileError> {
    let refuse = |unfit| PrivateFileError {
        path: path.to_path_buf(),
        unfit,
    };
    let (file, facts) = open(path).map_err(|error| refuse(unreadable(error)))?;
    let writable = judge(&facts, platform::effective_user()).map_err(refuse)?;
    let text = read(file, facts.bytes).map_err(refuse)?;
    let warning = writable.then(|| {
        let path_text = path.display();
        let quoted = quoted(path);
        format!("{path_text} has mode 0600; so that nothing changes it by accident, run: chmod 0400 {quoted}")
    });
    Ok(PrivateFile { text, warning })
}

/// Reads a file that holds one key: like [`read_private`], and a single word on a single line.
///
/// # Errors
/// Like [`read_private`], and when there is white space or a control character inside the key.
pub fn read_key(path: &Path) -> Result<PrivateFile, PrivateFileError> {
    let PrivateFile { text, warning } = read_private(path)?;
    let key = text.expose_secret().trim();
    let refuse = |unfit| PrivateFileError {
        path: path.to_path_buf(),
        unfit,
    };
    if key.is_empty() {
        return Err(refuse(Unfit::Empty));
    }
    // A header value: what is no visible ASCII can't be sent.
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse(Unfit::NotOneWord));
    }
    let text = Secret::new(key.to_string());
    Ok(PrivateFile { text, warning })
}

/// Never follows a link, never waits for the other end of a pipe.
fn open(path: &Path) -> io::Result<(File, Facts)> {
    let file = platform::no_links().read(true).open(path)?;
    let about = file.metadata()?;
    let facts = Facts {
        is_regular: about.is_file(),
        mode: about.mode() & 0o7777,
        owner: about.uid(),
        links: about.nlink(),
        bytes: about.len(),
    };
    Ok((file, facts))
}

/// Into memory of the right size at once: a buffer that grows leaves copies behind.
fn read(file: File, bytes: u64) -> Result<Secret, Unfit> {
    let capacity = usize::try_from(bytes).unwrap_or(0) + 1;
    let mut text = String::with_capacity(capacity);
    let outcome = file.take(BYTES_AT_MOST + 1).read_to_string(&mut text);
    let secret = Secret::new(text);
    match outcome {
        Ok(read) if read as u64 > BYTES_AT_MOST => Err(Unfit::TooLarge),
        Ok(0) => Err(Unfit::Empty),
        Ok(_) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(Unfit::NotText),
        Err(error) => Err(Unfit::Unreadable(error.to_string())),
    }
}

fn unreadable(error: io::Error) -> Unfit {
    match error {
        error if platform::is_link(&error) => Unfit::Link,
        error if platform::is_socket(&error) => Unfit::NotRegular,
        error => Unfit::Unreadable(error.to_string()),
    }
}

impl fmt::Display for PrivateFileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.path.display(), self.unfit)?;
        let path = quoted(&self.path);
        match self.unfit {
            Unfit::Mode(_) => write!(out, "; run: chmod 0400 {path}"),
            Unfit::ForeignOwner { us, .. } => write!(out, "; run: sudo chown {us} {path}"),
            Unfit::Link => write!(
                out,
                "; name the file itself, or put a copy there and run: chmod 0400 {path}"
            ),
            Unfit::Links(_) => write!(
                out,
                "; run: cp -p {path} {path}.new && mv {path}.new {path}"
            ),
            Unfit::Unreadable(_)
            | Unfit::NotRegular
            | Unfit::TooLarge
            | Unfit::Empty
            | Unfit::NotText
            | Unfit::NotOneWord => Ok(()),
        }
    }
}

impl std::error::Error for PrivateFileError {}

/// For a shell, where the path needs it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,@%".contains(&byte);
    if text.bytes().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
