//! The upstreams: each is spoken to once, all at the same time, with GETs that cost no tokens.

mod answer;
mod exposed;
mod models;
mod visit;

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use super::ports::{named, owner};
use super::{Check, Facts, Finding};
use crate::cli::fingerprint::{Answer, Sign};
use crate::config::{self, Config, Family};
use crate::platform::Owner;
use crate::snapshot;

use answer::{Heard, Quiet};
use visit::Visit;

/// Tokens' expiry and certificates don't mind this much; a `Date` has whole seconds only.
const SKEW: Duration = Duration::from_secs(30);

pub fn check(facts: &Facts) -> Vec<Finding> {
    let Some(config) = facts.config() else {
        return Vec::new();
    };
    let upstreams = snapshot::sound_upstreams(config);
    let mut findings = Vec::new();
    for visit in visit::all(&upstreams) {
        let address = on_this_host(&visit.upstream);
        let owner = address.and_then(|address| owner(&facts.listeners, address));
        findings.extend(judge(config, &visit, owner));
        let (family, name) = (visit.upstream.family, &visit.upstream.name);
        let exposed = address.and_then(|address| exposed::check(&facts.listeners, address, family));
        findings.extend(exposed.map(|finding| finding.of(name.as_str())));
    }
    findings
}

/// Where the process that answers can be looked up.
fn on_this_host(upstream: &config::Upstream) -> Option<SocketAddr> {
    let url = &upstream.url;
    let host = match url.host.as_str() {
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        host => host.parse().ok()?,
    };
    url.is_loopback().then(|| SocketAddr::new(host, url.port))
}

/// Everything that is to be said about one upstream.
fn judge(config: &Config, visit: &Visit, owner: Option<&Owner>) -> Vec<Finding> {
    let upstream = &visit.upstream;
    let findings = match &visit.models {
        Heard::Nothing(quiet) => vec![unheard(upstream, quiet, owner)],
        Heard::Answer(answer) => answered(config, visit, answer, owner),
    };
    let name = &upstream.name;
    let of_it = |finding: Finding| finding.of(name.as_str());
    findings.into_iter().map(of_it).collect()
}

fn unheard(upstream: &config::Upstream, quiet: &Quiet, owner: Option<&Owner>) -> Finding {
    let url = &upstream.url;
    let evidence = format!("{url}: {}", quiet.in_words());
    let owner_is = |what: &str| match owner {
        Some(_) => format!("; {} listens there{what}", named(owner)),
        None => String::new(),
    };
    match quiet {
        Quiet::Name(_) => {
            let remedy = "correct the host in `url`, or mend the name service";
            Finding::failure(Check::UpstreamReachable, evidence, remedy)
        }
        Quiet::Refused => {
            let remedy = format!(
                "start the server, or correct the port in upstreams.{}.url",
                upstream.name
            );
            Finding::failure(Check::UpstreamReachable, evidence, remedy)
        }
        Quiet::ConnectTimeout | Quiet::Network(_) => {
            let remedy = "is the host up, and does a firewall let us through?";
            Finding::failure(Check::UpstreamReachable, evidence, remedy)
        }
        Quiet::Tls(_) => {
            let remedy =
                "correct tls.ca_file or tls.server_name, or renew the server's certificate";
            Finding::failure(Check::UpstreamReachable, evidence, remedy)
        }
        Quiet::NoAnswer => {
            let evidence = format!("{evidence}{}", owner_is(""));
            let remedy =
                "it is stuck, still starting, or no server at all: look at it, and restart it";
            Finding::failure(Check::UpstreamReachable, evidence, remedy)
        }
        Quiet::Closed => {
            let tunnel = if is_ssh(owner) {
                ": the other end of the tunnel is gone"
            } else {
                ""
            };
            let evidence = format!("{evidence}{}", owner_is(tunnel));
            Finding::failure(Check::UpstreamStranger, evidence, stranger_remedy(owner))
        }
        Quiet::NotHttp => {
            let evidence = format!("{evidence}{}", owner_is(""));
            Finding::failure(Check::UpstreamStranger, evidence, stranger_remedy(owner))
        }
        Quiet::Other(_) => {
            let remedy = "look at the server's own log";
            Finding::failure(Check::UpstreamReachable, evidence, remedy)
        }
    }
}

fn is_ssh(owner: Option<&Owner>) -> bool {
    owner.is_some_and(|owner| ["ssh", "sshd", "autossh"].contains(&owner.name.as_str()))
}

fn stranger_remedy(owner: Option<&Owner>) -> String {
    match owner {
        Some(owner) => format!(
            "end it (kill {}) and start the server, or correct `url`",
            owner.pid
        ),
        None => "end what listens there and start the server, or correct `url`".to_owned(),
    }
}

