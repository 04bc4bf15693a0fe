//! What the texts of the file must look like: one rule for each sort of text.

use super::error::Refusal;
use super::header::{self, Way};
use super::host;
use super::kind::Rule;
use super::near::nearest;
use super::url;

/// What clients put into `model`.
pub static ALIAS: Rule = Rule {
    read: free_name,
    accepts: "1 to 256 characters without white space at the ends",
    pattern: r"^\S(.{0,254}\S)?$",
};

/// The name that a server knows a model by.
pub static MODEL: Rule = ALIAS;

pub static HOST: Rule = Rule {
    read: allowed_host,
    accepts: "a host name or IP address without a port, such as `box.example.com`",
    pattern: r"^[A-Za-z0-9._:-]+$",
};

pub static SERVER_NAME: Rule = Rule {
    read: host::parse,
    accepts: "the host name or IP address in the server's certificate",
    pattern: r"^[A-Za-z0-9._:-]+$",
};

pub static ORIGIN: Rule = Rule {
    read: origin,
    accepts: "an origin such as `https://app.example.com` or `http://localhost:3000`",
    pattern: r"^[a-z][a-z0-9+.-]*://[^/?#@\sA-Z]+$",
};

pub static REQUEST_HEADER: Rule = Rule {
    read: |text| header::parse(text, Way::Request),
    accepts: "a header name such as `x-extra`",
    pattern: r"^[A-Za-z0-9!#$%&'+.^_`|~-]{1,64}$",
};

pub static RESPONSE_HEADER: Rule = Rule {
    read: |text| header::parse(text, Way::Response),
    ..REQUEST_HEADER
};

pub static PROBE_PATH: Rule = Rule {
    read: probe_path,
    accepts: "a path from the server's root, such as `/health`",
    pattern: r"^/[!-~]*$",
};

pub static REDIS: Rule = Rule {
    read: redis,
    accepts: "an address such as `redis://127.0.0.1:6379`",
    pattern: r"^rediss?://[^\s?#@]+$",
};

/// What metrics say where there is none, so that nothing may be called so.
const NOBODY: &str = "none";

/// Checks a name that the operator gives to a caller, upstream or route.
pub fn check_name(text: &str) -> Result<(), Refusal> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if text == NOBODY {
        return Err(Refusal::new("is what metrics say where there is none"));
    }
    if text.is_empty() || text.len() > 64 || !text.bytes().all(inner) {
        return Err(Refusal::new("is no name"));
    }
    Ok(())
}

pub const NAME_ACCEPTS: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ -";
pub const NAME_PATTERN: &str = "^(?!none$)[A-Za-z0-9._-]{1,64}$";

fn free_name(text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        return Err(Refusal::new("is empty"));
    }
    if text.chars().count() > 256 || text.trim() != text || text.chars().any(char::is_control) {
        return Err(Refusal::new("is no model name"));
    }
    Ok(text.to_string())
}

fn allowed_host(text: &str) -> Result<String, Refusal> {
    if text.contains('*') {
        return Err(Refusal::new("is a pattern; hosts are allowed one by one"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let refusal = Refusal::new("is a URL");
        return Err(match url::split(rest) {
            Ok(parts) => refusal.or(parts.host),
            Err(_) => refusal,
        });
    }
    if let Some((name, port)) = text.split_once(':') {
        if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::new("has a port").or(name));
        }
    }
    host::parse(text.trim_start_matches('[').trim_end_matches(']'))
}

fn origin(text: &str) -> Result<String, Refusal> {
    if text.contains('*') {
        return Err(Refusal::new("is a pattern; origins are allowed one by one"));
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Refusal::new("has no scheme"));
    };
    if let Some(short) = text.strip_suffix('/') {
        return Err(Refusal::new("has a path").or(short));
    }
    if text.chars().any(|letter| letter.is_ascii_uppercase()) {
        let lower = text.to_ascii_lowercase();
        return Err(Refusal::new("has capitals, which browsers never send").or(lower));
    }
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
        return Err(Refusal::new("has no scheme"));
    }
    let parts = url::split(rest)?;
    if !parts.path.is_empty() {
        return Err(Refusal::new("has a path"));
    }
    Ok(text.to_string())
}

fn probe_path(text: &str) -> Result<String, Refusal> {
    if !text.starts_with('/') {
        return Err(Refusal::new("does not begin with `/`").or(format!("/{text}")));
    }
    if text.len() > 1024 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::new("is no path"));
    }
    if text.contains(['?', '#']) {
        return Err(Refusal::new("has a query or fragment"));
    }
    Ok(text.to_string())
}

fn redis(text: &str) -> Result<String, Refusal> {
    let scheme = text.split_once("://");
    let Some((scheme @ ("redis" | "rediss"), rest)) = scheme else {
        let refusal = Refusal::new("is neither redis:// nor rediss://");
        return Err(
            match scheme.and_then(|(name, _)| nearest(name, ["redis"])) {
                Some(_) => refusal.or("redis://127.0.0.1:6379"),
                None => refusal,
            },
        );
    };
    let parts = url::split(rest)?;
    let database = parts.path.trim_start_matches('/');
    if !database.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::new("has a path that is no database number"));
    }
    Ok(format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_labels_and_paths() {
        for name in ["vllm-a", "llama.cpp", "A_1", &"x".repeat(64)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", "none", "a b", "a/b", "é", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_allowed_host_has_no_port_or_pattern() {
        assert_eq!(
            allowed_host("Box.Example.com.").as_deref(),
            Ok("box.example.com")
        );
        assert_eq!(allowed_host("[fe80::1]").as_deref(), Ok("fe80::1"));
        for (text, meant) in [("box:8787", "box"), ("https://box/v1", "box")] {
            let refusal = allowed_host(text).unwrap_err();
            assert_eq!(refusal.instead.as_deref(), Some(meant));
        }
        assert!(allowed_host("*.example.com").is_err());
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for text in [
            "http://localhost:3000",
            "vscode-webview://abc123",
            "https://a.example",
        ] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in [
            "*",
            "null",
            "localhost",
            "https://a/",
            "https://a/b",
            "https://A",
            "://a",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_redis_address_has_a_number_for_a_path() {
        assert!(redis("redis://127.0.0.1:6379/2").is_ok());
        for text in [
            "redis://a/b",
            "http://a",
            "127.0.0.1:6379",
            "redis://u@a",
            "redis://a?db=1",
        ] {
            assert!(redis(text).is_err(), "{text}");
        }
    }
}
