//! Sizes as people write them: `64KiB`, `8MiB`, `32MB`. `KiB` is 1024 bytes, `KB` is 1000.

use super::error::Refusal;

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// The JSON Schema pattern of what [`parse`] accepts.
pub const PATTERN: &str = "^[0-9]+(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$";

/// Reads a size in bytes.
///
/// # Errors
/// What is wrong with it, with the spelling that was probably meant.
pub fn parse(text: &str) -> Result<u64, Refusal> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    if number.is_empty() {
        return Err(Refusal::new("is no size"));
    }
    let Some((_, bytes)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(refuse(number, unit));
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*bytes))
        .ok_or_else(|| Refusal::new("is larger than can be counted"))
}

/// The spelling with the largest unit that divides it.
pub fn print(bytes: u64) -> String {
    UNITS
        .iter()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(
            || format!("{bytes}B"),
            |(name, unit)| format!("{}{name}", bytes / unit),
        )
}

fn refuse(number: &str, unit: &str) -> Refusal {
    if unit.is_empty() {
        return Refusal::new("has no unit").or(from_bytes(number));
    }
    let wanted = unit.trim().to_lowercase();
    let whole = UNITS.iter().find(|(name, _)| name.to_lowercase() == wanted);
    let short = UNITS.iter().find(|(name, _)| {
        name.strip_suffix("iB").map(str::to_lowercase).as_deref() == Some(&wanted)
    });
    match whole.or(short) {
        Some((name, _)) => Refusal::new("has an unknown unit").or(format!("{number}{name}")),
        None => Refusal::new("is no size"),
    }
}

/// A bare number is nearly always meant in bytes.
fn from_bytes(number: &str) -> String {
    number.parse().map_or_else(|_| format!("{number}B"), print)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_carry_units() {
        for (text, bytes) in [
            ("8MiB", 8 << 20),
            ("64KiB", 65_536),
            ("32MB", 32_000_000),
            ("0B", 0),
            ("3TiB", 3 << 40),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_offered() {
        for (text, meant) in [
            ("8mib", "8MiB"),
            ("8M", "8MiB"),
            ("64k", "64KiB"),
            ("1048576", "1MiB"),
            ("1001", "1001B"),
            ("5 MB", "5MB"),
        ] {
            let refusal = parse(text).unwrap_err();
            assert_eq!(refusal.instead.as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        for text in [
            "",
            "MiB",
            "-1MiB",
            "1.5MiB",
            "99999999999TiB",
            "8MiB ",
            "8XB",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(bytes in any::<u64>()) {
            prop_assert_eq!(parse(&print(bytes)), Ok(bytes));
        }
    }
}
