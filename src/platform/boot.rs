//! The time since the machine was started, and which start that was.
//!
//! Two processes compare these moments through a file, so the clock is one that every process reads alike and that goes
//! on while the machine sleeps. A moment means nothing after the next start: it is kept beside the [`BootId`].

use std::time::Duration;

/// Which start of the machine this is: another one after each reboot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootId([u8; 16]);

impl BootId {
    pub const fn from_bytes(bytes: [u8; 16]) -> BootId {
        BootId(bytes)
    }

    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Reads a UUID, with or without hyphens; the all-zero one names nothing.
    fn parse(text: &str) -> Option<BootId> {
        let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u128::from_str_radix(&digits, 16).ok()?;
        (number != 0).then(|| BootId(number.to_be_bytes()))
    }
}

/// The time since the machine was started, its sleep included.
pub fn since_boot() -> Duration {
    system::since_boot()
}

/// None where the system doesn't say.
pub fn boot_id() -> Option<BootId> {
    BootId::parse(&system::boot_id()?)
}

#[cfg(not(target_os = "macos"))]
mod system {
    use std::time::Duration;

    use rustix::time::{clock_gettime, ClockId};

    pub fn since_boot() -> Duration {
        Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
    }

    pub fn boot_id() -> Option<String> {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
    }
}

#[cfg(target_os = "macos")]
mod system {
    use std::ffi::c_int;
    use std::time::Duration;

    /// `CLOCK_MONOTONIC_RAW` of `<time.h>`; unlike the uptime clocks it goes on during sleep.
    const CLOCK_MONOTONIC_RAW: c_int = 4;

    extern "C" {
        fn clock_gettime_nsec_np(clock: c_int) -> u64;
    }

    pub fn since_boot() -> Duration {
        // SAFETY: takes a number and returns one.
        #[allow(unsafe_code)]
        Duration::from_nanos(unsafe { clock_gettime_nsec_np(CLOCK_MONOTONIC_RAW) })
    }

    pub fn boot_id() -> Option<String> {
        crate::platform::sysctl::text(c"kern.bootsessionuuid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_says_which_start_it_is_and_says_it_again() {
        assert!(boot_id().is_some());
        assert_eq!(boot_id(), boot_id());
    }

    #[test]
    fn the_time_since_boot_never_goes_back() {
        let earlier = since_boot();
        assert!(earlier > Duration::ZERO);
        assert!(since_boot() >= earlier);
    }

    #[test]
    fn a_boot_id_is_a_uuid_in_either_case() {
        let text = "090F0D72-ab63-4245-b170-16f8d33e2f9e\n";
        let id = BootId::parse(text).unwrap();
        assert_eq!(id.to_bytes()[..4], [0x09, 0x0f, 0x0d, 0x72]);
        assert_eq!(BootId::parse(&text.to_lowercase()), Some(id));
    }

    #[test]
    fn what_is_no_uuid_is_no_boot_id() {
        for text in [
            "",
            "090f0d72",
            "00000000-0000-0000-0000-000000000000",
            "+90f0d72-ab63-4245-b170-16f8d33e2f9e",
            "0x0f0d72-ab63-4245-b170-16f8d33e2f9e",
            "090f0d72-ab63-4245-b170-16f8d33e2f9eff",
        ] {
            assert_eq!(BootId::parse(text), None, "{text}");
        }
    }
}
