//! Durations as people write them: `250ms`, `2s`, `9m30s`, `24h`.
//!
//! A unit is required, because a bare number has been read as milliseconds by some and seconds by
//! others, at night, in an incident.

use super::error::{shown, Refusal};
use std::time::Duration;

/// Largest first; each at most once, in this order.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The JSON Schema pattern of what [`parse`] accepts.
pub const PATTERN: &str = "^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

/// Reads a duration.
///
/// # Errors
/// What is wrong with it, with the spelling that was probably meant.
pub fn parse(text: &str) -> Result<Duration, Refusal> {
    if is_number(text) {
        return Err(Refusal::new("has no unit").or(format!("{text}s")));
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = split_off(rest, |letter| letter.is_ascii_digit());
        let (unit, after) = split_off(after, |letter| letter.is_ascii_alphabetic());
        let Some((_, millis)) = units.find(|(name, _)| *name == unit) else {
            return Err(refuse(text, number, unit));
        };
        let part = number.parse::<u64>().ok();
        total = part
            .and_then(|part| part.checked_mul(*millis))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| no_number(number))?;
        rest = after;
    }
    if text.is_empty() {
        return Err(Refusal::new("is empty"));
    }
    Ok(Duration::from_millis(total))
}

/// Reads a duration that stands outside a configuration, such as a command's option.
///
/// # Errors
/// The value, what is wrong with it, and the spelling that was probably meant.
pub fn read(text: &str) -> Result<Duration, String> {
    parse(text).map_err(|refusal| {
        let meant = refusal.instead.as_deref().map(shown);
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
        format!(
            "{} {}{meant} (accepted: such as 90s, 15m or 24h)",
            shown(text),
            refusal.why
        )
    })
}

/// The shortest spelling that is read back as the same.
pub fn print(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_string();
    }
    let mut text = String::new();
    for (name, millis) in UNITS {
        let count = rest / millis;
        rest %= millis;
        if count > 0 {
            text.push_str(&format!("{count}{name}"));
        }
    }
    text
}

fn split_off(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|letter| !belongs(letter)).unwrap_or(text.len());
    text.split_at(end)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn no_number(number: &str) -> Refusal {
    match number {
        "" => Refusal::new("is no duration"),
        _ => Refusal::new("is longer than can be counted"),
    }
}

fn refuse(text: &str, number: &str, unit: &str) -> Refusal {
    if number.is_empty() || text.contains('.') {
        return Refusal::new("is no duration");
    }
    if UNITS.iter().any(|(name, _)| *name == unit) {
        return Refusal::new("has its units twice or not from large to small");
    }
    let ours = match unit.to_lowercase().as_str() {
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hour" | "hours" | "hr" => "h",
        "d" | "day" | "days" => return in_hours(number),
        _ => return Refusal::new("is no duration"),
    };
    let refusal = Refusal::new(format!(
        "has the unit `{unit}`, which is not one of h m s ms"
    ));
    if text.len() == number.len() + unit.len() {
        return refusal.or(format!("{number}{ours}"));
    }
    refusal
}

fn in_hours(days: &str) -> Refusal {
    let refusal = Refusal::new("is in days");
    match days
        .parse::<u64>()
        .ok()
        .and_then(|days| days.checked_mul(24))
    {
        Some(hours) => refusal.or(format!("{hours}h")),
        None => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_carry_units_from_large_to_small() {
        for (text, millis) in [
            ("250ms", 250),
            ("2s", 2_000),
            ("5m", 300_000),
            ("9m30s", 570_000),
            ("24h", 86_400_000),
            ("1h0m5ms", 3_600_005),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_offered() {
        for (text, meant) in [("5", "5s"), ("2sec", "2s"), ("3M", "3m"), ("7d", "168h")] {
            let refusal = parse(text).unwrap_err();
            assert_eq!(refusal.instead.as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn an_option_says_what_it_takes() {
        let said = "`7d` is in days; did you mean `168h`? (accepted: such as 90s, 15m or 24h)";
        assert_eq!(read("7d"), Err(said.to_string()));
        assert_eq!(read("24h"), Ok(Duration::from_secs(86_400)));
    }

    #[test]
    fn all_else_is_refused() {
        let long = format!("{}s", u64::MAX);
        for text in [
            "", "s", "-5s", "1.5s", "5s9m", "5s5s", " 5s", "5 s", "5s ", "5µs", "٣s", "off", &long,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(millis in 0u64..400_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&print(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
