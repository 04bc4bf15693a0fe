//! Takes the token out of a request's headers.
//!
//! `authorization` decides where it says anything; `x-api-key` is looked at only on the paths of the
//! Messages API, and only without it. Whether a header stands twice is for whoever reads the headers.

use super::table::Refused;

const SCHEME: &[u8] = b"bearer";

/// The one token that was presented, as the bytes that were sent.
///
/// # Errors
/// `Missing` where there is none; `Invalid` for another scheme, or more or less than one token.
pub fn bearer<'a>(
    authorization: Option<&'a [u8]>,
    x_api_key: Option<&'a [u8]>,
    messages_api: bool,
) -> Result<&'a [u8], Refused> {
    let said = |value: &'a [u8]| Some(value.trim_ascii()).filter(|value| !value.is_empty());
    if let Some(authorization) = authorization.and_then(said) {
        return one_token(without_scheme(authorization)?);
    }
    match x_api_key.and_then(said) {
        Some(key) if messages_api => one_token(key),
        _ => Err(Refused::Missing),
    }
}

/// The scheme is compared without case (RFC 9110, section 11.1).
fn without_scheme(value: &[u8]) -> Result<&[u8], Refused> {
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => match rest {
            // What `Bearer $TOKEN` leaves when the variable is unset.
            [] => Err(Refused::Missing),
            [b' ', token @ ..] => Ok(token.trim_ascii_start()),
            _ => Err(Refused::Invalid),
        },
        _ => Err(Refused::Invalid),
    }
}

fn one_token(token: &[u8]) -> Result<&[u8], Refused> {
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return Err(Refused::Invalid);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Refused::{Invalid, Missing};

    fn authorization(value: &str) -> Result<&str, Refused> {
        bearer(Some(value.as_bytes()), None, false).map(|token| std::str::from_utf8(token).unwrap())
    }

    #[test]
    fn one_bearer_token_is_taken_whatever_the_case_of_its_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc", " Bearer abc "] {
            assert_eq!(authorization(value), Ok("abc"), "{value}");
        }
        assert_eq!(authorization("Bearer a,b=~.+/"), Ok("a,b=~.+/"));
    }

    #[test]
    fn nothing_is_missing_and_anything_else_is_invalid() {
        for value in ["", "  ", "Bearer", "Bearer "] {
            assert_eq!(authorization(value), Err(Missing), "{value:?}");
        }
        let odd = [
            "Basic abc",
            "abc",
            "Bear",
            "Bearerabc",
            "Bearer\tabc",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer é",
        ];
        for value in odd {
            assert_eq!(authorization(value), Err(Invalid), "{value:?}");
        }
        assert_eq!(bearer(Some(b"Bearer a\0b"), None, false), Err(Invalid));
        assert_eq!(bearer(None, None, true), Err(Missing));
    }

    #[test]
    fn an_api_key_counts_on_the_messages_api_only() {
        assert_eq!(bearer(None, Some(b"abc"), true), Ok(&b"abc"[..]));
        assert_eq!(bearer(Some(b""), Some(b" abc "), true), Ok(&b"abc"[..]));
        assert_eq!(bearer(None, Some(b"abc"), false), Err(Missing));
        assert_eq!(bearer(None, Some(b"a b"), true), Err(Invalid));
    }

    #[test]
    fn authorization_comes_before_an_api_key() {
        assert_eq!(
            bearer(Some(b"Bearer one"), Some(b"two"), true),
            Ok(&b"one"[..])
        );
        assert_eq!(bearer(Some(b"Basic one"), Some(b"two"), true), Err(Invalid));
    }
}
