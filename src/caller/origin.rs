//! Which web pages may call, and the headers that tell their browser so.
//!
//! A browser that sends `Origin` speaks for a page that anybody may have written, so none is allowed
//! unless the operator lists it. Credentials are never allowed: a token is sent by hand, a cookie isn't.

/// No content: a preflight has no body to answer with.
pub const PREFLIGHT_STATUS: u16 = 204;

/// What an allowed page may send. `*` stands for the others and doesn't cover `authorization` (Fetch
/// standard, section 4.8); the rest is listed for browsers that don't know `*` here.
const REQUEST_HEADERS: &str = "authorization, content-type, x-api-key, x-correlation-id, traceparent, tracestate, \
    x-sidegate-lane, x-sidegate-skill, x-sidegate-route, idempotency-key, openai-beta, openai-organization, \
    openai-project, anthropic-version, anthropic-beta, anthropic-dangerous-direct-browser-access, \
    x-stainless-retry-count, x-stainless-timeout, x-stainless-read-timeout, *";

/// What its scripts may read of an answer.
const ANSWER_HEADERS: &str =
    "x-correlation-id, x-request-id, x-sidegate-route, x-sidegate-upstream, \
    x-sidegate-attempts, x-sidegate-queue-ms, x-should-retry, retry-after, retry-after-ms, \
    openai-processing-ms, openai-version";

/// Chrome's limit for this header is two hours; ten minutes lets a removed origin end soon.
const PREFLIGHT_SECONDS: &str = "600";

/// Whether a page of this origin may call.
pub fn origin_allowed(origin: &[u8], allowed: &[String]) -> bool {
    allowed_origin(origin, allowed).is_some()
}

/// The configured origin that equals the one sent, byte for byte. What goes into answers is this one.
pub fn allowed_origin<'a>(origin: &[u8], allowed: &'a [String]) -> Option<&'a str> {
    // `null` is what every sandboxed frame and local file sends, so that it names nobody.
    if origin == b"null" {
        return None;
    }
    allowed
        .iter()
        .map(String::as_str)
        .find(|own| own.as_bytes() == origin)
}

/// What every answer to an allowed origin carries, failures too.
pub fn answer_headers(origin: &str) -> [(&'static str, &str); 3] {
    [
        ("access-control-allow-origin", origin),
        ("access-control-expose-headers", ANSWER_HEADERS),
        ("vary", "origin"),
    ]
}

/// What the answer to `OPTIONS` carries for an allowed origin.
pub fn preflight_headers(origin: &str) -> [(&'static str, &str); 6] {
    [
        ("access-control-allow-origin", origin),
        ("access-control-allow-methods", "GET, POST, OPTIONS"),
        ("access-control-allow-headers", REQUEST_HEADERS),
        // Asked for by browsers that keep public pages away from loopback addresses.
        ("access-control-allow-private-network", "true"),
        ("access-control-max-age", PREFLIGHT_SECONDS),
        (
            "vary",
            "origin, access-control-request-method, access-control-request-headers",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_origin_is_allowed() {
        let allowed = ["http://localhost:3000".to_string(), "null".to_string()];
        assert_eq!(
            allowed_origin(b"http://localhost:3000", &allowed),
            Some("http://localhost:3000")
        );
        let others: [&[u8]; 8] = [
            b"http://localhost",
            b"http://localhost:30000",
            b"https://localhost:3000",
            b"http://LOCALHOST:3000",
            b"http://localhost:3000/",
            b"http://localhost:3000.evil.example",
            b"null",
            b"",
        ];
        for origin in others {
            assert!(
                !origin_allowed(origin, &allowed),
                "{}",
                String::from_utf8_lossy(origin)
            );
        }
        assert!(!origin_allowed(b"http://localhost:3000", &[]));
    }

    #[test]
    fn answers_name_the_origin_and_never_allow_credentials() {
        let headers = [
            &answer_headers("https://a.example")[..],
            &preflight_headers("https://a.example"),
        ]
        .concat();
        let origins: Vec<_> = headers
            .iter()
            .filter(|(name, _)| *name == "access-control-allow-origin")
            .collect();
        assert_eq!(
            origins,
            [&("access-control-allow-origin", "https://a.example"); 2]
        );
        assert!(headers
            .iter()
            .all(|(name, _)| *name != "access-control-allow-credentials"));
        assert_eq!(
            headers
                .iter()
                .filter(|(name, value)| *name == "vary" && value.starts_with("origin"))
                .count(),
            2
        );
    }

    #[test]
    fn the_lists_are_one_line_of_lower_case_names() {
        for list in [REQUEST_HEADERS, ANSWER_HEADERS] {
            for name in list.split(", ") {
                let fits = |byte: u8| byte.is_ascii_lowercase() || b"-*".contains(&byte);
                assert!(!name.is_empty() && name.bytes().all(fits), "{name:?}");
            }
        }
    }
}
