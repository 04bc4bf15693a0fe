//! Header names that a configuration may add to those let through, and those that it may never.

use super::error::Refusal;

/// Which way a header travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Request,
    Response,
}

/// Between two hops only (RFC 9110, section 7.6.1), and what frames a message: passing them on is how
/// requests are smuggled.
const FRAMING: [&str; 13] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// They identify somebody, and identities never cross the gateway.
const IDENTITY: [&str; 8] = [
    "api-key",
    "authorization",
    "cookie",
    "set-cookie",
    "www-authenticate",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
];

/// The gateway writes these itself, in either direction.
const OURS: [&str; 7] = [
    "accept-encoding",
    "date",
    "retry-after",
    "retry-after-ms",
    "x-correlation-id",
    "x-request-id",
    "x-should-retry",
];

/// Reads a header name and brings it to lower case.
///
/// # Errors
/// Not a header name, or one that is never passed on.
pub fn parse(text: &str, way: Way) -> Result<String, Refusal> {
    if text.contains('*') {
        return Err(Refusal::new(
            "is a pattern; headers are let through one by one",
        ));
    }
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_token) {
        return Err(Refusal::new("is no header name"));
    }
    let name = text.to_ascii_lowercase();
    // Some servers take `_` for `-`, so that a twin would be a way around this list.
    let folded = name.replace('_', "-");
    if FRAMING.contains(&folded.as_str()) {
        return Err(Refusal::new(
            "belongs to one connection and is never passed on",
        ));
    }
    if IDENTITY.contains(&folded.as_str()) {
        return Err(Refusal::new("identifies somebody and is never passed on"));
    }
    let cross_origin = way == Way::Response && folded.starts_with("access-control-");
    if OURS.contains(&folded.as_str()) || folded.starts_with("x-sidegate-") || cross_origin {
        return Err(Refusal::new("is written by the gateway itself"));
    }
    Ok(name)
}

/// A token character (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_header_is_let_through_in_lower_case() {
        assert_eq!(parse("X-Extra", Way::Request).as_deref(), Ok("x-extra"));
    }

    #[test]
    fn what_must_not_pass_does_not_in_any_spelling() {
        for name in [
            "Authorization",
            "cookie",
            "Host",
            "content_length",
            "Transfer-Encoding",
            "x-sidegate-hop",
            "X_Sidegate_Hop",
            "x-*",
            "a b",
            "",
            "a:",
            "é",
        ] {
            assert!(parse(name, Way::Request).is_err(), "{name}");
        }
        assert!(parse("access-control-allow-origin", Way::Response).is_err());
    }
}
