//! Appending whole lines, and what to cut away when that fails midway.

use std::fs::File;
use std::io::{self, Write};

/// What a write that failed midway has left.
#[derive(Debug)]
pub struct Torn {
    /// Of the lines given, what is in the file as whole lines.
    pub whole_bytes: usize,
    /// Behind them, the beginning of a line that must go.
    pub half_line_bytes: usize,
    pub error: io::Error,
}

/// Where lines are appended: a file, or in tests a disk that fills up.
pub trait Medium: Write {
    fn size(&self) -> io::Result<u64>;
    fn cut_to(&mut self, size: u64) -> io::Result<()>;
}

impl Medium for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut_to(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }
}

pub fn append_lines(medium: &mut impl Medium, lines: &[u8]) -> Result<(), Torn> {
    let mut done = 0;
    while done < lines.len() {
        let (written, rest) = lines.split_at(done);
        let error = match medium.write(rest) {
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(more) => {
                done += more.min(rest.len());
                continue;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        let whole_bytes = memchr::memrchr(b'\n', written).map_or(0, |end| end + 1);
        return Err(Torn {
            whole_bytes,
            half_line_bytes: done - whole_bytes,
            error,
        });
    }
    Ok(())
}

/// Takes `bytes` off the end; the size afterwards. The size is asked for, because somebody else may have
/// emptied the file meanwhile.
pub fn cut_tail(medium: &mut impl Medium, bytes: usize) -> io::Result<u64> {
    let size = medium.size()?;
    let whole = size.saturating_sub(bytes as u64);
    if bytes > 0 {
        medium.cut_to(whole)?;
    }
    Ok(whole)
}

/// How many bytes of `lines` are whole lines within `room`; one line at least where `even_if_large`.
pub fn fitting_lines(lines: &[u8], room: usize, even_if_large: bool) -> usize {
    if lines.len() <= room {
        return lines.len();
    }
    let (within, _) = lines.split_at(room);
    match memchr::memrchr(b'\n', within) {
        Some(end) => end + 1,
        None if even_if_large => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
        None => 0,
    }
}

#[cfg(test)]
mod tests;
