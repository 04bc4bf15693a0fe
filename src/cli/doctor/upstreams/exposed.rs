//! Model servers of this host that other machines reach too: past the gateway, its tokens and its limits.

use std::net::SocketAddr;

use crate::cli::doctor::ports::named;
use crate::cli::doctor::{Check, Finding};
use crate::config::Family;
use crate::platform::Listener;

/// Who publishes the ports of containers: what the server in it listens on says nothing then.
const PUBLISHERS: [&str; 4] = [
    "docker-proxy",
    "com.docker.backend",
    "rootlessport",
    "gvproxy",
];

/// `at` is where the gateway asks. Nothing is said where the system names no listener there.
pub fn check(listeners: &[Listener], at: SocketAddr, family: Family) -> Option<Finding> {
    let there = || {
        let of_port = |one: &&Listener| one.address.port() == at.port();
        listeners.iter().filter(of_port)
    };
    let open = there().find(|one| is_open(one, there().find(|other| other.address == at)));
    let Some(open) = open else {
        let evidence = format!("only this host reaches {at}");
        let is_known = there().next().is_some();
        return is_known.then(|| Finding::ok(Check::UpstreamExposure, evidence));
    };
    let evidence = format!(
        "{} listens on {}: other machines reach it without the gateway, its tokens and its limits",
        named(open.owner.as_ref()),
        open.address
    );
    let published = open
        .owner
        .as_ref()
        .is_some_and(|owner| PUBLISHERS.contains(&owner.name.as_str()));
    let remedy = match published {
        true => format!(
            "publish the container's port on this host alone: -p 127.0.0.1:{}:…",
            at.port()
        ),
        false => remedy(family).to_owned(),
    };
    Some(Finding::warning(Check::UpstreamExposure, evidence, remedy))
}

/// On all addresses, or on another machine's side of the same process.
fn is_open(one: &Listener, ours: Option<&Listener>) -> bool {
    let host = one.address.ip().to_canonical();
    let owner = ours.and_then(|ours| ours.owner.as_ref());
    let is_theirs = owner.is_some() && one.owner.as_ref() == owner;
    host.is_unspecified() || (!host.is_loopback() && is_theirs)
}

/// By the options that the servers' own documentation names.
fn remedy(family: Family) -> &'static str {
    match family {
        Family::Vllm | Family::LlamaCpp | Family::Sglang | Family::Mlx => {
            "start it with --host 127.0.0.1"
        }
        Family::Ollama => "start it with OLLAMA_HOST=127.0.0.1",
        Family::LmStudio => "switch `Serve on Local Network` off in its server settings",
        Family::Openai | Family::Anthropic | Family::Other => "make it listen on 127.0.0.1 alone",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Severity;
    use super::*;
    use crate::platform::Owner;

    fn listener(address: &str, pid: u32, name: &str) -> Listener {
        let name = name.to_owned();
        let owner = Some(Owner { pid, name });
        Listener {
            address: address.parse().unwrap(),
            owner,
        }
    }

    fn found(listeners: &[Listener]) -> Option<Finding> {
        check(listeners, "127.0.0.1:8000".parse().unwrap(), Family::Vllm)
    }

    #[test]
    fn a_server_on_all_addresses_is_open_and_one_on_loopback_is_not() {
        let alone = listener("127.0.0.1:8000", 7, "vllm");
        let stranger = listener("10.0.0.7:8000", 8, "nginx");
        let closed = found(&[alone.clone(), stranger]).unwrap();
        assert_eq!(closed.severity, Severity::Ok, "{closed:?}");
        for open in ["0.0.0.0:8000", "[::]:8000", "10.0.0.7:8000"] {
            let finding = found(&[alone.clone(), listener(open, 7, "vllm")]).unwrap();
            assert_eq!(finding.severity, Severity::Warning, "{open}");
            assert!(finding
                .evidence
                .contains(&format!("vllm (pid 7) listens on {open}")));
        }
        assert_eq!(found(&[listener("0.0.0.0:8001", 7, "vllm")]), None);
    }

    #[test]
    fn a_containers_port_is_closed_where_it_is_published() {
        let finding = found(&[listener("0.0.0.0:8000", 9, "docker-proxy")]).unwrap();
        let remedy = finding.remedy.unwrap();
        assert!(remedy.contains("-p 127.0.0.1:8000:"), "{remedy}");
    }
}
