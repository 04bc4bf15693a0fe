//! One process at a time creates, clears or replaces the file.
//!
//! The lock is a file of its own, which stays: the breaker file itself may be replaced while somebody waits for it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use super::replace::beside;
use crate::breaker::problem::Why;
use crate::platform;

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
        if platform::try_lock(&file).map_err(refused)? {
            return Ok(file);
        }
        std::thread::sleep(PAUSE);
    }
    Err(Why::Busy)
}

fn open(path: &Path) -> io::Result<File> {
    platform::no_links()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}
