//! The gateway that runs, as it describes itself, and its breakers, also when none runs.

use super::{losses, Check, Facts, Finding};
use crate::breaker::{Key, Picture, Unread};
use crate::cli::live::{Silence, State};
use crate::clock;
use crate::config::Config;
use crate::platform;
use crate::record::labels::BreakerState;
use crate::snapshot::breaker_state;

pub fn check(facts: &Facts) -> Vec<Finding> {
    match &facts.gateway {
        Ok(state) => {
            let mut findings = vec![running(state), last_reload(state)];
            findings.push(pending(state));
            findings.push(losses::drops(state, losses::used_by_logs(facts)));
            findings.extend(losses::drained(state));
            findings.push(breaker_file(state));
            findings.extend(breakers(state));
            findings
        }
        Err(silence) => {
            let mut findings = vec![silent(silence)];
            findings.extend(facts.config().map(file_alone).unwrap_or_default());
            findings
        }
    }
}

fn silent(silence: &Silence) -> Finding {
    let remedy = match silence {
        Silence::Nobody { .. } => "sidegate serve",
        Silence::Strange { .. }
        | Silence::Elsewhere { .. }
        | Silence::Waiting { .. }
        | Silence::Held { .. } => silence.remedy(),
    };
    Finding::warning(Check::Gateway, silence.to_string().trim_end(), remedy)
}

fn running(state: &State) -> Finding {
    let ours = (crate::VERSION, crate::REVISION);
    let theirs = (state.version.as_str(), state.revision.as_str());
    let generation = state.config.generation;
    if theirs != ours {
        let evidence = format!(
            "version {} ({}) runs, and this is {} ({})",
            theirs.0, theirs.1, ours.0, ours.1
        );
        return Finding::warning(
            Check::Gateway,
            evidence,
            "restart the gateway: it then runs this one",
        );
    }
    if state.draining {
        let evidence = "it is draining: running streams end, and new requests are refused";
        return Finding::warning(Check::Gateway, evidence, "wait for its end, then start it");
    }
    let up = state.uptime_seconds;
    let evidence = format!("runs for {up} s, generation {generation}");
    Finding::ok(Check::Gateway, evidence)
}

fn last_reload(state: &State) -> Finding {
    let rejected = state.config.last_reload.as_ref();
    match rejected.filter(|reload| !reload.mistakes.is_empty()) {
        Some(reload) => {
            let evidence = format!(
                "the configuration was changed, and not taken at {}; generation {} goes on:\n{}",
                reload.at,
                state.config.generation,
                reload.mistakes.join("\n")
            );
            Finding::warning(
                Check::LastReload,
                evidence,
                "mend the file, then `sidegate reload`",
            )
        }
        None => Finding::ok(Check::LastReload, "no change was refused"),
    }
}

fn pending(state: &State) -> Finding {
    match state.config.pending_restart.as_slice() {
        [] => Finding::ok(Check::PendingRestart, "nothing waits for a restart"),
        keys => {
            let evidence = format!("changed, but taken only by a restart: {}", keys.join(", "));
            Finding::warning(Check::PendingRestart, evidence, "restart the gateway")
        }
    }
}

fn breaker_file(state: &State) -> Finding {
    match state.breaker_shared {
        Some(false) => {
            let evidence = "breakers are in the gateway's private memory: no other process shares them, and a restart \
                            forgets them";
            let remedy = "gateway.jsonl says why at the start; mend the file, then restart";
            Finding::warning(Check::BreakerFile, evidence, remedy)
        }
        Some(true) => Finding::ok(
            Check::BreakerFile,
            "breakers are shared and survive a restart",
        ),
        None => Finding::ok(Check::BreakerFile, "the gateway doesn't say"),
    }
}

fn breakers(state: &State) -> Vec<Finding> {
    let mut open: Vec<(String, String, String)> = Vec::new();
    for route in &state.routes {
        for target in &route.targets {
            let breaker = &target.breaker;
            if breaker.state != BreakerState::Closed.as_str() {
                open.push((
                    target.upstream.clone(),
                    target.model.clone().unwrap_or_else(|| "*".to_owned()),
                    breaker.in_words(),
                ));
            }
        }
    }
    not_closed(open)
}

