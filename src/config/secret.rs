//! Secrets, and the files that hold them.
//!
//! A file is judged by its opened descriptor, so that what was judged is what is read. A secret can be
//! opened only by a word that can be searched for: `expose_secret`.

mod judge;
mod read;

use std::fmt;
use std::hint::black_box;

pub use judge::Unfit;
pub use read::{read_key, read_private, PrivateFile, PrivateFileError};

/// A text that nothing prints. Its memory is overwritten on drop, as well as safe code can.
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    /// The secret itself. Every use of this word is a place to look at in a review.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        black_box(&bytes);
    }
}

#[cfg(test)]
mod tests;
