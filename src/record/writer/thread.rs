//! The writer's thread: takes what waits, writes it, says what went missing.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::clock;

use super::super::access::Sequence;
use super::super::labels::LogFile;
use super::gap::Gap;
use super::gateway_line;
use super::queue::{Batch, Change, Queue};
use super::room::{SharedAllowance, MEASURE_EVERY};
use super::sink::Sinks;

/// While lines are missing, how long an idle writer waits before it looks whether that is over.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

const TARGET: &str = "sidegate::record";

/// Starts the writer; it ends when the queue is closed.
///
/// # Errors
/// The system has no thread to give.
pub fn start(
    queue: Arc<Queue>,
    gateway_sequence: Arc<Sequence>,
    allowance: Arc<SharedAllowance>,
    sinks: Sinks,
) -> io::Result<()> {
    let mut writer = Writer {
        queue: Arc::clone(&queue),
        gateway_sequence,
        allowance,
        sinks,
        gaps: Default::default(),
        _end: End(queue),
    };
    // Here, so that the first line already finds out whether there is room for it.
    writer.look_around();
    thread::Builder::new()
        .name("log-writer".to_owned())
        .spawn(move || writer.run())
        .map(drop)
}

struct Writer {
    queue: Arc<Queue>,
    gateway_sequence: Arc<Sequence>,
    allowance: Arc<SharedAllowance>,
    sinks: Sinks,
    gaps: [Gap; LogFile::COUNT],
    /// The last, so that the files are closed when it says so.
    _end: End,
}

struct End(Arc<Queue>);

impl Drop for End {
    /// Also when the writer panicked: nobody may wait for it then.
    fn drop(&mut self) {
        self.0.writer_ended();
    }
}

impl Writer {
    fn run(mut self) {
        let mut batch = Batch::default();
        loop {
            let round = self.queue.next_round(&mut batch, self.patience());
            self.look_around();
            self.write_batch(&batch);
            self.announce_gaps(round.last);
            // After the batch: what was sent before a change belongs to the files before it.
            for change in round.changes {
                self.make(change);
            }
            self.queue.written(&mut batch, round.flushes);
            if round.last {
                return;
            }
        }
    }

    fn patience(&self) -> Duration {
        if self.gaps.iter().any(Gap::is_open) {
            LOOK_AGAIN
        } else {
            MEASURE_EVERY
        }
    }

    /// Asks how much room there is, and tells those who make the lines.
    fn look_around(&mut self) {
        self.sinks.look_around(clock::now(), clock::wall());
        let now = self.sinks.allowance();
        let before = self.allowance.set(now);
        let used = self.sinks.used_percent();
        match (before.has_bodies(), now.has_bodies()) {
            (true, false) => log::warn!(
                target: TARGET,
                "the volume of the logs is {used} % full: bodies are left out of raw-errors.jsonl"
            ),
            (false, true) => log::info!(
                target: TARGET,
                "the volume of the logs is {used} % full: bodies are written again"
            ),
            (true, true) | (false, false) => {}
        }
    }

    fn write_batch(&mut self, batch: &Batch) {
        for (file, lines) in LogFile::ALL.into_iter().zip(batch) {
            if !lines.is_empty() {
                self.write(file, lines);
            }
        }
    }

    /// Writes whole lines, or counts those that could not be; true when all of them are in the file.
    fn write(&mut self, file: LogFile, lines: &[u8]) -> bool {
        let result = self.sinks.write(file, lines, clock::now(), clock::wall());
        let Some(gap) = self.gaps.get_mut(file.index()) else {
            return false;
        };
        match result {
            Ok(()) => {
                gap.wrote();
                true
            }
            Err(lost) => {
                self.queue.drops().add(file, lost.lines);
                let cause = lost.error.to_string();
                if gap.failed(cause.clone()) {
                    complain(file, &cause);
                }
                false
            }
        }
    }

    fn announce_gaps(&mut self, last: bool) {
        for file in LogFile::ALL {
            let dropped = self.queue.drops().of(file);
            let Some(gap) = self.gaps.get_mut(file.index()) else {
                continue;
            };
            let Some(message) = gap.look(file, dropped, clock::wall(), last) else {
                continue;
            };
            if self.say(&message) {
                if let Some(gap) = self.gaps.get_mut(file.index()) {
                    gap.told();
                }
            }
        }
    }

    /// Straight into the file: the queue may be what is full, or closed.
    fn say(&mut self, message: &str) -> bool {
        let seq = self.gateway_sequence.next();
        let line = gateway_line(seq, clock::wall(), log::Level::Warn, TARGET, message);
        self.write(LogFile::Gateway, &line)
    }

    fn make(&mut self, change: Change) {
        match change {
            Change::Options(options) => self.sinks.set_options(options),
            Change::Files(sinks) => self.sinks = *sinks,
        }
    }
}

/// Once a failure, on the process log, whose copy on stderr is what people still see.
fn complain(file: LogFile, cause: &str) {
    log::error!(
        target: TARGET,
        "cannot write {}.jsonl: {cause}; its lines are dropped and counted until it can be written again",
        file.as_str(),
    );
}
