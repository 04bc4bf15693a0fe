//! Agents that run as the gateway's own user.
//!
//! A key file with mode 0400 hides nothing from a process of the same user: such an agent can read the upstreams' keys,
//! use them without the gateway, and no limit of ours holds. Processes are known by the names of the usual programs; one
//! with another name is not seen, and this says nothing about it.

use super::{Check, Facts, Finding};
use crate::platform::{self, Process};

/// Programs that act on their own, by the names of their executables or scripts.
const NAMES: [&str; 14] = [
    "aider",
    "amp",
    "claude",
    "cline",
    "codex",
    "copilot",
    "cursor-agent",
    "gemini",
    "goose",
    "openclaw",
    "openclaw-gateway",
    "opencode",
    "openhands",
    "qwen",
];

pub fn check(facts: &Facts) -> Vec<Finding> {
    let Some(config) = facts.config() else {
        return Vec::new();
    };
    let us = platform::effective_user();
    let has_keys = config.upstreams.iter().any(|it| it.key_file.is_some());
    vec![judge(&platform::processes(), us, has_keys)]
}

fn judge(processes: &[Process], us: u32, has_keys: bool) -> Finding {
    let ours = processes.iter().filter(|process| process.user == us);
    let agents: Vec<String> = ours
        .filter_map(|process| Some((agent_name(process)?, process.pid)))
        .map(|(name, pid)| format!("{name} (pid {pid})"))
        .collect();
    if agents.is_empty() {
        let evidence = format!("no process of user {us} is called like an agent");
        return Finding::ok(Check::Agents, evidence);
    }
    let evidence = format!(
        "run as user {us}, who owns {}: {}. A mode of 0400 hides nothing from them",
        if has_keys {
            "the token and key files"
        } else {
            "the token file"
        },
        agents.join(", ")
    );
    let remedy = "run the gateway as a user of its own (`sidegate service install --user NAME`), and agents as another";
    Finding::warning(Check::Agents, evidence, remedy)
}

/// `claude`, or `cli.js` below no such name: only what is called so counts.
fn agent_name(process: &Process) -> Option<&str> {
    let plain = |name: &str| {
        let stem = name.strip_suffix(".js").or(name.strip_suffix(".py"));
        stem.or(name.strip_suffix(".mjs")).unwrap_or(name).len()
    };
    let names = process
        .names
        .iter()
        .map(|name| name.get(..plain(name)).unwrap_or(name));
    names.into_iter().find(|name| NAMES.contains(name))
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    fn process(user: u32, names: &[&str]) -> Process {
        let names = names.iter().map(|name| (*name).to_owned());
        Process {
            pid: 12,
            user,
            names: names.collect(),
        }
    }

    #[test]
    fn only_agents_of_our_own_user_are_a_finding() {
        let theirs = process(502, &["node", "openclaw"]);
        let editor = process(501, &["vim", "claude.md"]);
        let quiet = judge(&[theirs.clone(), editor], 501, true);
        assert_eq!(quiet.severity, Severity::Ok, "{quiet:?}");

        let found = judge(
            &[theirs, process(501, &["node", "openclaw.mjs"])],
            501,
            true,
        );
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.evidence.contains("openclaw (pid 12)"), "{found:?}");
    }
}
