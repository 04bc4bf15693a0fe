//! Asking this very process to end.

use rustix::process::{getpid, kill_process, Signal};

/// Sends ourselves SIGTERM, so that there is one way to drain.
pub fn end_this_process() -> std::io::Result<()> {
    kill_process(getpid(), Signal::TERM).map_err(Into::into)
}
