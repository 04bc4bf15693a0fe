//! Upstream addresses, taken apart once.
//!
//! A URL here is an address and nothing else: a user, a password or a query could carry a secret, and
//! is refused before its text can reach a message (see [`super::withhold`]).

use super::error::Refusal;
use super::host;
use super::model::UpstreamUrl;
use std::fmt;

/// Paths that people copy from documentation and that we add ourselves.
const ENDPOINTS: [&str; 6] = [
    "/chat/completions",
    "/completions",
    "/responses",
    "/messages",
    "/embeddings",
    "/models",
];

/// A URL's parts before their meaning is known.
pub struct Parts<'a> {
    pub host: String,
    pub port: Option<u16>,
    pub path: &'a str,
}

/// Reads `http[s]://host[:port][/base]`.
///
/// # Errors
/// What is wrong with it, with the spelling that was probably meant.
pub fn parse(text: &str) -> Result<UpstreamUrl, Refusal> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(without_scheme(text));
    };
    let https = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err(Refusal::new("is neither http:// nor https://")),
    };
    let parts = split(rest)?;
    let base_path = parts.path.trim_end_matches('/').to_string();
    if let Some(end) = ENDPOINTS.iter().find(|end| base_path.ends_with(**end)) {
        let refusal = Refusal::new("ends in an endpoint, which is added to it for each request");
        return Err(match text.trim_end_matches('/').strip_suffix(end) {
            Some(better) => refusal.or(better),
            None => refusal,
        });
    }
    Ok(UpstreamUrl {
        https,
        host: parts.host,
        port: parts.port.unwrap_or(if https { 443 } else { 80 }),
        base_path,
    })
}

/// Takes apart what follows `://`.
pub fn split(rest: &str) -> Result<Parts<'_>, Refusal> {
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(Refusal::new("has a user in it"));
    }
    if rest.contains(['?', '#']) {
        return Err(Refusal::new("has a query or fragment"));
    }
    if !is_plain_path(path) {
        return Err(Refusal::new(
            "has a path with `..`, `//` or characters that a URL has not",
        ));
    }
    let (host, port) = split_port(authority)?;
    Ok(Parts {
        host: host::parse(host)?,
        port,
        path,
    })
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Refusal> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = inner
                .split_once(']')
                .filter(|(host, _)| host.contains(':'))
                .ok_or_else(|| Refusal::new("has a bracket that holds no IPv6 address"))?;
            (host, rest)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            authority.split_at(end)
        }
    };
    if port.is_empty() {
        return Ok((host, None));
    }
    match port.strip_prefix(':').map(port_number) {
        Some(Some(port)) => Ok((host, Some(port))),
        _ => Err(Refusal::new(
            "has a port that is not a number from 1 to 65535",
        )),
    }
}

fn port_number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

fn is_plain_path(path: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:@".contains(&byte);
    path.bytes().all(allowed)
        && !path.contains("//")
        && !path.split('/').any(|part| part == "." || part == "..")
}

fn without_scheme(text: &str) -> Refusal {
    let refusal = Refusal::new("does not begin with http:// or https://");
    match split(text) {
        Ok(parts) if host::is_loopback(&parts.host) => refusal.or(format!("http://{text}")),
        Ok(_) => refusal.or(format!("https://{text}")),
        Err(_) => refusal,
    }
}

impl UpstreamUrl {
    /// Whether connecting there stays on this machine.
    pub fn is_loopback(&self) -> bool {
        host::is_loopback(&self.host)
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        write!(out, "{scheme}://")?;
        if self.host.contains(':') {
            write!(out, "[{}]", self.host)?;
        } else {
            write!(out, "{}", self.host)?;
        }
        if self.port != usual {
            write!(out, ":{}", self.port)?;
        }
        write!(out, "{}", self.base_path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(text: &str) -> String {
        parse(text).map_or_else(|refusal| refusal.why, |url| url.to_string())
    }

    #[test]
    fn urls_are_brought_into_one_form() {
        for (text, form) in [
            ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
            ("HTTPS://API.Example.com./v1/", "https://api.example.com/v1"),
            ("http://[0::1]:80", "http://[::1]"),
            (
                "https://a:8443//",
                "has a path with `..`, `//` or characters that a URL has not",
            ),
        ] {
            assert_eq!(printed(text), form, "{text}");
        }
    }

    #[test]
    fn whatever_could_hide_something_is_refused() {
        for text in [
            "http://user@host/v1",
            "http://host/v1?key=1",
            "http://host/v1#x",
            "http://host/../v1",
            "http://host:0/",
            "http://host:+80/",
            "http://host:70000",
            "http://[::1",
            "http://[127.0.0.1]",
            "http://::1",
            "http:///v1",
            "ftp://host",
            "http://host/v 1",
            "http://fe80::1%eth0/",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_was_meant_is_offered() {
        for (text, meant) in [
            ("127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
            ("api.example.com/v1", "https://api.example.com/v1"),
            ("http://a/v1/chat/completions/", "http://a/v1"),
        ] {
            let refusal = parse(text).unwrap_err();
            assert_eq!(refusal.instead.as_deref(), Some(meant), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(text in "https?://[a-z0-9.:\\[\\]]{1,12}[/a-z0-9.]{0,8}") {
            if let Ok(url) = parse(&text) {
                prop_assert_eq!(parse(&url.to_string()), Ok(url));
            }
        }
    }
}
