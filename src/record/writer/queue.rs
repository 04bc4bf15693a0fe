//! What waits to be written: one buffer of whole lines a file, bounded, between requests and the writer.
//!
//! Senders hold the lock for one copy of a line and wake the writer only when it sleeps for want of work,
//! so under load a line costs no system call. The writer lets lines gather for [`GATHER`] first.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::clock;

use super::super::labels::LogFile;
use super::sink::Sinks;
use super::LogOptions;

/// Bytes of a file that may wait, the ones being written included.
pub const MAX_WAITING_BYTES: usize = 4 << 20;

/// From here on the writer doesn't wait for more.
const PLENTY_BYTES: usize = 256 << 10;

/// How long lines may gather before they are written: short for whoever tails the file, long enough that
/// a busy gateway writes some fifty times a second and not once a request.
const GATHER: Duration = Duration::from_millis(20);

/// A buffer that a burst made larger than this is given back.
const USUAL_BUFFER_BYTES: usize = PLENTY_BYTES;

/// One taken-out buffer for each file, by [`LogFile::index`].
pub type Batch = [Vec<u8>; LogFile::COUNT];

/// Lines dropped since the start, by file.
#[derive(Debug, Default)]
pub struct DropCounts {
    lines: [AtomicU64; LogFile::COUNT],
    /// When the last one was, in milliseconds since 1970; 0 before the first.
    last: AtomicU64,
}

impl DropCounts {
    /// Lines of `file` dropped since the start.
    pub fn of(&self, file: LogFile) -> u64 {
        self.lines
            .get(file.index())
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// When a line of any file was last dropped; none before the first.
    pub fn last(&self) -> Option<SystemTime> {
        let last = Some(self.last.load(Ordering::Relaxed)).filter(|last| *last > 0);
        last.map(|last| UNIX_EPOCH + Duration::from_millis(last))
    }

    pub(in crate::record) fn add(&self, file: LogFile, lines: u64) {
        if let Some(count) = self.lines.get(file.index()) {
            count.fetch_add(lines, Ordering::Relaxed);
        }
        let now = clock::wall().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(0));
        self.last.fetch_max(now, Ordering::Relaxed);
    }
}

/// What the writer must do differently from its next round on.
pub enum Change {
    Options(LogOptions),
    Files(Box<Sinks>),
}

/// Why the writer's round began.
pub struct Round {
    pub changes: Vec<Change>,
    /// The number to pass to [`Queue::written`].
    pub flushes: u64,
    /// No more lines come after this round.
    pub last: bool,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    /// Tells the writer that there is work.
    work: Condvar,
    /// Tells who waits for a flush or the end.
    progress: Condvar,
    drops: Arc<DropCounts>,
}

#[derive(Default)]
struct State {
    waiting: Batch,
    /// Bytes taken by the writer and not yet written.
    being_written: [usize; LogFile::COUNT],
    writer: Writer,
    changes: Vec<Change>,
    flushes_wanted: u64,
    flushes_done: u64,
    closing: bool,
    closed: bool,
}

/// What the writer's thread is doing; changed by the writer, and by the sender that wakes it.
#[derive(Default, PartialEq)]
enum Writer {
    #[default]
    Working,
    /// Waits for lines to gather; a sender needn't wake it before there are plenty.
    Gathering,
    /// Waits for the first line.
    Idle,
}

impl Queue {
    pub fn drops(&self) -> &Arc<DropCounts> {
        &self.drops
    }

    /// Adds one line; false when it was dropped and counted.
    pub fn push(&self, file: LogFile, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut state = self.lock();
        if !state.has_room(file, line.len() + 1) {
            drop(state);
            self.drops.add(file, 1);
            return false;
        }
        if state.add(file, line) {
            state.writer = Writer::Working;
            drop(state);
            self.work.notify_one();
        }
        true
    }

    pub fn change(&self, change: Change) {
        self.lock().changes.push(change);
        self.work.notify_one();
    }