fn not_closed(mut open: Vec<(String, String, String)>) -> Vec<Finding> {
    open.sort();
    open.dedup();
    if open.is_empty() {
        return vec![Finding::ok(Check::Breakers, "all are closed")];
    }
    let finding = |(upstream, model, state): (String, String, String)| {
        let evidence =
            format!("{state}: after failures in a row, nothing is sent to model {model}");
        let remedy =
            format!("mend the server, then `sidegate breakers reset '{upstream}/{model}'`");
        Finding::warning(Check::Breakers, evidence, remedy).of(upstream)
    };
    open.into_iter().map(finding).collect()
}

/// While no gateway runs, the file tells what the next one will find.
fn file_alone(config: &Config) -> Vec<Finding> {
    let file = config.breaker_file.display();
    let picture = match Picture::read(&config.breaker_file, platform::boot_id()) {
        Ok(picture) => picture,
        Err(Unread::Absent) => {
            let evidence = format!("{file} isn't there yet: all breakers are closed");
            return vec![Finding::ok(Check::BreakerFile, evidence)];
        }
        Err(unread) => {
            let evidence = format!("{file}: {unread}");
            let remedy = format!("rm {file}; the next start makes a new one, all breakers closed");
            return vec![Finding::warning(Check::BreakerFile, evidence, remedy)];
        }
    };
    let now = clock::since_boot().into();
    let mut open = Vec::new();
    for target in config.routes.iter().flat_map(|route| &route.targets) {
        let Some(upstream) = config.upstreams.get(target.upstream) else {
            continue;
        };
        let view = picture.look(&Key::new(&upstream.url, target.model.as_deref()), now);
        let state = breaker_state(&view);
        if state != BreakerState::Closed {
            let model = target.model.clone().unwrap_or_else(|| "*".to_owned());
            open.push((upstream.name.clone(), model, state.as_str().to_owned()));
        }
    }
    let mut findings = vec![Finding::ok(
        Check::BreakerFile,
        format!("{file} can be read"),
    )];
    findings.extend(not_closed(open));
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    fn state(more: serde_json::Value) -> State {
        let mut state = serde_json::json!({
            "version": crate::VERSION, "revision": crate::REVISION, "uptime_seconds": 3,
            "config": {"generation": 2, "file": null, "last_reload": null, "pending_restart": []},
            "breaker_shared": true, "log_dropped": {"access": 0}
        });
        for (key, value) in more.as_object().unwrap() {
            state[key] = value.clone();
        }
        serde_json::from_value(state).unwrap()
    }

    #[test]
    fn a_gateway_that_is_well_has_nothing_but_good_news() {
        let state = state(serde_json::json!({}));
        let findings = [
            running(&state),
            last_reload(&state),
            pending(&state),
            losses::drops(&state, None),
            breaker_file(&state),
        ];
        let severities = findings.map(|finding| finding.severity);
        assert_eq!(severities, [Severity::Ok; 5]);
    }

    #[test]
    fn each_thing_that_it_says_of_itself_is_a_warning() {
        let old = state(serde_json::json!({"version": "0.0.1"}));
        let draining = state(serde_json::json!({"draining": true}));
        let changed = state(serde_json::json!({
            "config": {"generation": 2, "file": null, "pending_restart": ["listen"],
                       "last_reload": {"at": "x", "result": "rejected", "mistakes": ["routes: no"]}},
            "breaker_shared": false, "log_dropped": {"access": 4}
        }));
        for (finding, said) in [
            (running(&old), "0.0.1"),
            (running(&draining), "draining"),
            (pending(&changed), "listen"),
            (last_reload(&changed), "routes: no"),
            (losses::drops(&changed, None), "4 lines of access.jsonl"),
            (breaker_file(&changed), "private memory"),
        ] {
            assert_eq!(finding.severity, Severity::Warning, "{finding:?}");
            assert!(finding.evidence.contains(said), "{finding:?}");
        }
    }

    #[test]
    fn an_open_breaker_is_one_finding_however_many_routes_meet_it() {
        let breaker =
            serde_json::json!({"state": "open", "consecutive_failures": 5, "retry_in_seconds": 9});
        let target = serde_json::json!({"upstream": "a", "model": "m", "breaker": breaker});
        let state = state(serde_json::json!({"routes": [
            {"name": "one", "targets": [target]}, {"name": "two", "targets": [target]}
        ]}));
        let findings = breakers(&state);
        assert_eq!(findings.len(), 1, "{findings:?}");
        let remedy = findings[0].remedy.as_deref().unwrap();
        assert!(remedy.contains("breakers reset 'a/m'"), "{remedy}");
    }
}
