//! The state folder: ours alone, one gateway at a time.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::StartError;
use crate::platform;

/// A Unix socket's path may have 103 bytes on macOS, 107 on Linux.
const LONGEST_SOCKET_PATH: usize = 103;

/// A command that asks whether the folder is held holds it itself for a moment: a start looks again.
const LOOKS: u32 = 5;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Whoever holds a state folder: a gateway that runs, begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// None where it doesn't say: an older version.
    pub pid: Option<u32>,
}

/// Makes `<state_dir>/run`, for the owner only.
pub fn prepare(state_dir: &Path) -> Result<PathBuf, StartError> {
    let run = state_dir.join("run");
    for folder in [state_dir, &run] {
        if !folder.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|error| {
                    StartError::Configuration(vec![format!(
                        "state_dir: {}: {error}",
                        folder.display()
                    )])
                })?;
        }
    }
    Ok(run)
}

/// Holds the folder until the process ends, however it ends.
pub fn lock(run: &Path) -> Result<File, StartError> {
    let path = run.join("lock");
    let system = |error: std::io::Error| StartError::System(format!("{}: {error}", path.display()));
    // Whatever is in its place is waited for by nobody.
    let file = platform::no_waiting()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(system)?;
    for look in 0..LOOKS {
        if look > 0 {
            thread::sleep(LOOK_EVERY);
        }
        if platform::try_lock(&file).map_err(system)? {
            sign(&file);
            return Ok(file);
        }
    }
    Err(StartError::Taken(format!(
        "state_dir: {} belongs to a gateway that runs; `sidegate status` shows it",
        run.parent().unwrap_or(run).display()
    )))
}

/// Says who holds it. On a full disk nobody is told, and the lock holds all the same.
fn sign(file: &File) {
    let text = format!("{}\n", std::process::id());
    let _ = file
        .set_len(0)
        .and_then(|()| file.write_all_at(text.as_bytes(), 0));
}

/// Who holds this folder now; none where nobody does, or where it can't be looked at.
pub fn holder(state_dir: &Path) -> Option<Holder> {
    let path = state_dir.join("run").join("lock");
    try_holder(&path).ok().flatten()
}

fn try_holder(path: &Path) -> io::Result<Option<Holder>> {
    let file = platform::no_links().read(true).open(path)?;
    if !file.metadata()?.is_file() || platform::try_lock(&file)? {
        return Ok(None);
    }
    let mut text = String::new();
    // A number and a line end.
    let read = (&file).take(16).read_to_string(&mut text);
    let pid = read.ok().and_then(|_| text.trim().parse().ok());
    Ok(Some(Holder { pid }))
}

/// Where the control socket goes; none where its path would be too long for a socket.
pub fn control_socket(run: &Path) -> Option<PathBuf> {
    let path = run.join("control.sock");
    if path.as_os_str().len() > LONGEST_SOCKET_PATH {
        log::warn!("no control socket: its path would be longer than {LONGEST_SOCKET_PATH} bytes; use a shorter state_dir");
        return None;
    }
    // What a killed process left; a running one's is protected by the lock.
    let _ = fs::remove_file(&path);
    Some(path)
}

pub fn owner_only() -> Permissions {
    Permissions::from_mode(0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_holds_the_folder_is_named_until_it_lets_go() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(holder(home.path()), None, "no folder yet");
        let run = prepare(home.path()).unwrap();
        let held = lock(&run).unwrap();
        let ours = Holder {
            pid: Some(std::process::id()),
        };
        assert_eq!(holder(home.path()), Some(ours));
        assert!(matches!(lock(&run), Err(StartError::Taken(_))));
        drop(held);
        assert_eq!(holder(home.path()), None);
    }
}