    /// Waits until everything pushed before is written or dropped, or `deadline` has come.
    pub fn flush(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        state.flushes_wanted += 1;
        let mine = state.flushes_wanted;
        self.work.notify_one();
        self.wait_for_progress(state, deadline, |state| state.flushes_done >= mine)
    }

    /// Takes no more lines; the writer writes what waits and ends.
    pub fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
    }

    pub fn wait_until_closed(&self, deadline: Instant) -> bool {
        self.wait_for_progress(self.lock(), deadline, |state| state.closed)
    }

    /// For the writer: waits for work, at most `patience`, and takes what there is into `batch`, whose
    /// buffers must be empty.
    pub fn next_round(&self, batch: &mut Batch, patience: Duration) -> Round {
        let mut state = self.lock();
        state.writer = Writer::Idle;
        state = self.wait_for_work(state, patience, State::has_work);
        if !state.is_urgent() {
            state.writer = Writer::Gathering;
            state = self.wait_for_work(state, GATHER, State::is_urgent);
        }
        state.writer = Writer::Working;
        state.take(batch)
    }

    /// For the writer: `batch` has been written or dropped. Empties it for the next round.
    pub fn written(&self, batch: &mut Batch, flushes: u64) {
        for buffer in batch.iter_mut() {
            buffer.clear();
            buffer.shrink_to(USUAL_BUFFER_BYTES);
        }
        let mut state = self.lock();
        state.being_written = [0; LogFile::COUNT];
        state.flushes_done = flushes;
        drop(state);
        self.progress.notify_all();
    }

    /// For the writer: it is gone, whatever the reason. What still waits is counted as dropped.
    pub fn writer_ended(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.closed = true;
        for (file, buffer) in LogFile::ALL.into_iter().zip(&mut state.waiting) {
            self.drops.add(file, count_lines(buffer));
            buffer.clear();
        }
        state.flushes_done = u64::MAX;
        drop(state);
        self.progress.notify_all();
    }

    fn wait_for_work<'a>(
        &self,
        state: MutexGuard<'a, State>,
        patience: Duration,
        there_is: fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.work
            .wait_timeout_while(state, patience, |state| !there_is(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn wait_for_progress(
        &self,
        state: MutexGuard<State>,
        deadline: Instant,
        done: impl Fn(&State) -> bool,
    ) -> bool {
        let patience = deadline.saturating_duration_since(clock::now());
        let state = self
            .progress
            .wait_timeout_while(state, patience, |state| !done(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        done(&state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, file: LogFile, bytes: usize) -> bool {
        let waiting = self.waiting.get(file.index()).map_or(0, Vec::len);
        let being_written = self.being_written.get(file.index()).copied().unwrap_or(0);
        !self.closing && waiting + being_written + bytes <= MAX_WAITING_BYTES
    }

    /// Adds the line and says whether the writer must be woken for it.
    fn add(&mut self, file: LogFile, line: &[u8]) -> bool {
        let Some(buffer) = self.waiting.get_mut(file.index()) else {
            return false;
        };
        buffer.extend_from_slice(line);
        buffer.push(b'\n');
        match self.writer {
            Writer::Working => false,
            Writer::Gathering => buffer.len() >= PLENTY_BYTES,
            Writer::Idle => true,
        }
    }

    fn has_work(&self) -> bool {
        self.is_urgent() || self.waiting.iter().any(|buffer| !buffer.is_empty())
    }

    fn is_urgent(&self) -> bool {
        self.closing
            || !self.changes.is_empty()
            || self.flushes_wanted > self.flushes_done
            || self
                .waiting
                .iter()
                .any(|buffer| buffer.len() >= PLENTY_BYTES)
    }

    fn take(&mut self, batch: &mut Batch) -> Round {
        for ((waiting, taken), bytes) in self
            .waiting
            .iter_mut()
            .zip(batch)
            .zip(&mut self.being_written)
        {
            std::mem::swap(waiting, taken);
            *bytes = taken.len();
        }
        Round {
            changes: std::mem::take(&mut self.changes),
            flushes: self.flushes_wanted,
            last: self.closing,
        }
    }
}

/// Lines that end in `bytes`.
pub fn count_lines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
