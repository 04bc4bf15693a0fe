//! How it goes with the collector: when to try again, and what is worth a line in the log.
//!
//! Trouble is said once when it begins and once when it is over. It is over when spans have gone out and none was lost for
//! [`CALM`], so that a collector that comes and goes doesn't fill the log.

use std::time::{Duration, Instant};

use super::post::Problem;

/// After the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// A collector that comes back is found within this.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A collector may ask for more patience, but not for ever.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Without a failure or a loss for this long, trouble is over.
pub const CALM: Duration = Duration::from_secs(5);

/// Something to tell people.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    Began(Trouble),
    Over { lost: u64 },
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Unreachable(Problem),
    /// Spans come faster than the collector takes them.
    TooMany,
}

/// The state of things; pure, `now` is an argument.
#[derive(Debug, Default)]
pub struct Link {
    trouble: Option<Under>,
    /// Lost spans when last looked at.
    seen: u64,
}

#[derive(Debug)]
struct Under {
    /// The last try failed; the next is not before this.
    next_try: Option<Instant>,
    wait: Duration,
    last_bad: Instant,
    /// Lost spans when it began.
    lost_before: u64,
}

impl Link {
    /// `lost` spans were lost before this link; they are no news of it.
    pub fn new(lost: u64) -> Link {
        Link {
            trouble: None,
            seen: lost,
        }
    }

    /// A try failed; `asked` is how long the collector wants to be left alone.
    pub fn failed(
        &mut self,
        problem: Problem,
        asked: Option<Duration>,
        now: Instant,
    ) -> Option<News> {
        let is_news = self.trouble.is_none();
        let under = self.under(now);
        let wait = asked.unwrap_or_default().min(LONGEST_ASKED).max(under.wait);
        under.next_try = Some(now + wait);
        under.wait = (under.wait * 2).min(LONGEST_WAIT);
        under.last_bad = now;
        is_news.then_some(News::Began(Trouble::Unreachable(problem)))
    }

    /// Spans went out.
    pub fn sent(&mut self, now: Instant) {
        if let Some(under) = &mut self.trouble {
            if under.next_try.take().is_some() {
                under.last_bad = now;
            }
        }
    }

    /// Takes in how many spans have been lost since the start of the process.
    pub fn look(&mut self, lost: u64, now: Instant) -> Option<News> {
        let more = lost > self.seen;
        let is_news = more && self.trouble.is_none();
        if more {
            self.under(now).last_bad = now;
        }
        self.seen = lost;
        if is_news {
            return Some(News::Began(Trouble::TooMany));
        }
        let over = self.trouble.take_if(|under| under.is_over(now))?;
        let lost = lost.saturating_sub(over.lost_before);
        Some(News::Over { lost })
    }

    /// How long to leave the collector alone.
    pub fn wait(&self, now: Instant) -> Duration {
        let next_try = self.trouble.as_ref().and_then(|under| under.next_try);
        next_try.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    /// The last try failed.
    pub fn is_failing(&self) -> bool {
        self.trouble
            .as_ref()
            .is_some_and(|under| under.next_try.is_some())
    }

    /// There is trouble, so a look is due soon even if no span comes.
    pub fn is_troubled(&self) -> bool {
        self.trouble.is_some()
    }

    fn under(&mut self, now: Instant) -> &mut Under {
        let lost_before = self.seen;
        self.trouble.get_or_insert(Under {
            next_try: None,
            wait: FIRST_WAIT,
            last_bad: now,
            lost_before,
        })
    }
}

impl Under {
    fn is_over(&self, now: Instant) -> bool {
        self.next_try.is_none() && now.saturating_duration_since(self.last_bad) >= CALM
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);
    const REFUSED: Problem = Problem::Refused;

    #[test]
    fn waits_double_up_to_their_longest() {
        let (mut link, start) = (Link::default(), clock::now());
        let mut waits = Vec::new();
        for _ in 0..7 {
            link.failed(REFUSED, None, start);
            waits.push(link.wait(start).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        link.sent(start);
        assert_eq!(link.wait(start), Duration::ZERO);
    }

    #[test]
    fn a_collector_that_asks_for_patience_gets_some() {
        let (mut link, start) = (Link::default(), clock::now());
        link.failed(REFUSED, Some(SECOND * 20), start);
        assert_eq!(link.wait(start), SECOND * 20);
        link.failed(REFUSED, Some(SECOND * 100_000), start);
        assert_eq!(link.wait(start), LONGEST_ASKED);
    }

    #[test]
    fn trouble_is_told_once_and_its_end_once() {
        let (mut link, start) = (Link::default(), clock::now());
        let began = News::Began(Trouble::Unreachable(REFUSED));
        assert_eq!(link.failed(REFUSED, None, start), Some(began));
        for second in 1..100 {
            assert_eq!(link.failed(REFUSED, None, start + SECOND * second), None);
            assert_eq!(link.look(u64::from(second), start + SECOND * second), None);
        }
        let back = start + SECOND * 200;
        assert_eq!(link.look(99, back), None, "no failure is no success");
        link.sent(back);
        assert_eq!(link.look(99, back), None);
        assert_eq!(link.look(99, back + CALM - Duration::from_millis(1)), None);
        assert_eq!(link.look(99, back + CALM), Some(News::Over { lost: 99 }));
        assert_eq!(link.look(99, back + CALM * 9), None);
    }

    #[test]
    fn a_collector_that_comes_and_goes_is_one_trouble() {
        let (mut link, start) = (Link::default(), clock::now());
        let mut told = 0;
        for second in 0..600 {
            let now = start + SECOND * second;
            match second % 4 {
                0 => told += u32::from(link.failed(REFUSED, None, now).is_some()),
                _ => link.sent(now),
            }
            told += u32::from(link.look(0, now).is_some());
        }
        assert_eq!(told, 1);
    }

    #[test]
    fn losses_without_a_failure_are_told_as_too_many() {
        let (mut link, start) = (Link::default(), clock::now());
        assert_eq!(link.look(7, start), Some(News::Began(Trouble::TooMany)));
        assert_eq!(link.look(9, start + SECOND), None);
        assert!(link.is_troubled() && !link.is_failing());
        let later = start + SECOND + CALM;
        assert_eq!(link.look(9, later), Some(News::Over { lost: 9 }));
    }
}
