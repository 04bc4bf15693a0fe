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

/// One line without anything that a terminal would act upon: escape sequences, and characters that reverse the order of
/// what follows or aren't to be seen at all.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\t' => shown.push_str("    "),
            _ if letter.is_control() || is_unseen(letter) => shown.extend(letter.escape_unicode()),
            _ => shown.push(letter),
        }
    }
    shown
}

/// Marks of direction, separators of lines, and what has no width (Unicode's Bidi_Control and the like).
fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
