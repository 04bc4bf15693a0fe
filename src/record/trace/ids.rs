//! The names of traces and spans, in bytes and in the hexadecimal form of `traceparent`.

use std::fmt;

/// 16 bytes, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// 8 bytes, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// From the thread's own generator, which costs no system call.
    pub fn random() -> TraceId {
        TraceId(rand::random::<u128>().max(1))
    }

    /// None unless it is 32 lower-case digits, not all of them zero.
    pub fn parse(digits: &[u8]) -> Option<TraceId> {
        Some(TraceId(hexadecimal(digits, 32)?)).filter(|id| id.0 != 0)
    }

    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl SpanId {
    /// From the thread's own generator, which costs no system call.
    pub fn random() -> SpanId {
        SpanId(rand::random::<u64>().max(1))
    }

    /// None unless it is 16 lower-case digits, not all of them zero.
    pub fn parse(digits: &[u8]) -> Option<SpanId> {
        let value = hexadecimal(digits, 16)?;
        u64::try_from(value).ok().filter(|id| *id != 0).map(SpanId)
    }

    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// The value of exactly `count` lower-case digits, 32 at most.
pub fn hexadecimal(digits: &[u8], count: usize) -> Option<u128> {
    if digits.len() != count {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

impl fmt::Display for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TraceId({self})")
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SpanId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_upper_case_and_wrong_lengths_are_no_ids() {
        for bad in [
            "",
            "0000000000000000",
            "00F067AA0BA902B7",
            "00f067aa0ba902b",
            "00f067aa0ba902b7a",
        ] {
            assert_eq!(SpanId::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(TraceId::parse(&[b'0'; 32]), None);
        assert_eq!(TraceId::parse(&[b'g'; 32]), None);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(trace in 1u128.., span in 1u64..) {
            let (trace, span) = (TraceId(trace), SpanId(span));
            prop_assert_eq!(TraceId::parse(trace.to_string().as_bytes()), Some(trace));
            prop_assert_eq!(SpanId::parse(span.to_string().as_bytes()), Some(span));
        }
    }
}
