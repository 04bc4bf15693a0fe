//! What helps others to help: gathered in one JSON text that is safe to share.
//!
//! Only values that were chosen for it are in it: no file's content, nothing that a client or an upstream wrote but names
//! of models, no environment, no arguments of processes. The home folder is shown as `~`.

use serde::Serialize;
use serde_json::Value;

use super::service::{in_words, service_state};
use super::{Facts, Finding, Report};
use crate::cli::live::State;
use crate::cli::{routes, smoke};
use crate::config::Config;
use crate::platform;
use crate::service::Job;

#[derive(Serialize)]
struct Snapshot<'a> {
    sidegate_snapshot: u32,
    at: &'a str,
    this: Build<'a>,
    gateway: Option<Gateway<'a>>,
    configuration: Configuration,
    /// The name under which a supervisor knows it.
    service: Service,
    folders: Folders,
    ports: Vec<Port>,
    routes: Option<Value>,
    findings: &'a [Finding],
    /// Of the last `sidegate smoke`, where there was one.
    smoke: Option<Value>,
}

#[derive(Serialize)]
struct Build<'a> {
    version: &'a str,
    revision: &'a str,
    system: &'static str,
    machine: &'static str,
}

#[derive(Serialize)]
struct Gateway<'a> {
    version: &'a str,
    revision: &'a str,
    uptime_seconds: u64,
    generation: u64,
    pending_restart: &'a [String],
    draining: bool,
}

#[derive(Serialize)]
struct Configuration {
    source: String,
    sound: bool,
}

#[derive(Serialize)]
struct Service {
    label: &'static str,
    note: String,
}

#[derive(Serialize)]
struct Folders {
    here: Option<String>,
    gateway_works_in: Option<String>,
    state: String,
    logs: Option<String>,
    skills: Option<String>,
}

/// A port that matters to us.
#[derive(Serialize)]
struct Port {
    address: String,
    process: Option<String>,
    pid: Option<u32>,
}

/// Begins with [`super::shared_file::MARK`].
pub fn text(facts: &Facts, report: &Report) -> String {
    let config = facts.config();
    let snapshot = Snapshot {
        sidegate_snapshot: 1,
        at: &report.at,
        this: Build {
            version: crate::VERSION,
            revision: crate::REVISION,
            system: std::env::consts::OS,
            machine: std::env::consts::ARCH,
        },
        gateway: facts.gateway().map(gateway),
        configuration: Configuration {
            source: facts.context.source.to_string(),
            sound: config.is_some(),
        },
        service: service(facts),
        folders: folders(facts, config),
        ports: config
            .map(|config| ports(facts, config))
            .unwrap_or_default(),
        routes: config.map(|config| routes::listing(config, facts.gateway())),
        findings: &report.findings,
        smoke: smoke::last_results(&facts.state_dir),
    };
    let mut text = serde_json::to_string_pretty(&snapshot).unwrap_or_default();
    text.push('\n');
    without_home(&text, facts.context.environment.home())
}

fn gateway(state: &State) -> Gateway<'_> {
    Gateway {
        version: &state.version,
        revision: &state.revision,
        uptime_seconds: state.uptime_seconds,
        generation: state.config.generation,
        pending_restart: &state.config.pending_restart,
        draining: state.draining,
    }
}

fn service(facts: &Facts) -> Service {
    Service {
        label: Job::Gateway.label(),
        note: in_words(&service_state(facts)),
    }
}

fn folders(facts: &Facts, config: Option<&Config>) -> Folders {
    let here = std::env::current_dir().ok();
    Folders {
        here: here.map(|here| here.display().to_string()),
        gateway_works_in: gateway_works_in(facts),
        state: facts.state_dir.display().to_string(),
        logs: config.map(|config| config.logs.dir.display().to_string()),
        skills: config.map(|config| config.skills_dir.display().to_string()),
    }
}

fn gateway_works_in(facts: &Facts) -> Option<String> {
    let listen = super::ports::bound(facts)?.listen;
    let owner = super::ports::owner(&facts.listeners, listen)?;
    let folder = platform::working_folder(owner.pid)?;
    Some(folder.display().to_string())
}

/// Our own and those of upstreams on this host; what else listens here is nobody's business.
fn ports(facts: &Facts, config: &Config) -> Vec<Port> {
    let mut wanted = vec![config.listen.port(), config.admin.port()];
    let bound = super::ports::bound(facts);
    wanted.extend(
        bound
            .iter()
            .flat_map(|it| [it.listen.port(), it.admin.port()]),
    );
    let local = config.upstreams.iter().map(|upstream| &upstream.url);
    wanted.extend(local.filter(|url| url.is_loopback()).map(|url| url.port));
    let here = facts.listeners.iter();
    here.filter(|one| wanted.contains(&one.address.port()))
        .map(|one| Port {
            address: one.address.to_string(),
            process: one.owner.as_ref().map(|owner| owner.name.clone()),
            pid: one.owner.as_ref().map(|owner| owner.pid),
        })
        .collect()
}

/// Its name is often a person's.
fn without_home(text: &str, home: Option<&str>) -> String {
    let home = home.map(|home| home.trim_end_matches('/'));
    match home.filter(|home| home.len() > 1) {
        Some(home) => text.replace(home, "~"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_folder_is_not_named() {
        let text = r#"{"state": "/home/us/.sidegate", "root": "/"}"#;
        assert_eq!(
            without_home(text, Some("/home/us/")),
            r#"{"state": "~/.sidegate", "root": "/"}"#
        );
        assert_eq!(without_home(text, Some("/")), text);
    }
}