fn answered(
    config: &Config,
    visit: &Visit,
    answer: &Answer,
    owner: Option<&Owner>,
) -> Vec<Finding> {
    let upstream = &visit.upstream;
    let mut findings = Vec::new();
    findings.extend(clock(answer));
    if answer.is_html {
        let evidence = format!(
            "{} answers with a web page (status {}), as no inference server does; {} listens there",
            upstream.url,
            answer.status,
            named(owner)
        );
        let remedy = stranger_remedy(owner);
        findings.push(Finding::failure(Check::UpstreamStranger, evidence, remedy));
        return findings;
    }
    if is_ssh(owner) {
        let evidence = format!(
            "{} listens on {}: answers come through a tunnel, from another machine",
            named(owner),
            upstream.url
        );
        let remedy = format!("if that isn't meant: {}", stranger_remedy(owner));
        findings.push(Finding::warning(Check::UpstreamStranger, evidence, remedy));
    }
    findings.push(reached(upstream, answer));
    findings.extend(key(upstream, visit, answer));
    findings.push(family(upstream, visit, answer));
    if answer.status == 200 {
        findings.extend(models::check(config, visit, answer));
    }
    findings
}

fn clock(answer: &Answer) -> Option<Finding> {
    let theirs = answer.date?;
    let skew = difference(theirs, answer.heard_at);
    if skew <= SKEW {
        return Some(Finding::ok(Check::Clock, "its clock and ours agree"));
    }
    let which = if theirs > answer.heard_at {
        "ahead of"
    } else {
        "behind"
    };
    let evidence = format!("its clock is {} s {which} ours", skew.as_secs());
    let remedy = "set the wrong one by NTP: `timedatectl set-ntp true`, `sudo sntp -sS time.apple.com` on macOS";
    Some(Finding::warning(Check::Clock, evidence, remedy))
}

fn difference(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|earlier| earlier.duration())
}

fn reached(upstream: &config::Upstream, answer: &Answer) -> Finding {
    let (url, status) = (&upstream.url, answer.status);
    match status {
        300..=399 => {
            let evidence =
                format!("{url} redirects (status {status}), which the gateway doesn't follow");
            let remedy = "name the address that it leads to";
            Finding::warning(Check::UpstreamReachable, evidence, remedy)
        }
        503 => {
            let evidence = format!("{url} answers 503: it is loading its model, or overloaded");
            let remedy = "wait, then look again; its own log says which";
            Finding::warning(Check::UpstreamReachable, evidence, remedy)
        }
        500..=599 => {
            let evidence = format!("{url}/models answers {status}");
            let remedy = "look at the server's own log";
            Finding::warning(Check::UpstreamReachable, evidence, remedy)
        }
        // A key that is refused and a server that is busy have said where they are.
        400..=499 if !matches!(status, 401 | 403 | 429) && upstream.family != Family::Other => {
            let evidence =
                format!("{url}/models answers {status}: is that the server's base path?");
            let remedy = "correct `url`; most servers want it to end in /v1";
            Finding::warning(Check::UpstreamReachable, evidence, remedy)
        }
        _ => Finding::ok(Check::UpstreamReachable, format!("{url} answers")),
    }
}

/// Not every version of llama.cpp wants the key for the list of its models; for `/props` all do that want one.
fn key(upstream: &config::Upstream, visit: &Visit, answer: &Answer) -> Option<Finding> {
    let own = match (&visit.own, upstream.family) {
        (Some(Heard::Answer(own)), Family::LlamaCpp) => Some(own.status),
        _ => None,
    };
    let refused = [Some(answer.status), own].into_iter().flatten();
    let refused = refused
        .into_iter()
        .find(|status| matches!(status, 401 | 403));
    let finding = match (refused, &upstream.key_file) {
        // What it makes of a key isn't known.
        (None, _) if answer.status != 200 => return None,
        (None, Some(_)) => Finding::ok(Check::UpstreamKey, "takes our key"),
        (None, None) => Finding::ok(Check::UpstreamKey, "wants no key"),
        (Some(status), Some(file)) => {
            let evidence = format!("refuses our key with {status}");
            let remedy = format!(
                "put the right key into {}, then `sidegate reload`",
                file.display()
            );
            Finding::failure(Check::UpstreamKey, evidence, remedy)
        }
        (Some(status), None) => {
            let evidence = format!("wants a key ({status}), and none is configured");
            let remedy = format!("set upstreams.{}.key_file", upstream.name);
            Finding::failure(Check::UpstreamKey, evidence, remedy)
        }
    };
    Some(finding)
}

fn family(upstream: &config::Upstream, visit: &Visit, answer: &Answer) -> Finding {
    let ours = upstream.family;
    match visit.sign(answer) {
        None => {
            let evidence = format!(
                "is configured as {}; the server doesn't say what it is",
                ours.as_str()
            );
            Finding::ok(Check::UpstreamFamily, evidence)
        }
        Some(Sign { family, by }) if family == ours => Finding::ok(
            Check::UpstreamFamily,
            format!("is {}: {by}", family.as_str()),
        ),
        Some(Sign { family, by }) => {
            let evidence = format!(
                "is configured as {}, and what answers is {}: {by}",
                ours.as_str(),
                family.as_str()
            );
            let remedy = format!(
                "set upstreams.{}.family: {}",
                upstream.name,
                family.as_str()
            );
            match ours {
                // Meant to work with whatever it is.
                Family::Other => Finding::ok(Check::UpstreamFamily, evidence),
                _ => Finding::warning(Check::UpstreamFamily, evidence, remedy),
            }
        }
    }
}

#[cfg(test)]
mod tests;
