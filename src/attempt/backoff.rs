//! How long to wait before the same target is asked again.

use std::time::Duration;

/// Exponential with full jitter, so that callers who failed together don't come back together.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
}

impl Backoff {
    /// The wait before retry number `retry` (the first is 0): `random` in [0, 1) of `base · 2^retry`, at most `cap`.
    pub fn wait(&self, retry: u32, random: f64) -> Duration {
        let doubled = self
            .base
            .saturating_mul(1u32.checked_shl(retry).unwrap_or(u32::MAX));
        let share = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            1.0
        };
        doubled.min(self.cap).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_stays_between_nothing_and_the_cap(
            base in 0u64..100_000, cap in 0u64..100_000, retry in any::<u32>(), random in any::<f64>(),
        ) {
            let backoff = Backoff { base: Duration::from_millis(base), cap: Duration::from_millis(cap) };
            prop_assert!(backoff.wait(retry, random) <= backoff.cap);
        }
    }

    #[test]
    fn it_doubles() {
        let backoff = Backoff {
            base: Duration::from_millis(250),
            cap: Duration::from_secs(8),
        };
        let waits: Vec<_> = (0..7)
            .map(|retry| backoff.wait(retry, 1.0).as_millis())
            .collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 8000]);
    }
}
