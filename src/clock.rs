//! The only place that reads a clock.
//!
//! Everything else takes `now` as an argument, so that a test decides what time it is.

use std::time::{Duration, Instant, SystemTime};

use crate::platform;

/// Now, for durations inside this process. Stops while the machine sleeps.
pub fn now() -> Instant {
    Instant::now()
}

/// Now, for people and for other machines.
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// Since the machine was started, its sleep included: what processes and restarts can compare.
pub fn since_boot() -> Duration {
    platform::since_boot()
}
