//! Moments that processes and restarts can compare.

use std::time::Duration;

/// Milliseconds since the machine was started, its sleep included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootMillis(u64);

impl BootMillis {
    /// How many bits a moment takes.
    pub const BITS: u32 = 38;

    /// After more than eight years without a reboot: time stands still then, and nothing worse happens.
    pub const LATEST: BootMillis = BootMillis((1 << Self::BITS) - 1);

    /// Long over.
    pub const BOOT: BootMillis = BootMillis(0);

    pub const fn new(millis: u64) -> BootMillis {
        if millis > Self::LATEST.0 {
            Self::LATEST
        } else {
            BootMillis(millis)
        }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    pub fn plus(self, wait: Duration) -> BootMillis {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        BootMillis::new(self.0.saturating_add(wait))
    }

    /// How long it still is to `later`; none when that is now or over.
    pub fn until(self, later: BootMillis) -> Option<Duration> {
        let left = later.0.checked_sub(self.0).filter(|left| *left > 0)?;
        Some(Duration::from_millis(left))
    }
}

/// From the time since boot.
impl From<Duration> for BootMillis {
    fn from(since_boot: Duration) -> BootMillis {
        BootMillis::BOOT.plus(since_boot)
    }
}
