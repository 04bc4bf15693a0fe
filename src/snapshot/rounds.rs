//! Whose turn it is to be asked again, among upstreams that are each asked at their own pace.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Runtime, Shared, Snapshot, Upstream};
use crate::clock;
use crate::config::{self, Probe};

/// How often it is looked whose turn it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Asks each upstream that has such a probe configured, at its own pace, for as long as the process lives; each reload is
/// taken in with the next round. What was learned of one that has none is forgotten.
pub async fn ask_in_turns<A>(
    shared: Arc<Shared>,
    probe_of: fn(&config::Upstream) -> Option<&Probe>,
    forget: fn(&Runtime),
    ask: fn(Arc<Snapshot>, usize, Arc<Upstream>, Probe) -> A,
) where
    A: Future<Output = ()> + Send + 'static,
{
    let mut rounds = Rounds::default();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = clock::now();
        let snapshot = shared.snapshot();
        for (index, upstream) in snapshot.upstreams.iter().enumerate() {
            let Some(probe) = probe_of(&upstream.config) else {
                forget(&upstream.runtime);
                continue;
            };
            if rounds.is_due(&upstream.config.name, probe.every, now) {
                let (snapshot, upstream) = (Arc::clone(&snapshot), Arc::clone(upstream));
                let probe = probe.clone();
                tokio::spawn(ask(snapshot, index, upstream, probe));
            }
        }
    }
}

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
