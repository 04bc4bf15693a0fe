//! How long to wait before the next connection.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A store that is back is in use again after that.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Doubles each time, and differs from gateway to gateway: they all lose the store in the same moment.
#[derive(Debug)]
pub struct Pause {
    longest: Duration,
}

impl Default for Pause {
    fn default() -> Pause {
        Pause {
            longest: FIRST_PAUSE,
        }
    }
}

impl Pause {
    /// Between half of the present length and all of it.
    pub fn next(&mut self) -> Duration {
        let longest = self.longest;
        self.longest = (longest * 2).min(LONGEST_PAUSE);
        longest.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let mut pause = Pause::default();
        for _ in 0..20 {
            let next = pause.next();
            assert!(
                (FIRST_PAUSE / 2..=LONGEST_PAUSE).contains(&next),
                "{next:?}"
            );
        }
        assert!(pause.next() >= LONGEST_PAUSE / 2);
    }
}
