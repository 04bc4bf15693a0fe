//! Where we listen, and who may reach that.

use crate::config::environment;
use crate::config::error::Place;
use crate::config::host::is_loopback;
use crate::config::model::{ListenerTls, UpstreamUrl};
use crate::config::reader::{Found, Section};
use std::net::{IpAddr, SocketAddr};

pub struct Listeners {
    pub listen: Found<SocketAddr>,
    pub tls: Option<ListenerTls>,
    pub admin: Found<SocketAddr>,
}

/// Reads both addresses; `port` is what the environment says for the first.
pub fn read(file: &Section, port: Option<u16>) -> Listeners {
    let mut listen = file.get::<SocketAddr>("listen");
    let tls = file.optional_section("tls").map(|section| ListenerTls {
        cert_file: section.get("cert_file").value,
        key_file: section.get("key_file").value,
        client_ca_file: section.optional("client_ca_file").map(|found| found.value),
    });
    check_reach(file, &listen, tls.is_some());
    if let Some(port) = port {
        override_port(file, &mut listen, port);
    }
    let admin = file.get::<SocketAddr>("admin");
    check_admin(file, &listen, &admin);
    for (name, address) in [("listen", &listen), ("admin", &admin)] {
        if address.sound && address.value.port() == 0 {
            let text = "port 0 lets the system pick one at each start";
            file.warn(name, &address.place, text);
        }
    }
    Listeners { listen, tls, admin }
}

fn check_reach(file: &Section, listen: &Found<SocketAddr>, has_tls: bool) {
    if listen.sound && !is_local(listen.value.ip()) && !has_tls {
        let text = format!(
            "`{}` can be reached from other machines, which would send tokens and prompts in the clear; \
             set `tls` beside it, or listen on 127.0.0.1:{}",
            listen.printed,
            listen.value.port()
        );
        file.mistake("listen", &listen.place, text);
    }
}

fn override_port(file: &Section, listen: &mut Found<SocketAddr>, port: u16) {
    listen.value.set_port(port);
    listen.printed = listen.value.to_string();
    listen.place = Place::Variable(environment::PORT);
    if listen.sound {
        file.reader
            .explain("listen", &listen.printed, &listen.place);
    }
}

fn check_admin(file: &Section, listen: &Found<SocketAddr>, admin: &Found<SocketAddr>) {
    if !admin.sound {
        return;
    }
    if !is_local(admin.value.ip()) {
        let text = format!(
            "`{}` can be reached from other machines, and the admin listener is for this one only \
             (accepted: a loopback address such as `127.0.0.1:8788`)",
            admin.printed
        );
        file.mistake("admin", &admin.place, text);
    }
    if listen.sound && clash(listen.value, admin.value) {
        // The one that was changed is the one to look at.
        let (name, at) = match listen.place {
            Place::Variable(_) => ("listen", listen),
            _ if admin.place.is_written() => ("admin", admin),
            _ => ("listen", listen),
        };
        let text = format!(
            "port {} is wanted by both `listen` ({}) and `admin` ({}); give each its own",
            admin.value.port(),
            listen.printed,
            admin.printed
        );
        file.mistake(name, &at.place, text);
    }
}

fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && (everywhere || one.ip() == other.ip())
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

impl Listeners {
    /// Which of our own listeners a URL points at, if any.
    pub fn own(&self, url: &UpstreamUrl) -> Option<(&'static str, SocketAddr)> {
        [("listen", &self.listen), ("admin", &self.admin)]
            .into_iter()
            .find(|(_, address)| address.sound && reaches(url, address.value))
            .map(|(name, address)| (name, address.value))
    }
}

/// Loopback counts as one host: what else answers on our port of another loopback address is nobody.
fn reaches(url: &UpstreamUrl, address: SocketAddr) -> bool {
    let here = address.ip().is_unspecified() || is_local(address.ip());
    let same = url
        .host
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.to_canonical() == address.ip().to_canonical());
    address.port() != 0 && url.port == address.port() && (same || (here && is_loopback(&url.host)))
}
