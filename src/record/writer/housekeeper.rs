//! Old files: the thread that compresses them and removes those beyond `keep`.
//!
//! It works behind the writer's back: a rotation only says that there is something to do. Whoever lists the folder, removes
//! or renames old files is this thread alone, so there is nothing to race with; the writer only ever adds new names.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::{clock, platform};

use super::super::labels::LogFile;
use super::folder::LockedFolder;
use super::gzip::{self, Outcome};
use super::old_file::{Moment, OldFiles, Paths};

/// How long a file that could not be compressed is left alone. A full disk is the usual reason.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// Without a rotation there is nothing to do.
const LONG: Duration = Duration::from_secs(3600);

/// How long [`Housekeeper`]'s end may take: it stops after a chunk, but a hung disk mustn't hold up who waits for it.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

const TARGET: &str = "sidegate::record";

/// The handle of the thread. Its end ends the thread, and waits a little for that, so that the folder is free afterwards.
pub struct Housekeeper {
    orders: Arc<Orders>,
}

#[derive(Default)]
struct Orders {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Set by the handle, cleared by the thread when it begins.
    work: bool,
    /// Old files kept of each log.
    keep: u32,
    stop: bool,
    /// Set by the thread: there is nothing left that it could do now.
    idle: bool,
    ended: bool,
}

impl Housekeeper {
    /// Looks through the folder at once: what an earlier process left is settled.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(folder: Arc<LockedFolder>, keep: u32) -> io::Result<Housekeeper> {
        let orders = Arc::new(Orders::default());
        orders.give(|state| state.keep = keep);
        let work = Work {
            folder,
            failed: BTreeSet::new(),
            failed_at: None,
            has_complained: false,
            orders: Ended(Arc::clone(&orders)),
        };
        thread::Builder::new()
            .name("log-housekeeper".to_owned())
            .spawn(move || work.run())?;
        Ok(Housekeeper { orders })
    }

    /// There are more old files than before. Never waits for the disk.
    pub fn tidy(&self) {
        self.orders.give(|_| ());
    }

    pub fn keep(&self, keep: u32) {
        self.orders.give(|state| state.keep = keep);
    }

    /// Waits until there is nothing left to do now; whether that came before `patience` ended.
    #[cfg(test)]
    pub fn wait_until_idle(&self, patience: Duration) -> bool {
        self.orders
            .wait_for(patience, |state| state.idle && !state.work)
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.orders.give(|state| state.stop = true);
        self.orders.wait_for(STOP_PATIENCE, |state| state.ended);
    }
}

impl Orders {
    fn give(&self, order: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        order(&mut state);
        state.work = true;
        drop(state);
        self.changed.notify_all();
    }

    fn wait_for(&self, patience: Duration, there_is: impl Fn(&State) -> bool) -> bool {
        let state = self
            .changed
            .wait_timeout_while(self.lock(), patience, |state| !there_is(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        there_is(&state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's end of the orders; also when it panicked, nobody may wait for it.
struct Ended(Arc<Orders>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

struct Work {
    /// Held so that no other process does the same here meanwhile.
    folder: Arc<LockedFolder>,
    /// Not to be tried again before [`TRY_AGAIN`].
    failed: BTreeSet<(usize, Moment)>,
    failed_at: Option<Instant>,
    /// Nothing was compressed since it was said that it doesn't work.
    has_complained: bool,
    /// The last, so that the folder is free when it says so.
    orders: Ended,
}

impl Work {
    fn run(mut self) {
        platform::give_way();
        self.settle();
        while !self.is_stopped() {
            let keep = self.begin();
            self.forgive(clock::now());
            for file in LogFile::ALL {
                self.tidy(file, keep);
            }
            self.rest();
        }
    }

    /// What a crash left of a file in two forms. Only at the start: later on, an operator who unpacks a file wants to keep
    /// it.
    fn settle(&self) {
        for file in LogFile::ALL {
            let Some(old) = self.list(file) else {
                continue;
            };
            for (moment, forms) in old.kept(u32::MAX) {
                if forms.plain && forms.compressed {
                    // Two forms of a file harm nobody.
                    let _ = gzip::settle(&self.paths(file, moment), || self.is_stopped());
                }
            }
        }
    }

    fn begin(&self) -> u32 {
        let mut state = self.orders.0.lock();
        state.work = false;
        state.idle = false;
        state.keep
    }

    fn forgive(&mut self, now: Instant) {
        let is_over = |at: Instant| now.saturating_duration_since(at) >= TRY_AGAIN;
        if self.failed_at.is_some_and(is_over) {
            self.failed.clear();
            self.failed_at = None;
        }
    }

    fn tidy(&mut self, file: LogFile, keep: u32) {
        let Some(old) = self.list(file) else {
            return;
        };
        for moment in &old.unfinished {
            // Nobody but this thread makes them, and it isn't at it.
            let _ = fs::remove_file(self.paths(file, *moment).unfinished);
        }
        for moment in old.surplus(keep) {
            let paths = self.paths(file, moment);
            // A leftover file harms nobody; the next time tries again.
            let _ = fs::remove_file(paths.plain);
            let _ = fs::remove_file(paths.compressed);
        }
        for (moment, forms) in old.kept(keep) {
            // A rotation comes first: there may be more to remove, and what is removed needn't be compressed.
            if self.has_orders() {
                return;
            }
            if forms.plain && !forms.compressed {
                self.compress(file, moment);
            }
        }
    }

    fn compress(&mut self, file: LogFile, moment: Moment) {
        if self.failed.contains(&(file.index(), moment)) {
            return;
        }
        let paths = self.paths(file, moment);
        match gzip::compress(self.folder.path(), &paths, || self.is_stopped()) {
            Ok(Outcome::Compressed) => self.has_complained = false,
            Ok(Outcome::Stopped) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                if !self.has_complained {
                    complain(&paths, &error);
                    self.has_complained = true;
                }
                self.failed.insert((file.index(), moment));
                self.failed_at.get_or_insert(clock::now());
            }
        }
    }

    /// Waits for orders.
    fn rest(&self) {
        let patience = if self.failed.is_empty() {
            LONG
        } else {
            TRY_AGAIN
        };
        self.orders.0.lock().idle = true;
        self.orders.0.changed.notify_all();
        self.orders.0.wait_for(patience, |state| state.work);
    }

    fn list(&self, file: LogFile) -> Option<OldFiles> {
        // A folder that can't be listed now is listed at the next rotation.
        OldFiles::list(self.folder.path(), file.as_str()).ok()
    }

    fn paths(&self, file: LogFile, moment: Moment) -> Paths {
        Paths::new(self.folder.path(), file.as_str(), moment)
    }

    fn has_orders(&self) -> bool {
        self.orders.0.lock().work
    }

    fn is_stopped(&self) -> bool {
        self.orders.0.lock().stop
    }
}

fn complain(paths: &Paths, error: &io::Error) {
    log::warn!(
        target: TARGET,
        "cannot compress {}: {error}; it stays as it is and is tried again every {} s",
        paths.plain.display(),
        TRY_AGAIN.as_secs(),
    );
}

#[cfg(test)]
mod tests;
