//! The log files and the thread that writes them; nothing here can hold a request up.
//!
//! A line is copied into a bounded buffer in memory under a lock that is never held during I/O. One thread
//! takes whatever has gathered and writes it in one go. When the buffer is full or the disk is, lines are
//! dropped and counted, and `gateway.jsonl` says so when it is over.
//!
//! Files that are large or old are moved aside by the same thread, which costs it two renames; another one compresses them
//! and removes those that are too many. As the volume fills up, [`Allowance`] says what is still written.
//!
//! The rule: a file holds whole lines only. Whoever sends must send one whole line; what a full disk cuts
//! is cut back to the last whole one.

mod append;
mod folder;
mod gap;
mod gzip;
mod housekeeper;
mod old_file;
mod queue;
mod room;
mod rotate;
mod sink;
mod thread;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::config::Config;

use super::access::Sequence;
use super::json::Object;
use super::labels::LogFile;
pub use folder::examine as examine_logs;
use folder::{Folder, FolderId};
pub use queue::DropCounts;
use queue::{Change, Queue};
use room::SharedAllowance;
pub use room::{Allowance, ACCESS_LINES_END};
use sink::Sinks;

/// How large and old the files get, how many old ones stay, and how full their volume may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogOptions {
    /// A file that would grow beyond this is moved aside first.
    pub max_bytes: u64,
    /// A file is moved aside at the end of such a period, counted from 1970 in UTC.
    pub max_age: Duration,
    /// Old ones kept of each file.
    pub keep: u32,
    /// From this used share of the volume on bodies are left out.
    pub alert_percent: u8,
}

impl From<&Config> for LogOptions {
    fn from(config: &Config) -> LogOptions {
        LogOptions {
            max_bytes: config.logs.max_bytes,
            max_age: config.logs.max_age,
            keep: config.logs.keep,
            alert_percent: config.disk.alert_percent,
        }
    }
}

/// The open log files of this process; see [`LogFile`] for which there are.
///
/// Dropped without [`LogFiles::flush_and_close`], it still writes what waits, if the process lives on.
pub struct LogFiles {
    queue: Arc<Queue>,
    /// The folder that the thread writes to, or will when it has taken the last change.
    folder: Mutex<FolderId>,
    gateway_sequence: Arc<Sequence>,
    allowance: Arc<SharedAllowance>,
}

impl LogFiles {
    /// Opens (and creates, folder 0700, files 0600) the log files in `dir` and starts their writer.
    ///
    /// # Errors
    /// The folder or a file can't be opened or isn't ours alone: another user's, a symbolic link, not a
    /// plain file, a folder others may write to, or one that another process logs to. The text names it.
    pub fn open(dir: &Path, options: LogOptions) -> io::Result<LogFiles> {
        let folder = Folder::open(dir)?;
        let id = folder.id();
        let sinks = Sinks::open(folder.lock()?, options)?;
        let queue = Arc::new(Queue::default());
        let gateway_sequence = Arc::new(Sequence::default());
        let allowance = Arc::new(SharedAllowance::default());
        thread::start(
            Arc::clone(&queue),
            Arc::clone(&gateway_sequence),
            Arc::clone(&allowance),
            sinks,
        )?;
        Ok(LogFiles {
            queue,
            folder: Mutex::new(id),
            gateway_sequence,
            allowance,
        })
    }

    /// Goes on in `dir` with `options`; what waits is still written to the old files.
    ///
    /// # Errors
    /// As [`LogFiles::open`]; then everything stays as it was.
    pub fn reconfigure(&self, dir: &Path, options: LogOptions) -> io::Result<()> {
        let mut current = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::open(dir)?;
        let id = folder.id();
        if id == *current {
            self.queue.change(Change::Options(options));
        } else {
            let sinks = Sinks::open(folder.lock()?, options)?;
            self.queue.change(Change::Files(Box::new(sinks)));
            *current = id;
        }
        Ok(())
    }

    /// Hands over one whole line, with or without its newline; there must be none inside.
    ///
    /// Never waits. Returns false when the line was dropped, which is counted.
    pub fn send(&self, file: LogFile, line: &[u8]) -> bool {
        self.queue.push(file, line)
    }

    /// Writes a line of the process's own into `gateway.jsonl`.
    pub fn say(&self, at: SystemTime, level: log::Level, target: &str, message: &str) -> bool {
        let seq = self.gateway_sequence.next();
        let line = gateway_line(seq, at, level, target, message);
        self.send(LogFile::Gateway, &line)
    }

    /// What is written as the volume stands. Whoever makes a line with a body asks before; access lines may be sent all the
    /// same, and are counted as dropped.
    pub fn allowance(&self) -> Allowance {
        self.allowance.get()
    }

    /// Lines of `file` dropped since the start.
    pub fn dropped(&self, file: LogFile) -> u64 {
        self.queue.drops().of(file)
    }

    /// When a line of any file was last dropped.
    pub fn dropped_last(&self) -> Option<SystemTime> {
        self.queue.drops().last()
    }

    /// The counts behind [`LogFiles::dropped`], for the metrics.
    pub fn drop_counts(&self) -> Arc<DropCounts> {
        Arc::clone(self.queue.drops())
    }

    /// Waits until all that was sent before is in the files (or dropped), at the latest until `deadline`.
    /// Returns whether it is.
    pub fn flush(&self, deadline: Instant) -> bool {
        self.queue.flush(deadline)
    }

    /// For the end of the process: takes no more lines, writes what waits, closes the files. Returns
    /// whether that was done by `deadline`; a hung disk must not keep the process.
    pub fn flush_and_close(&self, deadline: Instant) -> bool {
        self.flush(deadline);
        self.queue.close();
        self.queue.wait_until_closed(deadline)
    }
}

impl Drop for LogFiles {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A line of `gateway.jsonl`, with its newline.
fn gateway_line(
    seq: u64,
    at: SystemTime,
    level: log::Level,
    target: &str,
    message: &str,
) -> Vec<u8> {
    let mut line = Vec::with_capacity(message.len() + 128);
    let mut object = Object::begin(&mut line);
    object.time("ts", at);
    object.text("level", level_name(level));
    object.text("target", target);
    object.text("message", message);
    object.number("seq", seq);
    object.end();
    line
}

fn level_name(level: log::Level) -> &'static str {
    match level {
        log::Level::Error => "error",
        log::Level::Warn => "warn",
        log::Level::Info => "info",
        log::Level::Debug => "debug",
        log::Level::Trace => "trace",
    }
}

#[cfg(test)]
mod tests;
