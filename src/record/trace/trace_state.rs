//! What other tracing systems keep in `tracestate` (W3C Trace Context, section 3.3): passed on whole, or not at all.

use http::{HeaderMap, HeaderValue};

pub const HEADER: &str = "tracestate";

/// Section 3.3.1.1.
const MOST_MEMBERS: usize = 32;
/// Sections 3.3.1.3.1 and 3.3.1.3.2.
const LONGEST_KEY: usize = 256;
const LONGEST_TENANT: usize = 241;
const LONGEST_SYSTEM: usize = 14;
const LONGEST_VALUE: usize = 256;

/// The list, from however many headers; none where there is nothing in it or something wrong with it.
pub fn read(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(HEADER).iter();
    let first = values.next()?;
    let whole = match values.next() {
        None => first.clone(),
        Some(_) => joined(headers)?,
    };
    is_valid(whole.as_bytes()).then_some(whole)
}

/// Several headers are one list (RFC 9110, section 5.3).
fn joined(headers: &HeaderMap) -> Option<HeaderValue> {
    let values: Vec<&[u8]> = headers
        .get_all(HEADER)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    HeaderValue::from_bytes(&values.join(&b","[..])).ok()
}

/// One member too many or one that is no member spoils all of them, as does a key that comes twice.
fn is_valid(list: &[u8]) -> bool {
    let mut keys: Vec<&[u8]> = Vec::new();
    for member in list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if member.is_empty() {
            continue;
        }
        let Some(key) = key_of(member) else {
            return false;
        };
        if keys.contains(&key) || keys.len() == MOST_MEMBERS {
            return false;
        }
        keys.push(key);
    }
    !keys.is_empty()
}

fn key_of(member: &[u8]) -> Option<&[u8]> {
    let equals = member.iter().position(|byte| *byte == b'=')?;
    let (key, value) = member.split_at(equals);
    (is_key(key) && is_value(value.get(1..)?)).then_some(key)
}

fn is_key(key: &[u8]) -> bool {
    let Some(at) = key.iter().position(|byte| *byte == b'@') else {
        return is_word(key, LONGEST_KEY) && begins_with_letter(key);
    };
    let (tenant, system) = key.split_at(at);
    let system = system.get(1..).unwrap_or_default();
    is_word(tenant, LONGEST_TENANT)
        && (begins_with_letter(tenant) || tenant.first().is_some_and(u8::is_ascii_digit))
        && is_word(system, LONGEST_SYSTEM)
        && begins_with_letter(system)
}

fn begins_with_letter(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_lowercase)
}

fn is_word(word: &[u8], longest: usize) -> bool {
    let allowed = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    !word.is_empty() && word.len() <= longest && word.iter().all(allowed)
}

fn is_value(value: &[u8]) -> bool {
    let allowed = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    !value.is_empty() && value.len() <= LONGEST_VALUE && value.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, value.parse().unwrap());
        }
        read(&headers).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_sound_list_passes_as_it_is() {
        for fine in [
            "foo=1,bar=2",
            "foo=1 \t , \t bar=2",
            "foo=1,,bar=2,",
            "fw529a3039@dt=FfzFb,0tenant@s=x",
            "a*/_-9=1 2!~",
        ] {
            assert_eq!(read_all(&[fine]).as_deref(), Some(fine));
        }
        let long = format!("{}={}", "z".repeat(256), "v".repeat(256));
        assert_eq!(read_all(&[&long]), Some(long));
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(
            read_all(&["foo=1", "bar=2"]).as_deref(),
            Some("foo=1,bar=2")
        );
        assert_eq!(read_all(&["foo=1", "foo=2"]), None);
    }

    #[test]
    fn one_bad_member_spoils_the_list() {
        let too_many: Vec<String> = (0..33).map(|n| format!("k{n}=1")).collect();
        for bad in [
            "",
            " ",
            ",",
            "foo",
            "foo=",
            "=1",
            "foo=1=2",
            "FOO=1",
            "foo =1",
            "foo.bar=1",
            "9foo=1",
            "foo@=1",
            "@foo=1",
            "foo@9x=1",
            "foo@b@c=1",
            "foo=1,foo=1",
            "foo=1,bar",
            &format!("{}=1", "z".repeat(257)),
            &format!("{}@v=1", "t".repeat(242)),
            &format!("t@{}=1", "v".repeat(15)),
            &format!("foo={}", "v".repeat(257)),
            &too_many.join(","),
        ] {
            assert_eq!(read_all(&[bad]), None, "{bad}");
        }
        assert!(read_all(&[&too_many[..32].join(",")]).is_some());
    }
}
