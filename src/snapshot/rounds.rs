//! Whose turn it is to be asked again, among upstreams that are each asked at their own pace.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// When each is due, by name; one that nobody knows yet is due at once.
#[derive(Debug, Default)]
pub struct Rounds(HashMap<String, Instant>);

impl Rounds {
    /// Whether `name` is due; if so, its next turn is `every` from now.
    pub fn is_due(&mut self, name: &str, every: Duration, now: Instant) -> bool {
        match self.0.get_mut(name) {
            Some(next) if *next > now => false,
            Some(next) => {
                *next = now + every;
                true
            }
            None => {
                self.0.insert(name.to_owned(), now + every);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn each_is_asked_at_its_own_pace() {
        let (mut rounds, start) = (Rounds::default(), clock::now());
        let second = Duration::from_secs(1);
        assert!(rounds.is_due("a", second, start));
        assert!(rounds.is_due("b", 3 * second, start), "another name");
        let asked = (1..=6u32).map(|passed| {
            let now = start + passed * second / 2;
            (
                rounds.is_due("a", second, now),
                rounds.is_due("b", 3 * second, now),
            )
        });
        let (a, b): (Vec<bool>, Vec<bool>) = asked.unzip();
        assert_eq!(a, [false, true, false, true, false, true]);
        assert_eq!(b, [false, false, false, false, false, true]);
    }
}
