//! Our two ports: whose they are, and who can reach them.

use std::net::SocketAddr;

use super::{Check, Facts, Finding};
use crate::cli::live::Silence;
use crate::cli::table::or_dash;
use crate::config::Config;
use crate::platform::{Listener, Owner};
use crate::server::{self, ports_file, Ports};

/// How the system calls a gateway.
const PROGRAM: &str = "sidegate";

pub fn check(facts: &Facts) -> Vec<Finding> {
    let Some(config) = facts.config() else {
        return Vec::new();
    };
    let bound = bound(facts);
    let wanted = [("listen", config.listen), ("admin", config.admin)];
    let mut findings: Vec<Finding> = wanted
        .iter()
        .map(|(key, address)| port(facts, key, *address, bound.as_ref()))
        .collect();
    let others = listeners_of_others(facts);
    findings.extend(exposure(config, &others, bound.as_ref()));
    findings
}

/// Where the gateway that runs really listens.
pub fn bound(facts: &Facts) -> Option<Ports> {
    facts.gateway()?;
    let text = std::fs::read_to_string(ports_file(&facts.state_dir)).ok()?;
    serde_json::from_str(&text).ok()
}

fn port(facts: &Facts, key: &str, address: SocketAddr, bound: Option<&Ports>) -> Finding {
    if let Some(ports) = bound {
        let ours = if key == "listen" {
            ports.listen
        } else {
            ports.admin
        };
        if address.port() == 0 || ours == address {
            let evidence = format!("the gateway that runs listens on {ours}");
            return Finding::ok(Check::Ports, evidence).of(key);
        }
    }
    if address.port() == 0 {
        return Finding::ok(Check::Ports, "the system picks one at each start").of(key);
    }
    if server::address_is_free(address) {
        return Finding::ok(Check::Ports, format!("{address} is free")).of(key);
    }
    let owner = owner(&facts.listeners, address);
    match whose(facts, address, owner) {
        Whose::Ours => {
            let evidence = format!("the gateway that runs listens on {address}");
            Finding::ok(Check::Ports, evidence).of(key)
        }
        Whose::AnotherGateways => another_gateways(facts, key, address, owner),
        Whose::Strangers => strangers(key, address, owner),
    }
}

/// Who has a port that isn't free.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// The gateway of this state folder.
    Ours,
    /// A gateway with another one. It serves somebody: nobody is ever told to end it.
    AnotherGateways,
    Strangers,
}

fn whose(facts: &Facts, address: SocketAddr, owner: Option<&Owner>) -> Whose {
    let holder = facts.holder.and_then(|holder| holder.pid);
    let answers = answers_at(facts);
    let pid = owner.map(|owner| owner.pid);
    let is_its = answers.is_some_and(|admin| {
        let known = self::owner(&facts.listeners, admin).map(|owner| owner.pid);
        admin == address || known == pid
    });
    if pid.is_some() && pid == holder {
        Whose::Ours
    } else if is_its || owner.is_some_and(|owner| owner.name == PROGRAM) {
        Whose::AnotherGateways
    } else {
        Whose::Strangers
    }
}

/// Where a gateway answered that isn't the one of this state folder.
fn answers_at(facts: &Facts) -> Option<SocketAddr> {
    match &facts.gateway {
        Err(Silence::Elsewhere { admin, .. } | Silence::Waiting { admin, .. }) => Some(*admin),
        Ok(_) | Err(Silence::Nobody { .. } | Silence::Strange { .. } | Silence::Held { .. }) => {
            None
        }
    }
}

fn another_gateways(
    facts: &Facts,
    key: &str,
    address: SocketAddr,
    owner: Option<&Owner>,
) -> Finding {
    let evidence = format!("{address} belongs to a gateway, {}", named(owner));
    let remedy = format!(
        "leave it where it is the one that you mean (`sidegate status` says); otherwise set `{key}` to another port"
    );
    match answers_at(facts) {
        Some(_) => Finding::warning(Check::Ports, evidence, remedy).of(key),
        None => Finding::failure(Check::Ports, evidence, remedy).of(key),
    }
}

fn strangers(key: &str, address: SocketAddr, owner: Option<&Owner>) -> Finding {
    let evidence = format!("{address} is taken by {}", named(owner));
    let remedy = match owner {
        Some(owner) => format!(
            "end it (kill {}), or set `{key}` to another port",
            owner.pid
        ),
        None => format!(
            "sudo lsof -nP -iTCP:{} -sTCP:LISTEN shows it; end it, or set `{key}` to another port",
            address.port()
        ),
    };
    Finding::failure(Check::Ports, evidence, remedy).of(key)
}

