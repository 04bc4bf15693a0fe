//! What is left, for the headers of an answer.
//!
//! The names are those of hosted providers: `x-ratelimit-limit-tokens`, `x-ratelimit-remaining-tokens`,
//! `x-ratelimit-reset-tokens`, and the same with `requests`. Clients read the tightest account; which one it is, is not
//! said.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::account::Kind;

/// The tightest limit of each kind; none where no account of the request has one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Remaining {
    pub tokens: Option<Headroom>,
    pub requests: Option<Headroom>,
}

/// What is left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headroom {
    pub limit: u64,
    pub remaining: u64,
    pub reset: Reset,
}

/// How long until a window ends, written as providers write it: `120ms`, `59.5s`, `6m0s`, `3h2m1s`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reset(pub Duration);

impl Remaining {
    /// Takes `other` for that kind, if less is left of it than of what was there.
    pub(super) fn narrow(&mut self, kind: Kind, other: Headroom) {
        let place = match kind {
            Kind::Tokens => &mut self.tokens,
            Kind::Requests => &mut self.requests,
        };
        if place.is_none_or(|tightest| other.remaining < tightest.remaining) {
            *place = Some(other);
        }
    }

    /// Header names and values, in a fixed order.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let tokens = named(
            [
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ],
            self.tokens,
        );
        let requests = named(
            [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ],
            self.requests,
        );
        tokens.into_iter().chain(requests).flatten()
    }
}

impl Reset {
    /// From `now` until `end`; zero when that is over.
    pub(super) fn until(end: SystemTime, now: SystemTime) -> Reset {
        Reset(end.duration_since(now).unwrap_or_default())
    }
}

fn named(
    [limit, remaining, reset]: [&'static str; 3],
    headroom: Option<Headroom>,
) -> Option<[(&'static str, String); 3]> {
    let headroom = headroom?;
    Some([
        (limit, headroom.limit.to_string()),
        (remaining, headroom.remaining.to_string()),
        (reset, headroom.reset.to_string()),
    ])
}

impl fmt::Display for Reset {
    /// In whole milliseconds, rounded up: who waits that long finds the window ended.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_nanos().div_ceil(1_000_000);
        let (seconds, rest) = (millis / 1_000, millis % 1_000);
        if seconds == 0 && rest > 0 {
            return write!(out, "{rest}ms");
        }
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        if hours > 0 {
            write!(out, "{hours}h")?;
        }
        if seconds >= 60 {
            write!(out, "{minutes}m")?;
        }
        write!(out, "{}", seconds % 60)?;
        if rest > 0 {
            let digits = format!("{rest:03}");
            write!(out, ".{}", digits.trim_end_matches('0'))?;
        }
        out.write_str("s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_providers_write_them() {
        for (micros, text) in [
            (0, "0s"),
            (1, "1ms"),
            (120_000, "120ms"),
            (999_001, "1s"),
            (1_000_000, "1s"),
            (1_050_000, "1.05s"),
            (59_500_000, "59.5s"),
            (60_000_000, "1m0s"),
            (360_000_000, "6m0s"),
            (86_400_000, "1m26.4s"),
            (10_921_000_000, "3h2m1s"),
            (7_200_000_000, "2h0m0s"),
            (86_400_000_000, "24h0m0s"),
        ] {
            assert_eq!(Reset(Duration::from_micros(micros)).to_string(), text);
        }
    }

    #[test]
    fn the_tightest_limit_is_shown() {
        let headroom = |limit, remaining| Headroom {
            limit,
            remaining,
            reset: Reset(Duration::from_secs(60)),
        };
        let mut remaining = Remaining::default();
        remaining.narrow(Kind::Tokens, headroom(1_000, 20));
        remaining.narrow(Kind::Tokens, headroom(50, 40));
        let shown: Vec<String> = remaining
            .headers()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        let expected = [
            "x-ratelimit-limit-tokens: 1000",
            "x-ratelimit-remaining-tokens: 20",
            "x-ratelimit-reset-tokens: 1m0s",
        ];
        assert_eq!(shown, expected);
    }
}
