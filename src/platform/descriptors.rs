//! How many files and sockets this process may have open.

use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};

/// macOS says "unlimited" and means this (`kern.maxfilesperproc` of old systems).
const UNLIMITED_MEANS: u64 = 10_240;

/// Where the system sets no limit, this is plenty.
const ENOUGH: u64 = 65_536;

/// Raises the limit as far as it may go, and returns it.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    for target in [wanted, UNLIMITED_MEANS] {
        let raised = Rlimit {
            current: Some(target),
            maximum: limit.maximum,
        };
        if limit.current.is_some_and(|current| current >= target)
            || setrlimit(Resource::Nofile, raised).is_ok()
        {
            break;
        }
    }
    descriptor_limit()
}

/// The limit that holds now.
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH)
}
