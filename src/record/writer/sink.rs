//! One log file on disk: whole lines in, moved aside when large or old, opened anew when somebody moved it.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::super::labels::LogFile;
use super::append::{append_lines, cut_tail, fitting_lines, Torn};
use super::folder::{open_log_file, LockedFolder};
use super::housekeeper::Housekeeper;
use super::old_file::{Moment, OldFiles};
use super::queue::count_lines;
use super::room::{Allowance, Room};
use super::{rotate, LogOptions};
use crate::platform;

/// When a failed open or rotation is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

const TARGET: &str = "sidegate::record";

/// The log files of one folder.
pub struct Sinks {
    /// Held so that no other process logs here while we do.
    folder: Arc<LockedFolder>,
    options: LogOptions,
    sinks: [Sink; LogFile::COUNT],
    housekeeper: Housekeeper,
    room: Room,
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
                Sink::open(Arc::clone(&folder), access)?,
                Sink::open(Arc::clone(&folder), gateway)?,
                Sink::open(Arc::clone(&folder), raw_errors)?,
            ],
            housekeeper: Housekeeper::start(Arc::clone(&folder), options.keep)?,
            room: Room::default(),
            folder,
            options,
        })
    }

    pub fn set_options(&mut self, options: LogOptions) {
        self.options = options;
        self.housekeeper.keep(options.keep);
        self.room.forget();
    }

    /// What there is to do now and then, lines or not: measure the volume, end an old file.
    pub fn look_around(&mut self, now: Instant, wall: SystemTime) {
        let path = self.folder.path();
        let alert_percent = self.options.alert_percent;
        self.room
            .look(now, alert_percent, || platform::used_ratio(path));
        let mut has_rotated = false;
        for sink in &mut self.sinks {
            sink.look_after(now);
            has_rotated |= sink.rotate_if_old(&self.options, now, wall);
        }
        if has_rotated {
            self.housekeeper.tidy();
        }
    }

    pub fn allowance(&self) -> Allowance {
        self.room.allowance()
    }

    /// How full the volume is, as far as it was measured.
    pub fn used_percent(&self) -> u8 {
        self.room.used_percent()
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
        if file == LogFile::Access && !self.allowance().has_access_lines() {
            return Err(Lost {
                lines: count_lines(lines),
                error: self.room.refusal(),
            });
        }
        let Some(sink) = self.sinks.get_mut(file.index()) else {
            return Ok(());
        };
        let moved_before = sink.last_moved;
        let result = sink.write(&self.options, lines, now, wall);
        if sink.last_moved != moved_before {
            self.housekeeper.tidy();
        }
        result
    }
}

struct Sink {
    folder: Arc<LockedFolder>,
    file: LogFile,
    /// None after a failure to open, until the next try.
    open: Option<Opened>,
    /// When an open or a rotation last failed.
    failed_at: Option<Instant>,
    /// Why there is no file open.
    trouble: String,
    /// The name that the newest old file got.
    last_moved: Option<Moment>,
    rotation: Rotation,
}

/// How the last rotation went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rotation {
    Well,
    /// It failed: go on in this file until it is time to try again.
    Failed,
    /// It failed, and may be tried again.
    Due,
}

struct Opened {
    file: File,
    size: u64,
    /// When its lines began, as far as that can be known; none while it is empty.
    begun: Option<SystemTime>,
}

impl Opened {
    /// A file that an earlier process wrote was begun when it last wrote at the latest, and in the period of that: at the
    /// end of each it would have begun another.
    fn new(file: File) -> io::Result<Opened> {
        let about = file.metadata()?;
        let size = about.len();
        let begun = if size > 0 {
            about.modified().ok()
        } else {
            None
        };
        Ok(Opened { file, size, begun })
    }
}

impl Sink {
    fn open(folder: Arc<LockedFolder>, file: LogFile) -> io::Result<Sink> {
        let old = OldFiles::list(folder.path(), file.as_str());
        let mut sink = Sink {
            folder,
            file,
            open: None,
            failed_at: None,
            trouble: String::new(),
            // A folder that can't be listed: a name that is taken is found out one by one.
            last_moved: old.ok().and_then(|old| old.newest()),
            rotation: Rotation::Well,
        };
        sink.open = Some(sink.try_open()?);
        Ok(sink)
    }

