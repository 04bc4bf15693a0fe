//! One process at a time creates, clears or replaces the file.
//!
//! The lock is a file of its own, which stays: the breaker file itself may be replaced while somebody waits for it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{flock, FlockOperation, OFlags};
use rustix::io::Errno;

use super::replace::beside;
use crate::breaker::problem::Why;

/// Its holder has 32 KiB to write and sync. One that takes longer than two seconds is stopped or has a sick disk.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// Holds the lock until the returned file is dropped, or the process ends.
///
/// # Errors
/// Somebody else keeps it, or the folder or the file system doesn't allow one.
pub fn take(path: &Path) -> Result<File, Why> {
    let refused = |error: io::Error| Why::System {
        doing: "lock it",
        error,
    };
    let file = open(&beside(path, ".lock")).map_err(refused)?;
    for _ in 0..TRIES {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK) => std::thread::sleep(PAUSE),
            Err(Errno::INTR) => {}
            Err(error) => return Err(refused(error.into())),
        }
    }
    Err(Why::Busy)
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.bits() as i32)
        .open(path)
}
