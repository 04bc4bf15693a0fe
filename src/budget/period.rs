//! Fixed windows of UTC: which one a moment lies in, and what a clock that jumps does to a count.
//!
//! A day of UTC has 86,400 s here, as in every system clock. Windows are named by the second in which they begin.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::config::Window;

/// Seconds.
pub fn length(window: Window) -> u64 {
    match window {
        Window::Minute => 60,
        Window::Hour => 3_600,
        Window::Day => 86_400,
    }
}

/// When the window that `now` lies in began, in seconds since 1970.
pub fn start(window: Window, now: SystemTime) -> u64 {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    seconds - seconds % length(window)
}

/// When the window that began at `start` ends.
pub fn end(window: Window, start: u64) -> SystemTime {
    let after = Duration::from_secs(start.saturating_add(length(window)));
    UNIX_EPOCH.checked_add(after).unwrap_or(UNIX_EPOCH)
}

/// A window that was left, with its count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    pub start: u64,
    pub count: u64,
}

/// The count with which the window of the moment begins, when the one in `left` was the last; none to stay in that.
///
/// Going on, a window begins at zero. A clock that goes back by up to a window changes nothing: its count goes on, so
/// that the same window isn't granted twice. One that goes back further was wrong before or is wrong now, and waiting
/// for it to arrive again might take years: the count comes along, and what the other window had is remembered. So a
/// clock that jumps away and comes back finds the count as it was, with what happened in between.
pub fn carried(here: u64, left: Past, remembered: Option<Past>, window: Window) -> Option<u64> {
    let known = remembered.filter(|past| past.start == here);
    match left.start.checked_sub(here) {
        None if known.is_some() => Some(left.count),
        None => Some(0),
        Some(back) if back <= length(window) => None,
        Some(_) => Some(
            left.count
                .saturating_add(known.map_or(0, |past| past.count)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// 2025-11-22T12:56:07Z.
    const NOON: u64 = 1_763_816_167;

    #[test]
    fn windows_begin_where_utc_begins_them() {
        assert_eq!(start(Window::Minute, at(NOON)), NOON - 7);
        assert_eq!(start(Window::Hour, at(NOON)), NOON - 7 - 56 * 60);
        assert_eq!(
            start(Window::Day, at(NOON)),
            NOON - 7 - 56 * 60 - 12 * 3_600
        );
    }

    #[test]
    fn a_window_has_its_first_second_and_not_its_end() {
        let first = start(Window::Minute, at(NOON));
        let last = end(Window::Minute, first) - Duration::from_nanos(1);
        assert_eq!(start(Window::Minute, last), first);
        assert_eq!(
            start(Window::Minute, end(Window::Minute, first)),
            first + 60
        );
    }

    #[test]
    fn before_1970_is_1970() {
        assert_eq!(start(Window::Day, UNIX_EPOCH - Duration::from_secs(1)), 0);
    }

    #[test]
    fn a_count_follows_the_clock() {
        let left = Past {
            start: 86_400 * 10,
            count: 7,
        };
        let known = |start| Some(Past { start, count: 3 });
        let day = |number: u64| number * 86_400;
        for (here, remembered, expected) in [
            (day(11), None, Some(0)),
            (day(11), known(day(11)), Some(7)),
            (day(9), None, None),
            (day(9), known(day(9)), None),
            (day(8), None, Some(7)),
            (day(8), known(day(8)), Some(10)),
        ] {
            assert_eq!(
                carried(here, left, remembered, Window::Day),
                expected,
                "{here}"
            );
        }
    }
}