    fn write(
        &mut self,
        options: &LogOptions,
        mut lines: &[u8],
        now: Instant,
        wall: SystemTime,
    ) -> Result<(), Lost> {
        self.look_after(now);
        self.rotate_if_old(options, now, wall);
        while !lines.is_empty() {
            let may_rotate = self.rotation != Rotation::Failed;
            let Some(open) = &mut self.open else {
                return Err(Lost {
                    lines: count_lines(lines),
                    error: io::Error::other(self.trouble.clone()),
                });
            };
            let room = if may_rotate {
                room_left(options.max_bytes, open.size)
            } else {
                usize::MAX
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
            open.begun.get_or_insert(wall);
            lines = rest;
        }
        Ok(())
    }

    /// Is the file still there under its name, and how large is it? Asked before each batch, some fifty times a second at
    /// most, so that next to no line goes into a file that somebody removed.
    fn look_after(&mut self, now: Instant) {
        let is_due = self
            .failed_at
            .is_none_or(|at| now.saturating_duration_since(at) >= TRY_AGAIN);
        if is_due && self.rotation == Rotation::Failed {
            self.rotation = Rotation::Due;
        }
        if !self.is_in_place() && (is_due || self.open.is_some()) {
            self.open_anew(now);
        }
    }

    /// Whether the open file is still the one of its name; then its size is known afterwards.
    fn is_in_place(&mut self) -> bool {
        let path = self.path();
        let Some(open) = &mut self.open else {
            return false;
        };
        let Some(size) = size_if_same(&open.file, &path) else {
            return false;
        };
        open.size = size;
        if size == 0 {
            open.begun = None;
        }
        true
    }

    fn open_anew(&mut self, now: Instant) {
        // The old one first: it may be what uses up the descriptors.
        self.open = None;
        match self.try_open() {
            Ok(opened) => self.open = Some(opened),
            Err(error) => {
                self.trouble = error.to_string();
                self.failed_at = Some(now);
            }
        }
    }

    fn try_open(&self) -> io::Result<Opened> {
        self.folder.make_again()?;
        Opened::new(open_log_file(&self.path())?)
    }

    /// Whether the file was of an earlier period and is now an old one.
    fn rotate_if_old(&mut self, options: &LogOptions, now: Instant, wall: SystemTime) -> bool {
        let begun = self.open.as_ref().and_then(|open| open.begun);
        let is_over = begun.is_some_and(|begun| rotate::is_over(begun, wall, options.max_age));
        if !is_over || self.rotation == Rotation::Failed {
            return false;
        }
        self.rotate(now, wall);
        self.rotation == Rotation::Well
    }

    /// Moves the file aside and begins a new one. Where that fails, lines go on into the old one.
    fn rotate(&mut self, now: Instant, wall: SystemTime) {
        if !self.is_in_place() {
            // Somebody else moved it aside.
            return self.open_anew(now);
        }
        match self.try_rotate(wall) {
            Ok(opened) => {
                self.open = Some(opened);
                self.rotation = Rotation::Well;
            }
            Err(error) => {
                if self.rotation == Rotation::Well {
                    self.complain(&error);
                }
                self.rotation = Rotation::Failed;
                self.failed_at = Some(now);
            }
        }
    }

    fn try_rotate(&mut self, wall: SystemTime) -> io::Result<Opened> {
        let (folder, stem) = (self.folder.path(), self.file.as_str());
        let (file, moment) = rotate::rotate(folder, stem, self.last_moved, wall)?;
        self.last_moved = Some(moment);
        Opened::new(file)
    }

    /// Once a failure: the file grows beyond its size, which is better than losing lines.
    fn complain(&self, error: &io::Error) {
        log::warn!(
            target: TARGET,
            "cannot move {} aside: {error}; it goes on growing until that works",
            self.path().display(),
        );
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
        rotate::current(self.folder.path(), self.file.as_str())
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
