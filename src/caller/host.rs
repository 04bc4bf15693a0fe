//! Which `Host` a request may name: the defence against DNS rebinding.
//!
//! A web page can make its own name resolve to 127.0.0.1, but it can't change the name that the browser
//! sends. So only names that nobody else can own are taken, and those that the operator lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Names that resolve inside a machine or its containers and in no public DNS.
const BUILT_IN: [&str; 6] = [
    "localhost",
    "host.docker.internal",
    "gateway.docker.internal",
    "host.containers.internal",
    "host.orb.internal",
    "host.lima.internal",
];

/// The hosts that one listener answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    /// Lower case, without trailing dot.
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl HostRule {
    /// The built-in hosts, the listen address, and `allowed`: names or addresses without port.
    pub fn new(listen: SocketAddr, allowed: &[String]) -> HostRule {
        let mut rule = HostRule {
            names: BUILT_IN.map(String::from).to_vec(),
            addresses: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        };
        // The unspecified address is no host: browsers reach this machine by it from any page.
        if !listen.ip().is_unspecified() {
            rule.addresses.push(listen.ip());
        }
        for host in allowed {
            rule.add(host);
        }
        rule
    }

    fn add(&mut self, host: &str) {
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        match bare.parse() {
            Ok(address) => self.addresses.push(address),
            Err(_) => self.names.push(without_dot(bare).to_ascii_lowercase()),
        }
    }

    /// Whether a request with this `Host` is meant for us. Ports are not compared, because tunnels and
    /// published container ports change them.
    pub fn allows(&self, host_header: &[u8]) -> bool {
        let Some(host) = std::str::from_utf8(host_header).ok().and_then(without_port) else {
            return false;
        };
        if let Some(inner) = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            return inner
                .parse::<Ipv6Addr>()
                .is_ok_and(|address| self.has(address.into()));
        }
        let name = without_dot(host);
        match name.parse::<Ipv4Addr>() {
            Ok(address) => self.has(address.into()),
            Err(_) => {
                !name.is_empty() && self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
            }
        }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }
}

/// `host[:port]` without the port; none where that is not its shape.
fn without_port(header: &str) -> Option<&str> {
    // The colons of an IPv6 address stand inside brackets.
    let after_brackets = header.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = header.get(after_brackets..)?.find(':') else {
        return Some(header);
    };
    let (host, port) = header.split_at_checked(after_brackets + colon)?;
    let digits = port.strip_prefix(':')?;
    let is_port = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.is_empty() || digits.parse::<u16>().is_ok());
    is_port.then_some(host)
}

fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(listen: &str, allowed: &[&str]) -> HostRule {
        let allowed: Vec<String> = allowed.iter().map(|host| host.to_string()).collect();
        HostRule::new(listen.parse().unwrap(), &allowed)
    }

    #[test]
    fn this_machine_and_its_containers_are_allowed() {
        let rule = rule("127.0.0.1:8787", &[]);
        for host in [
            "localhost",
            "LocalHost:8787",
            "localhost.",
            "localhost.:1",
            "localhost:",
            "127.0.0.1",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:8787",
            "[0:0:0:0:0:0:0:1]",
            "host.docker.internal:8787",
            "Gateway.Docker.Internal",
            "host.containers.internal",
            "host.orb.internal",
            "host.lima.internal.",
        ] {
            assert!(rule.allows(host.as_bytes()), "{host}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let rule = rule("127.0.0.1:8787", &[]);
        for host in [
            "",
            ".",
            ":8787",
            "evil.example",
            "localhost.evil.example",
            "evil.localhost",
            "localhost..",
            " localhost",
            "localhost ",
            "localhost:80:80",
            "localhost:x",
            "localhost:65536",
            "localhost:+1",
            "user@localhost",
            "localhost/",
            "localhost,evil",
            "127.1",
            "127.0.0.2",
            "0x7f.0.0.1",
            "2130706433",
            "127.0.0.01",
            "0.0.0.0",
            "::1",
            "[::1",
            "::1]",
            "[::1]x",
            "[::1].",
            "[]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[127.0.0.1]",
            "[localhost]",
            "[::1%25lo]",
            "[fe80::1]",
            "[::1]]",
            "localhost]:80",
        ] {
            assert!(!rule.allows(host.as_bytes()), "{host}");
        }
        assert!(!rule.allows(b"localhost\xff"));
        assert!(!rule.allows(b"localhost\0"));
    }

    #[test]
    fn the_operator_can_add_names_and_addresses() {
        let rule = rule(
            "127.0.0.1:1",
            &[
                "mac-studio.local",
                "GPU.lan.",
                "10.0.0.5",
                "fd00::5",
                "[fd00::6]",
            ],
        );
        for host in [
            "Mac-Studio.local.:8787",
            "gpu.lan",
            "10.0.0.5:8787",
            "[fd00::5]:8787",
            "[FD00::6]",
        ] {
            assert!(rule.allows(host.as_bytes()), "{host}");
        }
        assert!(!rule.allows(b"other.local"));
    }

    #[test]
    fn the_listen_address_is_allowed_unless_it_is_every_address() {
        assert!(rule("192.168.1.5:8787", &[]).allows(b"192.168.1.5:8787"));
        assert!(rule("[fd00::9]:8787", &[]).allows(b"[fd00::9]"));
        assert!(!rule("0.0.0.0:8787", &[]).allows(b"0.0.0.0:8787"));
        assert!(!rule("[::]:8787", &[]).allows(b"[::]:8787"));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(host in proptest::collection::vec(any::<u8>(), 0..40), near in "[\\[\\]:.0-9a-flohst]{0,20}") {
            let rule = rule("127.0.0.1:8787", &[]);
            rule.allows(&host);
            if rule.allows(near.as_bytes()) {
                let near = near.to_lowercase();
                prop_assert!(["localhost", "127.", "["].iter().any(|start| near.starts_with(start)), "{}", near);
            }
        }
    }
}
