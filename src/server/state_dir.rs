//! The state folder: ours alone, one gateway at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::StartError;
use crate::platform;

/// A Unix socket's path may have 103 bytes on macOS, 107 on Linux.
const LONGEST_SOCKET_PATH: usize = 103;

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
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(system)?;
    if platform::try_lock(&file).map_err(system)? {
        return Ok(file);
    }
    Err(StartError::Taken(format!(
        "state_dir: {} belongs to a gateway that runs; `sidegate status` shows it",
        run.parent().unwrap_or(run).display()
    )))
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
