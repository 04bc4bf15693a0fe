//! What an upstream asks us to wait before it is asked again, and whether so long a wait is worth it.
//!
//! The rule a reader would break: **never earlier than asked**. Jitter is added to what the upstream named, never taken
//! out of it, and what can't be waited for is not waited for at all. What can't be understood counts as absent.

use std::time::{Duration, SystemTime};

/// Longer than this is told as this, so that no sum of times overflows. No `retry_after_cap` is as long.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// `retry-after` in whole seconds and `retry-after-ms` agree when rounding can explain what lies between them.
const ROUNDED_SECONDS: Duration = Duration::from_secs(1);

/// A date is rounded twice, it and the `Date` it is measured against.
const ROUNDED_DATES: Duration = Duration::from_secs(2);

/// What bounds a wait.
#[derive(Debug, Clone, Copy)]
pub struct WaitLimits {
    /// The longest wait that an upstream may ask for.
    pub retry_after_cap: Duration,
    /// What is left until the request's deadline.
    pub left: Duration,
    /// What of it an answer needs to be of use.
    pub useful_answer: Duration,
}

/// What to do before the same target is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    Now,
    After(Duration),
    /// Fail over at once, or tell the client to come back after this, at most the cap.
    NotWorthIt {
        retry_after: Duration,
    },
}

/// How long the upstream wants us to wait, by the header values of its answer; at most a day.
///
/// `retry_after` is a number of seconds or any of the three dates of RFC 9110, 5.6.7; numbers may have a fraction, which
/// some servers send. A date is measured against the answer's own `date`, so that two clocks needn't agree; `now` decides
/// where that is missing or leads to more than a day, as that of a clock that was never set does. `retry_after_ms` is the
/// finer of the two and wins where rounding explains the difference; where it doesn't, nobody knows which is meant.
pub fn asked(
    retry_after: Option<&str>,
    retry_after_ms: Option<&str>,
    date: Option<&str>,
    now: SystemTime,
) -> Option<Duration> {
    let fine = retry_after_ms.and_then(|text| number(text, MILLISECOND));
    let coarse = retry_after.and_then(|text| {
        let seconds = number(text, SECOND).map(|wait| (wait, ROUNDED_SECONDS));
        seconds.or_else(|| Some((until(text, date, now)?, ROUNDED_DATES)))
    });
    match (fine, coarse) {
        (Some(fine), Some((coarse, rounding))) => {
            (fine.abs_diff(coarse) <= rounding).then_some(fine)
        }
        (fine, coarse) => fine.or(coarse.map(|(wait, _)| wait)),
    }
}

/// What `asked` and the backoff come to within `limits`; `jitter` is the backoff's random wait.
///
/// The jitter gives way to the deadline, what was asked never does.
pub fn wait(asked: Option<Duration>, jitter: Duration, limits: WaitLimits) -> Wait {
    let least = asked.unwrap_or_default();
    let room = limits.left.checked_sub(limits.useful_answer);
    match room {
        Some(room) if least <= room && least <= limits.retry_after_cap => {
            let pause = least.saturating_add(jitter).min(room);
            if pause.is_zero() {
                Wait::Now
            } else {
                Wait::After(pause)
            }
        }
        _ => Wait::NotWorthIt {
            retry_after: asked.unwrap_or(jitter).min(limits.retry_after_cap),
        },
    }
}

/// Digits, a point and digits at most, of `unit`. What is finer than the clock is cut off, never rounded up.
fn number(text: &str, unit: Duration) -> Option<Duration> {
    let text = text.trim_ascii();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    // Digits alone fail to be a number only by being too many.
    let whole = whole.parse().unwrap_or(u64::MAX);
    let billionths = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + u128::from(digit - b'0'));
    let unit = unit.as_nanos();
    let nanos = u128::from(whole) * unit + billionths * unit / 1_000_000_000;
    let nanos = u64::try_from(nanos.min(LONGEST.as_nanos())).ok()?;
    Some(Duration::from_nanos(nanos))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// How far away the date in `text` is; none for one that is over.
fn until(text: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let at = httpdate::parse_http_date(text).ok()?;
    let own = date.and_then(|date| httpdate::parse_http_date(date).ok());
    if let Some(own) = own {
        let wait = at.duration_since(own).ok()?;
        if wait <= LONGEST {
            return Some(wait);
        }
    }
    let wait = at.duration_since(now).ok()?;
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests;
