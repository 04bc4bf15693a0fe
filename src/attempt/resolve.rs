//! Where an upstream's name leads, looked up again every 30 seconds.
//!
//! Addresses come from the configuration only, and a name keeps the kind of address it had first: one that led to the
//! public network may not turn to the loopback, a private network or a cloud's metadata service later, nor the other way.
//! Otherwise whoever answers DNS could point our key at another server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer of the resolver is used.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// What network an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    Loopback,
    Private,
    /// Link-local, which is where clouds keep their metadata services.
    LinkLocal,
    Public,
}

impl AddressKind {
    pub fn of(address: IpAddr) -> AddressKind {
        match address {
            IpAddr::V4(v4) => AddressKind::of_v4(v4),
            IpAddr::V6(v6) => v6
                .to_ipv4_mapped()
                .map_or_else(|| AddressKind::of_v6(v6), AddressKind::of_v4),
        }
    }

    fn of_v4(address: Ipv4Addr) -> AddressKind {
        let [a, b, ..] = address.octets();
        if address.is_loopback() || address.is_unspecified() {
            AddressKind::Loopback
        } else if address.is_link_local() {
            AddressKind::LinkLocal
        // 100.64/10 is carrier-grade NAT (RFC 6598), which overlay networks use as their own.
        } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
            AddressKind::Private
        } else {
            AddressKind::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> AddressKind {
        if address.is_loopback() || address.is_unspecified() {
            AddressKind::Loopback
        } else if address.is_unicast_link_local() {
            AddressKind::LinkLocal
        } else if address.is_unique_local() {
            AddressKind::Private
        } else {
            AddressKind::Public
        }
    }
}

/// A name that leads nowhere we may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveError {
    NotFound,
    /// The name leads to another kind of network than before.
    ChangedKind,
}

/// The address of one upstream.
#[derive(Debug)]
pub struct Resolver {
    host: String,
    port: u16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Set by the first answer, for good.
    kind: Option<AddressKind>,
    known: Option<(SocketAddr, Instant)>,
}

impl Resolver {
    pub fn new(host: &str, port: u16) -> Resolver {
        Resolver {
            host: host.to_owned(),
            port,
            state: Mutex::default(),
        }
    }

    /// The address to connect to. Only a name that wasn't looked up lately costs a look-up.
    pub async fn address(&self, now: Instant) -> Result<SocketAddr, ResolveError> {
        if let Ok(literal) = self.host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(literal, self.port));
        }
        let fresh = self
            .state()
            .known
            .filter(|(_, at)| now.duration_since(*at) < FRESH_FOR);
        if let Some((address, _)) = fresh {
            return Ok(address);
        }
        match tokio::net::lookup_host((self.host.as_str(), self.port)).await {
            Ok(found) => self.learn(&found.collect::<Vec<_>>(), now),
            // The resolver's own failure doesn't make a known address wrong.
            Err(_) => self
                .state()
                .known
                .map(|(address, _)| address)
                .ok_or(ResolveError::NotFound),
        }
    }

    fn learn(&self, found: &[SocketAddr], now: Instant) -> Result<SocketAddr, ResolveError> {
        // Servers on a host listen on 127.0.0.1 far more often than on ::1.
        let address = found
            .iter()
            .find(|a| a.is_ipv4())
            .or(found.first())
            .ok_or(ResolveError::NotFound)?;
        let kind = AddressKind::of(address.ip());
        let mut state = self.state();
        if *state.kind.get_or_insert(kind) != kind {
            return Err(ResolveError::ChangedKind);
        }
        state.known = Some((*address, now));
        Ok(*address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_their_kind() {
        for (text, kind) in [
            ("127.0.0.1", AddressKind::Loopback),
            ("0.0.0.0", AddressKind::Loopback),
            ("::1", AddressKind::Loopback),
            ("::ffff:127.0.0.1", AddressKind::Loopback),
            ("10.1.2.3", AddressKind::Private),
            ("100.64.0.1", AddressKind::Private),
            ("fd00::1", AddressKind::Private),
            ("169.254.169.254", AddressKind::LinkLocal),
            ("fe80::1", AddressKind::LinkLocal),
            ("8.8.8.8", AddressKind::Public),
            ("2001:4860::1", AddressKind::Public),
        ] {
            assert_eq!(AddressKind::of(text.parse().unwrap()), kind, "{text}");
        }
    }

    #[test]
    fn a_public_name_may_not_turn_inward() {
        let now = crate::clock::now();
        let resolver = Resolver::new("models.example", 443);
        let public: SocketAddr = "8.8.8.8:443".parse().unwrap();
        assert_eq!(resolver.learn(&[public], now), Ok(public));
        for inward in ["127.0.0.1:443", "169.254.169.254:443", "10.0.0.1:443"] {
            let moved = resolver.learn(&[inward.parse().unwrap()], now);
            assert_eq!(moved, Err(ResolveError::ChangedKind), "{inward}");
        }
    }

    #[tokio::test]
    async fn a_literal_address_is_never_looked_up() {
        let resolver = Resolver::new("::1", 8000);
        let address = resolver.address(crate::clock::now()).await;
        assert_eq!(address, Ok("[::1]:8000".parse().unwrap()));
    }
}
