//! The end of the process: as soon as the last request is done, at the latest when the drain is over.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::StartError;
use crate::clock;
use crate::snapshot::Shared;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What interrupted streams get to hand their last event to the kernel.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A hung disk must not keep the process.
const LOG_FLUSH: Duration = Duration::from_secs(2);

/// Watches from a thread of its own, which no busy runtime can hold up.
pub fn exit_when_empty(shared: &Arc<Shared>, drain: Duration) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
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
        exit(&shared);
    });
}

/// Pingora has stopped by itself; the process ends all the same.
pub fn leave(shared: &Arc<Shared>) -> Result<(), StartError> {
    exit(shared)
}

fn exit(shared: &Shared) -> ! {
    log::info!("bye");
    shared.logs.flush_and_close(clock::now() + LOG_FLUSH);
    std::process::exit(0)
}
