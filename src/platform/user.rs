//! Who this process is, and what it may do.

use std::io;
use std::path::Path;

use rustix::fs::{Access, AtFlags};

/// Whose rights we have, and who owns the files that we make.
pub fn effective_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Who started us: the user whose session it is.
pub fn login_user() -> u32 {
    rustix::process::getuid().as_raw()
}

/// Whether no file's mode holds for us.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether we may write to what is at `path`; a folder must be ours to enter, too.
///
/// # Errors
/// We may not, by its mode or its volume.
pub fn may_write(path: &Path) -> io::Result<()> {
    let wanted = match path.is_dir() {
        true => Access::WRITE_OK | Access::EXEC_OK,
        false => Access::WRITE_OK | Access::READ_OK,
    };
    rustix::fs::accessat(rustix::fs::CWD, path, wanted, AtFlags::EACCESS).map_err(io::Error::from)
}

/// Whether a folder that isn't there could be made, with those above it.
///
/// # Errors
/// We may not, or something that is no folder is in the way.
pub fn may_make(folder: &Path) -> io::Result<()> {
    let above = folder
        .ancestors()
        .find(|above| above.symlink_metadata().is_ok());
    match above {
        Some(above) if above.is_dir() => may_write(above),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}
