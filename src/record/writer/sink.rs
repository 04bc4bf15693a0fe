//! One log file on disk: whole lines in, moved aside when large, opened anew when somebody moved it.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::labels::LogFile;
use super::append::{append_lines, cut_tail, fitting_lines, Torn};
use super::folder::{open_log_file, LockedFolder};
use super::queue::count_lines;
use super::{rotate, LogOptions};

/// How often a file is looked for under its name, and a failed open or rotation is tried again.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The log files of one folder.
pub struct Sinks {
    sinks: [Sink; LogFile::COUNT],
}

/// Lines that are not in the file, and why.
#[derive(Debug)]
pub struct Lost {
    pub lines: u64,
    pub error: io::Error,
}

impl Sinks {
    /// # Errors
    /// A file can't be opened; the text names it.
    pub fn open(folder: LockedFolder, options: LogOptions) -> io::Result<Sinks> {
        let folder = Arc::new(folder);
        let [access, gateway, raw_errors] = LogFile::ALL;
        Ok(Sinks {
            sinks: [
                Sink::open(Arc::clone(&folder), access, options)?,
                Sink::open(Arc::clone(&folder), gateway, options)?,
                Sink::open(folder, raw_errors, options)?,
            ],
        })
    }

    pub fn set_options(&mut self, options: LogOptions) {
        for sink in &mut self.sinks {
            sink.options = options;
            sink.remove_old_ones();
        }
    }

    /// # Errors
    /// Not all lines are in the file; those that are, are whole.
    pub fn write(
        &mut self,
        file: LogFile,
        lines: &[u8],
        now: Instant,
        wall: SystemTime,
    ) -> Result<(), Lost> {
        match self.sinks.get_mut(file.index()) {
            Some(sink) => sink.write(lines, now, wall),
            None => Ok(()),
        }
    }
}

struct Sink {
    /// Held so that no other process logs here while we do.
    folder: Arc<LockedFolder>,
    file: LogFile,
    options: LogOptions,
    /// None after a failure to open, until the next try.
    open: Option<Opened>,
    /// When the name was last looked at or an open or rotation last failed.
    looked: Option<Instant>,
    /// Why there is no file open.
    trouble: String,
    /// The last rotation failed: go on in this file until it is time to try again.
    rotation_failed: bool,
}

struct Opened {
    file: File,
    size: u64,
}

impl Sink {
    fn open(folder: Arc<LockedFolder>, file: LogFile, options: LogOptions) -> io::Result<Sink> {
        let mut sink = Sink {
            folder,
            file,
            options,
            open: None,
            looked: None,
            trouble: String::new(),
            rotation_failed: false,
        };
        sink.open_anew()?;
        sink.remove_old_ones();
        Ok(sink)
    }

    fn write(&mut self, mut lines: &[u8], now: Instant, wall: SystemTime) -> Result<(), Lost> {
        self.look_after(now);
        while !lines.is_empty() {
            let Some(open) = &mut self.open else {
                return Err(Lost {
                    lines: count_lines(lines),
                    error: io::Error::other(self.trouble.clone()),
                });
            };
            let room = if self.rotation_failed {
                usize::MAX
            } else {
                room_left(self.options.max_bytes, open.size)
            };
            let fitting = fitting_lines(lines, room, open.size == 0);
            if fitting == 0 {
                self.rotate(now, wall);
                continue;
            }
            let (now_written, rest) = lines.split_at(fitting);
            if let Err(torn) = append_lines(&mut open.file, now_written) {
                return Err(self.heal(torn, lines));
            }
            open.size += now_written.len() as u64;
            lines = rest;
        }
        Ok(())
    }

    /// Once in a while: is the file still there under its name, and how large is it?
    fn look_after(&mut self, now: Instant) {
        let due = self
            .looked
            .is_none_or(|last| now.saturating_duration_since(last) >= LOOK_EVERY);
        if !due {
            return;
        }
        self.looked = Some(now);
        self.rotation_failed = false;
        let path = self.path();
        let open = self.open.as_mut();
        match open.and_then(|open| Some((size_if_same(&open.file, &path)?, open))) {
            Some((size, open)) => open.size = size,
            // What went wrong is kept in `trouble`.
            None => drop(self.open_anew()),
        }
    }

    fn open_anew(&mut self) -> io::Result<()> {
        self.open = None;
        let opened = self.try_open();
        if let Err(error) = &opened {
            self.trouble = error.to_string();
        }
        self.open = Some(opened?);
        Ok(())
    }

    fn try_open(&self) -> io::Result<Opened> {
        self.folder.make_again()?;
        let file = open_log_file(&self.path())?;
        let size = file.metadata()?.len();
        Ok(Opened { file, size })
    }

    /// Moves the file aside and begins a new one. Where that fails, lines go on into the old one.
    fn rotate(&mut self, now: Instant, wall: SystemTime) {
        let moved = rotate::move_aside(self.folder.path(), self.file.as_str(), wall);
        let reopened = moved.and_then(|()| self.open_anew());
        if reopened.is_err() {
            self.rotation_failed = true;
            self.looked = Some(now);
            return;
        }
        self.remove_old_ones();
    }

    fn remove_old_ones(&self) {
        // A leftover file harms nobody; the next rotation tries again.
        let _ = rotate::keep_newest(self.folder.path(), self.file.as_str(), self.options.keep);
    }

    /// Cuts what a failed write left half-written; a file that can't be cut is left to the next open,
    /// which cuts it.
    fn heal(&mut self, torn: Torn, lines: &[u8]) -> Lost {
        let whole = torn.whole_bytes.min(lines.len());
        let healed = match &mut self.open {
            Some(open) => {
                cut_tail(&mut open.file, torn.half_line_bytes).map(|size| open.size = size)
            }
            None => Ok(()),
        };
        if let Err(error) = healed {
            self.trouble = error.to_string();
            self.open = None;
        }
        Lost {
            lines: count_lines(lines.split_at(whole).1),
            error: torn.error,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder
            .path()
            .join(format!("{}.jsonl", self.file.as_str()))
    }
}

fn room_left(max_bytes: u64, size: u64) -> usize {
    usize::try_from(max_bytes.saturating_sub(size)).unwrap_or(usize::MAX)
}

/// The size of `file` when `path` still names it.
fn size_if_same(file: &File, path: &std::path::Path) -> Option<u64> {
    let ours = file.metadata().ok()?;
    let named = std::fs::symlink_metadata(path).ok()?;
    (ours.dev() == named.dev() && ours.ino() == named.ino()).then_some(ours.len())
}

#[cfg(test)]
mod tests;
