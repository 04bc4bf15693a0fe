//! Host names and addresses: which are well formed, which are this very machine.

use super::error::Refusal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether connecting there stays on this machine.
pub fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Reads a host: a name in lower case, an IPv4 address, or an IPv6 address without brackets.
///
/// # Errors
/// Not a host that can be connected to. The old short forms of IPv4 (`127.1`, `0x7f000001`) are
/// refused, because the resolver turns them into addresses that no check has seen.
pub fn parse(text: &str) -> Result<String, Refusal> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return usable(IpAddr::V6(address)).map(|()| address.to_string());
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return usable(IpAddr::V4(address)).map(|()| address.to_string());
    }
    name(text)
}

fn usable(address: IpAddr) -> Result<(), Refusal> {
    if address.is_unspecified() {
        return Err(Refusal::new(
            "has a host that stands for every address and is none to connect to",
        ));
    }
    if address.is_multicast() {
        return Err(Refusal::new("has a multicast address for a host"));
    }
    Ok(())
}

fn name(text: &str) -> Result<String, Refusal> {
    let name = text.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    if name.is_empty() {
        return Err(Refusal::new("has no host"));
    }
    if !name.is_ascii() {
        return Err(Refusal::new(
            "has a host that is not ASCII; write its `xn--` form",
        ));
    }
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(Refusal::new("has a host that is no host name"));
    }
    if name.rsplit('.').next().is_some_and(looks_numeric) {
        return Err(Refusal::new("has a host that is no complete IP address"));
    }
    Ok(name.to_string())
}

fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// What a resolver would take for a part of an IPv4 address.
fn looks_numeric(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_digit()) || label.starts_with("0x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_recognised() {
        for host in [
            "localhost",
            "127.0.0.1",
            "127.8.9.1",
            "::1",
            "::ffff:127.0.0.1",
            "a.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "example.com", "localhost.example.com", "::2"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn hosts_are_brought_into_one_form() {
        assert_eq!(parse("API.Example.COM.").as_deref(), Ok("api.example.com"));
        assert_eq!(parse("0:0::1").as_deref(), Ok("::1"));
        assert_eq!(parse("vllm_a").as_deref(), Ok("vllm_a"));
    }

    #[test]
    fn disguised_addresses_are_refused() {
        for host in [
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0.0.0.0",
            "::",
            "224.0.0.1",
        ] {
            assert!(parse(host).is_err(), "{host}");
        }
        for host in ["", ".", "a..b", "-a", "a b", "é.example", "a/b", "a@b"] {
            assert!(parse(host).is_err(), "{host}");
        }
    }
}
