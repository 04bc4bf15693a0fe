//! Locks that processes take on files; they end with the open file, so no killed process leaves one.

use std::fs::File;
use std::io;

use rustix::fs::{flock, FlockOperation};
use rustix::io::Errno;

/// Takes the lock, or says that somebody else has it.
///
/// # Errors
/// The file system has no locks; some of those on a network don't.
pub fn try_lock(file: &File) -> io::Result<bool> {
    match undisturbed(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits for our turn.
///
/// # Errors
/// As [`try_lock`].
pub fn lock(file: &File) -> io::Result<()> {
    undisturbed(file, FlockOperation::LockExclusive).map_err(Into::into)
}

/// A signal that comes meanwhile changes nothing.
fn undisturbed(file: &File, operation: FlockOperation) -> rustix::io::Result<()> {
    loop {
        match flock(file, operation) {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_one_open_files_until_that_is_closed() {
        let named = tempfile::NamedTempFile::new().unwrap();
        let other = named.reopen().unwrap();
        assert!(try_lock(named.as_file()).unwrap());
        assert!(!try_lock(&other).unwrap());
        drop(named);
        assert!(try_lock(&other).unwrap());
    }

    #[test]
    fn whoever_waits_gets_it_when_the_other_one_is_done() {
        let named = tempfile::NamedTempFile::new().unwrap();
        let other = named.reopen().unwrap();
        lock(named.as_file()).unwrap();
        let waiting = std::thread::spawn(move || lock(&other));
        drop(named);
        waiting.join().unwrap().unwrap();
    }
}
