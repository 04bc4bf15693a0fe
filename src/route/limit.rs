//! What a client says about how long an answer may get.
//!
//! Only a plain whole number counts. Servers read the others in their own ways (`"12"` is twelve to one and
//! an error to the next, `-1` is without end to a third), so such a value never goes upstream where there
//! is a limit of ours.

use super::keys::Key;
use crate::json::{Kind, Member, Span};

/// A limit field that stands in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub key: Key,
    pub value: Span,
    pub asked: Asked,
}

/// What a limit field asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is null.
    Nothing,
    /// So many tokens; more than `u64` holds is as many as it holds.
    Tokens(u64),
    /// Negative, a fraction, with an exponent, or no number at all: counts as absent.
    Unusable,
}

impl Limit {
    pub(super) fn read(key: Key, member: Member, value: &[u8]) -> Limit {
        let asked = match member.kind {
            Kind::Null => Asked::Nothing,
            _ => whole_number(value).map_or(Asked::Unusable, Asked::Tokens),
        };
        Limit {
            key,
            value: member.value,
            asked,
        }
    }

    /// How many tokens it asks for, if it counts.
    pub fn tokens(self) -> Option<u64> {
        match self.asked {
            Asked::Tokens(tokens) => Some(tokens),
            Asked::Nothing | Asked::Unusable => None,
        }
    }
}

/// A number written in digits alone.
pub(super) fn whole_number(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_make_a_whole_number() {
        for (value, number) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("18446744073709551615", Some(u64::MAX)),
            ("99999999999999999999999999", Some(u64::MAX)),
            ("", None),
            ("-0", None),
            ("-5", None),
            ("1.0", None),
            ("1e3", None),
            ("\"12\"", None),
            ("null", None),
        ] {
            assert_eq!(whole_number(value.as_bytes()), number, "{value}");
        }
    }
}
