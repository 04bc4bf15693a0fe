//! Threads whose work can wait.

/// Puts the calling thread behind all others that want to run.
///
/// Only Linux has a niceness for each thread; elsewhere it is the whole process's, so there it is left alone.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    if rustix::process::setpriority_process(None, LOWEST).is_err() {
        log::debug!("the kernel keeps the thread's priority");
    }
}

/// The kernel's largest niceness.
#[cfg(target_os = "linux")]
const LOWEST: i32 = 19;