/// What the gateway of this state folder has itself opens nothing to anybody by somebody else's will.
fn listeners_of_others(facts: &Facts) -> Vec<Listener> {
    let holder = facts.holder.and_then(|holder| holder.pid);
    let is_ours = |one: &&Listener| {
        let pid = one.owner.as_ref().map(|owner| owner.pid);
        pid.is_some() && pid == holder
    };
    let others = facts.listeners.iter().filter(|one| !is_ours(one));
    others.cloned().collect()
}

/// The process that has a port, where the system tells.
pub fn owner(listeners: &[Listener], address: SocketAddr) -> Option<&Owner> {
    let mut on_it = listeners.iter().filter(|one| {
        let host = one.address.ip();
        one.address.port() == address.port() && (host == address.ip() || host.is_unspecified())
    });
    on_it.find_map(|listener| listener.owner.as_ref())
}

/// In words.
pub fn named(owner: Option<&Owner>) -> String {
    match owner {
        Some(owner) => format!("{} (pid {})", owner.name, owner.pid),
        None => "a process that the system doesn't name to us".to_owned(),
    }
}

fn exposure(config: &Config, listeners: &[Listener], bound: Option<&Ports>) -> Vec<Finding> {
    let (listen, admin) = bound.map_or((config.listen, config.admin), |ports| {
        (ports.listen, ports.admin)
    });
    let mut findings = Vec::new();
    if !config.listen.ip().to_canonical().is_loopback() {
        findings.extend(open_listen(config));
    }
    for (key, ours) in [("listen", listen), ("admin", admin)] {
        let strangers = listeners.iter().filter(|one| {
            let there = one.address.ip().to_canonical();
            one.address.port() == ours.port() && !there.is_loopback() && one.address != ours
        });
        for stranger in strangers {
            let evidence = format!(
                "{} listens on {}, which other machines reach: whatever it forwards to port {} is open to them",
                named(stranger.owner.as_ref()),
                stranger.address,
                ours.port()
            );
            let remedy = format!(
                "end it (kill {}), or bind it to 127.0.0.1",
                or_dash(stranger.owner.as_ref().map(|owner| owner.pid))
            );
            findings.push(Finding::warning(Check::Exposure, evidence, remedy).of(key));
        }
    }
    if findings.is_empty() {
        let evidence = format!("nothing but this host reaches {listen} and {admin}");
        findings.push(Finding::ok(Check::Exposure, evidence));
    }
    findings
}

/// Configuration asks for TLS there; without client certificates a token is all that stands in the way.
fn open_listen(config: &Config) -> Option<Finding> {
    let tls = config.tls.as_ref()?;
    let listen = config.listen;
    if tls.client_ca_file.is_some() {
        let evidence = format!("{listen} takes clients with certificates of our authority only");
        return Some(Finding::ok(Check::Exposure, evidence).of("listen"));
    }
    let evidence = format!("other machines reach {listen}, and a token is all that they need");
    let remedy = "set `tls.client_ca_file`, or listen on 127.0.0.1";
    Some(Finding::warning(Check::Exposure, evidence, remedy).of("listen"))
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::config::{self, Environment};

    fn listener(address: &str, name: &str) -> Listener {
        Listener {
            address: address.parse().unwrap(),
            owner: Some(Owner {
                pid: 12,
                name: name.to_owned(),
            }),
        }
    }

    fn config() -> Config {
        let yaml = "upstreams: {a: {url: 'http://127.0.0.1:1/v1', family: vllm}}\n\
                    routes: {chat: {alias: [m], targets: [{upstream: a, model: m}]}}\n";
        let environment = Environment::from_pairs([("HOME", "/home/us")]);
        config::load_text("test", yaml, &environment)
            .unwrap()
            .config
    }

    #[test]
    fn whoever_opens_our_port_to_the_network_is_named() {
        let ours = listener("127.0.0.1:8788", "sidegate");
        let quiet = exposure(&config(), std::slice::from_ref(&ours), None);
        assert_eq!(quiet[0].severity, Severity::Ok);

        let findings = exposure(&config(), &[ours, listener("0.0.0.0:8788", "socat")], None);

        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].severity, Severity::Warning);
        assert_eq!(findings[0].subject.as_deref(), Some("admin"));
        assert!(findings[0].evidence.contains("socat (pid 12)"));
    }

    #[test]
    fn an_owner_is_found_on_the_address_or_on_all_of_them() {
        let on_all = [
            listener("0.0.0.0:80", "nginx"),
            listener("127.0.0.1:81", "ssh"),
        ];
        let name = |address: &str| {
            let owner = owner(&on_all, address.parse().unwrap());
            owner.map(|owner| owner.name.clone())
        };
        assert_eq!(name("127.0.0.1:80").as_deref(), Some("nginx"));
        assert_eq!(name("127.0.0.1:81").as_deref(), Some("ssh"));
        assert_eq!(name("127.0.0.2:81"), None);
    }
}
