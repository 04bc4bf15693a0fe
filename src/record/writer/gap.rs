//! When a file's lines went missing, and when that is over and worth a line.
//!
//! It is over when a round has gone by in which nothing more was dropped and the last write succeeded, or with the process:
//! its counts end with it.

use std::time::SystemTime;

use super::super::json::rfc3339;
use super::super::labels::LogFile;

/// The drops of one file that nobody has been told of.
#[derive(Debug, Default)]
pub struct Gap {
    /// Dropped lines when the last gap was told.
    told: u64,
    /// Dropped lines when last looked at.
    seen: u64,
    since: Option<SystemTime>,
    /// Why the last write failed; none while the file is well.
    failing: Option<String>,
    /// Why a write failed at any time in this gap.
    cause: Option<String>,
}

impl Gap {
    /// A write succeeded.
    pub fn wrote(&mut self) {
        self.failing = None;
    }

    /// A write failed; true when the one before had not, so that it is worth saying.
    pub fn failed(&mut self, cause: String) -> bool {
        let is_news = self.failing.is_none();
        self.cause = Some(cause.clone());
        self.failing = Some(cause);
        is_news
    }

    /// Whether there is something left to tell.
    pub fn is_open(&self) -> bool {
        self.since.is_some()
    }

    /// Looks at the count of dropped lines; the message to write when a gap is over. `last` looks for the
    /// last time and waits for nothing.
    pub fn look(
        &mut self,
        file: LogFile,
        dropped: u64,
        now: SystemTime,
        last: bool,
    ) -> Option<String> {
        let quiet = dropped == self.seen;
        self.seen = dropped;
        if dropped == self.told {
            return None;
        }
        let since = *self.since.get_or_insert(now);
        let is_over = quiet && self.failing.is_none();
        if !is_over && !last {
            return None;
        }
        Some(self.message(file, since, now))
    }

    /// The message of [`Gap::look`] is in the file.
    pub fn told(&mut self) {
        self.told = self.seen;
        self.since = None;
        self.cause = None;
    }

    fn message(&self, file: LogFile, since: SystemTime, now: SystemTime) -> String {
        let lines = self.seen.saturating_sub(self.told);
        let cause = match &self.cause {
            Some(cause) => cause.as_str(),
            None => "lines came faster than the disk took them",
        };
        let afterwards = match self.failing {
            Some(_) => "logging ends",
            None => "logging goes on",
        };
        format!(
            "{lines} lines of {}.jsonl were dropped between {} and {}: {cause}; {afterwards}",
            file.as_str(),
            rfc3339(since),
            rfc3339(now),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045 + seconds)
    }

    #[test]
    fn nothing_dropped_is_nothing_to_say() {
        let mut gap = Gap::default();
        assert_eq!(gap.look(LogFile::Access, 0, at(0), true), None);
        assert!(!gap.is_open());
    }

    #[test]
    fn a_gap_is_told_once_after_a_quiet_round() {
        let mut gap = Gap::default();
        assert_eq!(gap.look(LogFile::Access, 3, at(0), false), None);
        assert_eq!(gap.look(LogFile::Access, 5, at(1), false), None);
        let message = gap.look(LogFile::Access, 5, at(2), false).unwrap();
        assert_eq!(
            message,
            "5 lines of access.jsonl were dropped between 2026-01-02T03:04:05.000Z and 2026-01-02T03:04:07.000Z: \
             lines came faster than the disk took them; logging goes on"
        );
        gap.told();
        assert_eq!(gap.look(LogFile::Access, 5, at(3), true), None);
        assert!(!gap.is_open());
    }

    #[test]
    fn a_full_disk_is_not_over_before_a_write_succeeds() {
        let mut gap = Gap::default();
        assert!(gap.failed("no space left on device".to_owned()));
        assert!(
            !gap.failed("no space left on device".to_owned()),
            "said once is enough"
        );
        assert_eq!(gap.look(LogFile::Access, 9, at(0), false), None);
        gap.wrote();
        let message = gap.look(LogFile::Access, 9, at(2), false).unwrap();
        assert!(
            message.contains("9 lines") && message.contains("no space left"),
            "{message}"
        );
    }

    #[test]
    fn what_is_not_over_at_the_end_is_told_all_the_same() {
        let mut gap = Gap::default();
        gap.failed("the volume is full".to_owned());
        assert_eq!(gap.look(LogFile::Access, 9, at(0), false), None);
        let message = gap.look(LogFile::Access, 10, at(1), true).unwrap();
        assert!(message.starts_with("10 lines of access.jsonl were dropped"));
        assert!(message.ends_with(": the volume is full; logging ends"));
    }

    #[test]
    fn a_message_that_could_not_be_written_is_offered_again() {
        let mut gap = Gap::default();
        gap.look(LogFile::Gateway, 1, at(0), false);
        assert!(gap.look(LogFile::Gateway, 1, at(1), false).is_some());
        assert!(gap.look(LogFile::Gateway, 1, at(2), false).is_some());
    }
}
