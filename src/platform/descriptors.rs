//! How many files and sockets this process may have open.

use std::os::fd::AsRawFd;

use rustix::fs::{Mode, OFlags};
use rustix::process::{getrlimit, setrlimit, Resource, Rlimit};

/// Where the system sets no limit, this is plenty.
const ENOUGH: u64 = 65_536;

/// Every macOS allows this (`OPEN_MAX`), also one that won't say how many it does allow.
const ALWAYS_ALLOWED: u64 = 10_240;

/// Raises the limit as far as it may go, and returns it.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    for target in higher(&limit, system_limit()) {
        let raised = Rlimit {
            current: Some(target),
            maximum: limit.maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            break;
        }
    }
    descriptor_limit()
}

/// The limit that holds now.
pub fn descriptor_limit() -> u64 {
    let current = getrlimit(Resource::Nofile).current;
    holds(current, system_limit())
}

/// How many this process has open, or a few less; none where not even one more is to be had. The system gives the lowest
/// free number away, so that the number of a new one tells.
pub fn descriptors_in_use() -> Option<u64> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let next = rustix::fs::open("/dev/null", flags, Mode::empty()).ok()?;
    u64::try_from(next.as_raw_fd()).ok()
}

fn holds(current: Option<u64>, system: Option<u64>) -> u64 {
    current.unwrap_or(ENOUGH).min(system.unwrap_or(u64::MAX))
}

/// The limits to try, the best first; none that would take something away.
fn higher(limit: &Rlimit, system: Option<u64>) -> impl Iterator<Item = u64> {
    let now = holds(limit.current, system);
    let most = holds(limit.maximum, system).min(ENOUGH);
    [most, most.min(ALWAYS_ALLOWED)]
        .into_iter()
        .filter(move |target| *target > now)
}

/// What one process may have open whatever its limit says. macOS refuses a limit above it.
fn system_limit() -> Option<u64> {
    #[cfg(target_os = "macos")]
    let limit = super::sysctl::number(c"kern.maxfilesperproc");
    // On Linux the hard limit says it all: `fs.nr_open` bounds that one.
    #[cfg(not(target_os = "macos"))]
    let limit: Option<i32> = None;
    limit.and_then(|limit| u64::try_from(limit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(current: Option<u64>, maximum: Option<u64>, system: Option<u64>) -> Vec<u64> {
        higher(&Rlimit { current, maximum }, system).collect()
    }

    #[test]
    fn the_limit_goes_up_to_the_hard_one_and_to_what_is_enough() {
        assert_eq!(tried(Some(1024), Some(20_000), None), [20_000, 10_240]);
        assert_eq!(tried(Some(1024), Some(4096), None), [4096, 4096]);
        assert_eq!(tried(Some(1024), Some(1 << 20), None), [65_536, 10_240]);
        assert_eq!(tried(Some(256), None, None), [65_536, 10_240]);
    }

    #[test]
    fn it_goes_no_further_than_the_system_allows() {
        assert_eq!(tried(Some(256), None, Some(61_440)), [61_440, 10_240]);
        assert_eq!(tried(Some(256), Some(65_536), Some(9000)), [9000, 9000]);
        assert_eq!(holds(None, Some(61_440)), 61_440);
    }

    #[test]
    fn it_never_goes_down() {
        assert!(tried(None, None, None).is_empty());
        assert!(tried(None, None, Some(61_440)).is_empty());
        assert_eq!(tried(Some(20_000), Some(30_000), None), [30_000]);
        assert!(tried(Some(1 << 20), Some(1 << 20), None).is_empty());
    }

    #[test]
    fn raising_it_leaves_it_no_lower() {
        let before = descriptor_limit();
        assert!(raise_descriptor_limit() >= before);
    }
}
