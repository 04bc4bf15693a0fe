//! What a request waited for before its attempts, for the access line.

use std::sync::Arc;
use std::time::Duration;

use super::json::Object;
use super::labels::WaitFor;

/// A shorter wait tells nobody anything.
const WORTH_TELLING: Duration = Duration::from_millis(1);

/// One request's: one that is put off again and again is to have no line without end.
const MOST: usize = 64;

/// Time in which nothing was asked of an upstream, for a reason.
#[derive(Debug, Clone)]
pub struct Wait {
    pub what: WaitFor,
    /// None where it isn't one upstream that was waited for.
    pub upstream: Option<Arc<str>>,
    /// From the first byte read of the request to the wait's start.
    pub began: Duration,
    pub took: Duration,
}

impl Wait {
    pub(super) fn write(&self, object: &mut Object) {
        object.text("for", self.what.as_str());
        object.text_or_null("upstream", self.upstream.as_deref());
        object.seconds_or_null("began_seconds", Some(self.began));
        object.seconds_or_null("took_seconds", Some(self.took));
    }
}

/// The waits of one request, in order.
#[derive(Debug, Default)]
pub struct Waits(Vec<Wait>);

impl Waits {
    /// Takes in another one. It makes the last longer where both are the same and no attempt, which began at `asked`, lies
    /// between them: a wait is often made of several.
    pub fn add(&mut self, wait: Wait, asked: Option<Duration>) {
        let goes_on = |last: &&mut Wait| {
            let same = (last.what, &last.upstream) == (wait.what, &wait.upstream);
            same && asked.is_none_or(|asked| last.began >= asked)
        };
        if wait.took < WORTH_TELLING {
            return;
        }
        if let Some(last) = self.0.last_mut().filter(goes_on) {
            last.took = (wait.began + wait.took).saturating_sub(last.began);
        } else if self.0.len() < MOST {
            self.0.push(wait);
        }
    }

    pub fn all(&self) -> &[Wait] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(what: WaitFor, began: u64, took: u64) -> Wait {
        Wait {
            what,
            upstream: None,
            began: Duration::from_millis(began),
            took: Duration::from_millis(took),
        }
    }

    fn told(waits: &Waits) -> Vec<(WaitFor, u128, u128)> {
        let told = |wait: &Wait| (wait.what, wait.began.as_millis(), wait.took.as_millis());
        waits.all().iter().map(told).collect()
    }

    #[test]
    fn one_wait_in_pieces_is_one() {
        let mut waits = Waits::default();
        waits.add(wait(WaitFor::Pace, 1, 10), None);
        waits.add(wait(WaitFor::Pace, 12, 5), None);
        waits.add(wait(WaitFor::Place, 17, 5), None);
        assert_eq!(
            told(&waits),
            [(WaitFor::Pace, 1, 16), (WaitFor::Place, 17, 5)]
        );
    }

    #[test]
    fn an_attempt_parts_two_waits() {
        let mut waits = Waits::default();
        waits.add(wait(WaitFor::Backoff, 1, 10), None);
        waits.add(
            wait(WaitFor::Backoff, 20, 5),
            Some(Duration::from_millis(11)),
        );
        assert_eq!(waits.all().len(), 2);
    }

    #[test]
    fn what_took_no_time_and_what_never_ends_makes_no_line_longer() {
        let mut waits = Waits::default();
        waits.add(wait(WaitFor::Place, 1, 0), None);
        assert!(waits.all().is_empty());
        for turn in 0..500 {
            let what = [WaitFor::Pace, WaitFor::Place][turn % 2];
            waits.add(wait(what, 10 * turn as u64, 10), None);
        }
        assert_eq!(waits.all().len(), MOST);
    }
}
