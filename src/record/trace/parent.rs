//! What a `traceparent` header says (W3C Trace Context, section 3.2).

use http::HeaderMap;

use super::ids::{hexadecimal, SpanId, TraceId};

pub const HEADER: &str = "traceparent";

/// The caller records its part, so we record ours.
pub const SAMPLED: u8 = 0b01;

/// The trace id is random (Trace Context level 2); only its maker knows, so it is passed on as it came.
pub const RANDOM: u8 = 0b10;

/// Length of version 00; later ones may be longer.
const LENGTH: usize = 55;

/// The span of whoever sent the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    pub trace: TraceId,
    pub span: SpanId,
    /// Only those that we know: section 3.2.2.5 wants the others to be zero when they are passed on.
    pub flags: u8,
}

impl Parent {
    pub fn is_sampled(self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// None when there is no header, more than one, or one that breaks the rules: then a new trace begins.
pub fn read(headers: &HeaderMap) -> Option<Parent> {
    let mut values = headers.get_all(HEADER).iter();
    let value = values.next()?;
    match values.next() {
        None => parse(value.as_bytes().trim_ascii()),
        Some(_) => None,
    }
}

/// A later version is read like this one, as far as this one goes (section 4.3).
fn parse(text: &[u8]) -> Option<Parent> {
    let (fields, rest) = text.split_at_checked(LENGTH)?;
    let mut fields = fields.split(|byte| *byte == b'-');
    let version = hexadecimal(fields.next()?, 2)?;
    let parent = Parent {
        trace: TraceId::parse(fields.next()?)?,
        span: SpanId::parse(fields.next()?)?,
        flags: flags(fields.next()?)?,
    };
    let is_whole = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => matches!(rest.first(), None | Some(b'-')),
    };
    (is_whole && fields.next().is_none()).then_some(parent)
}

fn flags(digits: &[u8]) -> Option<u8> {
    let flags = u8::try_from(hexadecimal(digits, 2)?).ok()?;
    Some(flags & (SAMPLED | RANDOM))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn read_one(text: &str) -> Option<Parent> {
        let mut headers = HeaderMap::new();
        headers.append(HEADER, text.parse().unwrap());
        read(&headers)
    }

    #[test]
    fn a_header_of_the_first_version_is_read() {
        let parent = read_one(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!(parent.trace.to_string(), TRACE);
        assert_eq!(parent.span.to_string(), SPAN);
        assert!(parent.is_sampled());
    }

    #[test]
    fn the_flag_decides_and_unknown_ones_are_dropped() {
        for (text, flags, sampled) in [("00", 0, false), ("fe", 2, false), ("ff", 3, true)] {
            let parent = read_one(&format!("00-{TRACE}-{SPAN}-{text}")).unwrap();
            assert_eq!(
                (parent.flags, parent.is_sampled()),
                (flags, sampled),
                "{text}"
            );
        }
    }

    #[test]
    fn a_later_version_may_say_more() {
        for fine in [
            "cc-{}-01",
            "cc-{}-01-what-the-future-will-be-like",
            "01-{}-01-",
        ] {
            let text = fine.replace("{}", &format!("{TRACE}-{SPAN}"));
            assert!(read_one(&text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_breaks_the_rules_is_no_parent() {
        for broken in [
            "",
            "00-{}",
            "00-{}-0",
            "00-{}-01-more",
            "00-{}-01.",
            "00-{}-0X",
            "00-{}-.0",
            "0-{}-01",
            "0X-{}-01",
            "ff-{}-01",
            "cc-{}-01.what",
            "cc-{}-01what",
            "00_{}-01",
        ] {
            let text = broken.replace("{}", &format!("{TRACE}-{SPAN}"));
            assert_eq!(read_one(&text), None, "{text}");
        }
        for ids in [
            format!("{}-{SPAN}", "0".repeat(32)),
            format!("{TRACE}-{}", "0".repeat(16)),
            format!("{}-{SPAN}", TRACE.to_uppercase()),
            format!("{TRACE}-{}", SPAN.to_uppercase()),
            format!("{SPAN}-{TRACE}"),
        ] {
            assert_eq!(read_one(&format!("00-{ids}-01")), None, "{ids}");
        }
    }

    #[test]
    fn two_headers_contradict_each_other() {
        let mut headers = HeaderMap::new();
        for _ in 0..2 {
            headers.append(HEADER, format!("00-{TRACE}-{SPAN}-01").parse().unwrap());
        }
        assert_eq!(read(&headers), None);
    }
}
