//! The end of the process: as soon as the last request is done, at the latest when the drain is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::clock;
use crate::snapshot::Shared;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What interrupted streams get to hand their last event to the kernel.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A collector that is away must not keep the process.
const SPAN_FLUSH: Duration = Duration::from_secs(1);
/// A hung disk must not keep the process.
const LOG_FLUSH: Duration = Duration::from_secs(2);

/// The last things to do, once, whichever thread gets there first.
pub struct Exit {
    shared: Arc<Shared>,
    /// What whoever started us has to clean up.
    on_exit: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

/// Watches from a thread of its own, which no busy runtime can hold up.
pub fn exit_when_empty(exit: &Arc<Exit>, drain: Duration) {
    let exit = Arc::clone(exit);
    thread::spawn(move || {
        let shared = &exit.shared;
        while !shared.is_draining() {
            thread::sleep(LOOK_EVERY);
        }
        let deadline = clock::now() + drain;
        while shared.requests() > 0 && clock::now() < deadline {
            thread::sleep(LOOK_EVERY);
        }
        if shared.requests() > 0 {
            log::warn!(
                "the drain is over: {} requests are interrupted",
                shared.requests()
            );
            shared.interrupt_all();
            let last = clock::now() + LAST_WORDS;
            while shared.requests() > 0 && clock::now() < last {
                thread::sleep(LOOK_EVERY);
            }
        }
        exit.now()
    });
}

impl Exit {
    pub fn new(shared: &Arc<Shared>, on_exit: Box<dyn FnOnce() + Send>) -> Exit {
        Exit {
            shared: Arc::clone(shared),
            on_exit: Mutex::new(Some(on_exit)),
        }
    }

    /// Ends the process.
    pub fn now(&self) -> ! {
        self.shared.budgets.save_if_changed();
        if !self.shared.spans.flush_and_close(clock::now() + SPAN_FLUSH) {
            log::warn!("the collector is too slow: the last spans are lost");
        }
        log::info!("bye");
        self.shared.logs.flush_and_close(clock::now() + LOG_FLUSH);
        // Held until the end, so that a second thread doesn't end the process meanwhile.
        let mut on_exit = self.on_exit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(on_exit) = on_exit.take() {
            on_exit();
        }
        std::process::exit(0)
    }
}
