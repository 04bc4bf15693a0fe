//! Which system this is, for decisions that are about the system as a whole.

/// Everything else is taken for Linux.
pub const fn is_macos() -> bool {
    cfg!(target_os = "macos")
}
