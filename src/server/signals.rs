//! SIGTERM and SIGINT drain, SIGHUP reloads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use pingora::server::{ShutdownSignal, ShutdownSignalWatch};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::signal::unix::{signal, SignalKind};

use crate::snapshot::{Reloader, Shared};

/// From here on SIGHUP no longer kills the process, even before anybody handles it.
pub fn take_signals() {
    let unused = Arc::new(AtomicBool::new(false));
    if signal_hook::flag::register(SIGHUP, unused).is_err() {
        log::warn!("SIGHUP could not be taken: it would end the process");
    }
}

/// Reads the configuration again at each SIGHUP.
pub fn reload_on_hangup(reloader: &Arc<Reloader>) {
    let reloader = Arc::clone(reloader);
    match Signals::new([SIGHUP]) {
        Ok(mut signals) => {
            thread::spawn(move || {
                for _ in signals.forever() {
                    // What came of it is logged, counted and shown by `/status`.
                    let _ = reloader.reload();
                }
            });
        }
        Err(error) => log::warn!("SIGHUP won't reload the configuration: {error}"),
    }
}

/// Waits for the end, and begins the drain with it. A second signal ends the process at once.
pub struct Termination {
    shared: Arc<Shared>,
}

impl Termination {
    pub fn new(shared: &Arc<Shared>) -> Termination {
        Termination {
            shared: Arc::clone(shared),
        }
    }
}

#[async_trait]
impl ShutdownSignalWatch for Termination {
    async fn recv(&self) -> ShutdownSignal {
        wait_for_one().await;
        log::info!(
            "draining: {} requests are under way",
            self.shared.requests()
        );
        self.shared.drain();
        end_at_the_second_signal();
        ShutdownSignal::GracefulTerminate
    }
}

async fn wait_for_one() {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        log::error!("SIGTERM can't be waited for: only SIGKILL ends this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

fn end_at_the_second_signal() {
    let armed = Arc::new(AtomicBool::new(true));
    for number in [SIGTERM, SIGINT] {
        let registered =
            signal_hook::flag::register_conditional_shutdown(number, 0, Arc::clone(&armed));
        if registered.is_err() {
            armed.store(false, Ordering::Relaxed);
        }
    }
}
