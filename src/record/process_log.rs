//! What the process itself has to say: `log` records into `gateway.jsonl`, the urgent ones on stderr too.
//!
//! Only our own records are passed on in their words. Other crates' text can hold raw header bytes, bearer
//! tokens and what upstreams sent, so of theirs only "this crate warned" is kept, at most once a second,
//! whatever the level: [`clamp`] is the place.

mod clamp;
mod stderr;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};

use crate::clock;

use super::json::rfc3339;
use super::writer::LogFiles;
use clamp::{is_ours, Clamp};
use stderr::Stderr;

/// A message longer than this is cut; ours are a few hundred bytes at most.
const MAX_MESSAGE_BYTES: usize = 4096;

/// The logger of the process.
pub struct ProcessLog {
    level: AtomicUsize,
    /// Unset until the files are open; until then stderr has everything.
    files: OnceLock<Arc<LogFiles>>,
    clamp: Clamp,
    stderr: Stderr,
}

impl ProcessLog {
    /// Makes it the process's logger.
    ///
    /// # Errors
    /// There is one already.
    pub fn install(level: LevelFilter) -> Result<Arc<ProcessLog>, SetLoggerError> {
        let process_log = Arc::new(ProcessLog::new(level));
        log::set_boxed_logger(Box::new(Installed(Arc::clone(&process_log))))?;
        log::set_max_level(level);
        Ok(process_log)
    }

    fn new(level: LevelFilter) -> ProcessLog {
        ProcessLog {
            level: AtomicUsize::new(level as usize),
            files: OnceLock::new(),
            clamp: Clamp::default(),
            stderr: Stderr::default(),
        }
    }

    /// From now on records go to `gateway.jsonl`, and on stderr only warnings and errors, from a thread of
    /// its own: whoever reads our stderr and stops must not stop us. Only the first call counts.
    pub fn write_to(&self, files: Arc<LogFiles>) {
        self.stderr.use_a_thread();
        // A second call means a second set of files, and there is one a process.
        let _ = self.files.set(files);
    }

    /// Changes what is worth a line, at a reload.
    pub fn set_level(&self, level: LevelFilter) {
        self.level.store(level as usize, Ordering::Relaxed);
        log::set_max_level(level);
    }

    /// Waits until stderr has what it was given, at most `patience`: for the end of the process.
    pub fn flush_stderr(&self, patience: Duration) -> bool {
        self.stderr.flush(patience)
    }

    fn allows(&self, level: Level) -> bool {
        // `log` numbers both from Error = 1 on, so a level passes a filter of its number or higher.
        level as usize <= self.level.load(Ordering::Relaxed)
    }

    fn record(&self, record: &Record, now: SystemTime) {
        if is_ours(record.target()) {
            let message = shortened(record.args().to_string());
            self.write(now, record.level(), record.target(), &message);
        } else if let Some(clamped) = self.clamp.admit(record.level(), record.target(), now) {
            self.write(now, record.level(), &clamped.target, &clamped.message);
        }
    }

    fn write(&self, now: SystemTime, level: Level, target: &str, message: &str) {
        let files = self.files.get();
        if let Some(files) = files {
            files.say(now, level, target, message);
        }
        if files.is_none() || level <= Level::Warn {
            self.stderr.write(&for_people(now, level, target, message));
        }
    }
}

/// `log` wants to own its logger; we keep a handle to change the level and attach the files.
struct Installed(Arc<ProcessLog>);

impl Log for Installed {
    fn enabled(&self, metadata: &Metadata) -> bool {
        self.0.allows(metadata.level())
    }

    fn log(&self, record: &Record) {
        if self.0.allows(record.level()) {
            self.0.record(record, clock::wall());
        }
    }

    fn flush(&self) {}
}

/// One line for a terminal or a supervisor's log; control characters are written out, not acted upon.
fn for_people(now: SystemTime, level: Level, target: &str, message: &str) -> String {
    let mut line = format!("{} {level:<5} {target}: ", rfc3339(now));
    for character in message.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

fn shortened(mut message: String) -> String {
    if message.len() <= MAX_MESSAGE_BYTES {
        return message;
    }
    let end = (0..=MAX_MESSAGE_BYTES)
        .rev()
        .find(|&at| message.is_char_boundary(at));
    message.truncate(end.unwrap_or(0));
    message.push('…');
    message
}

#[cfg(test)]
mod tests;
