//! What the system tells of this very process.

#[cfg(target_os = "macos")]
mod libproc;
#[cfg(any(test, not(target_os = "macos")))]
mod stat;

use rustix::process::{getrlimit, Resource};

/// What is known of a process; none where the system doesn't say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProcessFacts {
    pub cpu_seconds: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub open_descriptors: Option<u64>,
    pub max_descriptors: Option<u64>,
    pub threads: Option<u64>,
    /// Seconds since 1970.
    pub started: Option<f64>,
}

/// Asks anew, each time.
pub fn own_process() -> ProcessFacts {
    ProcessFacts {
        open_descriptors: count_descriptors(),
        max_descriptors: getrlimit(Resource::Nofile).current,
        ..system::facts()
    }
}

/// The folder itself is open while it is read, and doesn't count.
fn count_descriptors() -> Option<u64> {
    let listed = std::fs::read_dir(system::DESCRIPTORS).ok()?.count() as u64;
    Some(listed.saturating_sub(1))
}

#[cfg(not(target_os = "macos"))]
mod system {
    use super::*;
    use std::fs::read_to_string;

    pub const DESCRIPTORS: &str = "/proc/self/fd";

    pub fn facts() -> ProcessFacts {
        stat::facts(
            &read_to_string("/proc/self/stat").unwrap_or_default(),
            &read_to_string("/proc/stat").unwrap_or_default(),
            rustix::param::clock_ticks_per_second() as f64,
            rustix::param::page_size() as u64,
        )
    }
}

#[cfg(target_os = "macos")]
mod system {
    pub const DESCRIPTORS: &str = "/dev/fd";

    pub use super::libproc::facts;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_alive() {
        let facts = own_process();
        assert!(facts.cpu_seconds.is_some_and(|seconds| seconds >= 0.0));
        assert!(facts.resident_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(facts.virtual_bytes >= facts.resident_bytes);
        assert!(facts.threads.is_some_and(|threads| threads >= 1));
        assert!(facts.started.is_some_and(|time| time > 1.6e9));
    }

    #[test]
    fn another_open_file_is_one_descriptor_more_at_least() {
        // Other tests open and close theirs at the same time: enough of ours to be seen above them.
        let open = || own_process().open_descriptors.unwrap();
        let before = open();
        let files: Vec<_> = (0..200).map(|_| tempfile::tempfile().unwrap()).collect();
        let with_files = open();
        assert!(with_files > before + 100, "{before}, then {with_files}");
        drop(files);
    }
}
