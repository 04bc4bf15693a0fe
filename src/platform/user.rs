//! Who this process is.

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
