//! What commands print.
//!
//! Never with `println!`: it panics when the reader has left, as in `sidegate routes | head -1`.

use std::io::{self, Write};

/// The result of a command, on stdout. `text` brings its own line ends.
///
/// # Errors
/// Nobody reads it, or the disk that it goes to is full. Only a command whose result exists nowhere else has to care.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The result of a command that can be run again.
pub fn show(text: &str) {
    let _ = print(text);
}

/// Everything that isn't the result, on stderr, as a line.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
