//! How long the last one who got in had waited: what a refused client is told to expect.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One lane's; 0 while nobody has to wait.
#[derive(Debug, Default)]
pub struct LastWait(AtomicU64);

impl LastWait {
    /// Somebody got in who had waited so long.
    pub fn passed(&self, waited: Duration) {
        let millis = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.0.store(millis, Ordering::Relaxed);
    }

    pub fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}
