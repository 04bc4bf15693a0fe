//! Recognises a request that this gateway sent itself.
//!
//! Each gateway adds a name of its own to `x-sidegate-hop`. Where that name comes back, an upstream leads back to us;
//! another gateway's name is a gateway in front of this one, which is fine as long as they are few.

use http::header::HeaderValue;
use pingora::http::RequestHeader;

use crate::failure::{Code, Failure};

pub const HOP_HEADER: &str = "x-sidegate-hop";

/// More gateways in a row than this are a loop through somebody else's.
const MOST_HOPS: usize = 8;

/// A gateway's name has as many hex digits.
pub const NAME_DIGITS: usize = 16;

/// The names that the request has passed, none for a client's own.
pub fn check(header: &RequestHeader, own: &str) -> Result<Option<String>, Failure> {
    let mut values = header.headers.get_all(HOP_HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = value.to_str().ok().filter(|_| values.next().is_none());
    let names: Vec<&str> = text.unwrap_or_default().split(',').collect();
    let is_name =
        |name: &&str| name.len() == NAME_DIGITS && name.bytes().all(|b| b.is_ascii_hexdigit());
    if !names.iter().all(is_name) {
        return Err(Failure::new(Code::InvalidRequest));
    }
    if names.contains(&own) || names.len() >= MOST_HOPS {
        return Err(Failure::new(Code::LoopDetected));
    }
    Ok(text.map(str::to_owned))
}

/// The header of the request that goes on.
pub fn value(passed: Option<&str>, own: &str) -> HeaderValue {
    let text = match passed {
        Some(passed) => format!("{passed},{own}"),
        None => own.to_owned(),
    };
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "0123456789abcdef";
    const OTHER: &str = "fedcba9876543210";

    fn checked(hop: &str) -> Result<Option<String>, Code> {
        let mut header = RequestHeader::build("POST", b"/", None).unwrap();
        header.insert_header(HOP_HEADER, hop).unwrap();
        check(&header, OWN).map_err(|failure| failure.code())
    }

    #[test]
    fn our_own_name_is_a_loop_and_anothers_is_a_gateway_before_us() {
        assert_eq!(checked(OWN), Err(Code::LoopDetected));
        assert_eq!(checked(&format!("{OTHER},{OWN}")), Err(Code::LoopDetected));
        assert_eq!(checked(OTHER), Ok(Some(OTHER.to_owned())));
        assert_eq!(
            value(Some(OTHER), OWN).to_str().unwrap(),
            format!("{OTHER},{OWN}")
        );
    }

    #[test]
    fn a_chain_without_end_is_a_loop_and_what_is_no_name_is_refused() {
        assert_eq!(
            checked(&[OTHER; MOST_HOPS].join(",")),
            Err(Code::LoopDetected)
        );
        assert_eq!(checked("1"), Err(Code::InvalidRequest));
        assert_eq!(checked(""), Err(Code::InvalidRequest));
    }
}
