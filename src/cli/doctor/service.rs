//! The unit that a supervisor starts the gateway with.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Check, Facts, Finding};
use crate::cli::service::expected;
use crate::config::Source;
use crate::platform;
use crate::service::{
    FileState, Health, Job, Manager, Owner, Place, Service, Status, Tool, Values,
};

/// What is known of the unit.
#[derive(Debug)]
pub enum ServiceState {
    /// The supervisor was asked.
    Told(Box<Status>),
    /// It can't be asked, and this is all that can be seen.
    Unasked { file: Option<PathBuf>, why: String },
}

/// Asks the supervisor of this user. A unit of another account (`--user NAME`) is that account's to look at.
pub fn service_state(facts: &Facts) -> ServiceState {
    let home = facts.context.environment.home().unwrap_or("/");
    let manager = match platform::is_macos() {
        true => Manager::Launchd,
        false => Manager::Systemd,
    };
    let owner = Owner::Login(platform::login_user());
    let place = Place::new(manager, owner, Path::new(home), Path::new("/"));
    let files = place.paths(Job::Gateway);
    let expected = expected_now(facts, Path::new(home), &place);
    let service = Service {
        place,
        tool: Tool::new(manager.command()),
        pause: Duration::from_millis(200),
        sleep: std::thread::sleep,
        say: |_| {},
    };
    match service.status(Job::Gateway, expected.as_ref()) {
        Ok(status) => ServiceState::Told(Box::new(status)),
        Err(trouble) => ServiceState::Unasked {
            file: files.into_iter().find(|file| file.exists()),
            why: trouble.to_string(),
        },
    }
}

/// What would be written now; none where that isn't known.
fn expected_now(facts: &Facts, home: &Path, place: &Place) -> Option<Values> {
    let (Source::File(file), Some(config)) = (&facts.context.source, facts.config()) else {
        return None;
    };
    let program = std::env::current_exe().ok()?;
    expected(&program, file, home, place, config, None).ok()
}

pub fn check(facts: &Facts) -> Vec<Finding> {
    vec![finding(&service_state(facts))]
}

fn finding(state: &ServiceState) -> Finding {
    let warning = |evidence: &str, remedy: &str| Finding::warning(Check::Service, evidence, remedy);
    let install = "sidegate service install";
    match state {
        ServiceState::Unasked { file: None, .. } => missing(),
        ServiceState::Unasked {
            file: Some(file),
            why,
        } => warning(
            &format!(
                "{} is there, but its supervisor can't be asked: {why}",
                file.display()
            ),
            "sidegate service status",
        ),
        ServiceState::Told(status) if status.is_absent() => missing(),
        ServiceState::Told(status) => match (status.health, status.file) {
            (Health::Looping, _) => warning(
                "the supervisor starts the gateway again and again",
                "sidegate service status",
            ),
            (_, FileState::NotOurs) => warning(
                "somebody else's unit stands where ours would",
                "move it away, then `sidegate service install`",
            ),
            (_, FileState::Outdated) => warning(
                "the unit isn't what this program, with this configuration, would write",
                install,
            ),
            (Health::NotLoaded, _) => warning("no supervisor has taken the unit up", install),
            (Health::Stopped | Health::Failed, _) => warning(
                "the gateway has ended and was not started again",
                "sidegate service status",
            ),
            (Health::Running | Health::Waiting, _) => {
                Finding::ok(Check::Service, "a supervisor runs the gateway")
            }
        },
    }
}

fn missing() -> Finding {
    Finding::warning(
        Check::Service,
        "no supervisor starts the gateway: after a reboot or a crash nobody does",
        "sidegate service install",
    )
}

/// For the snapshot.
pub fn in_words(state: &ServiceState) -> String {
    match state {
        ServiceState::Unasked { why, .. } => format!("the supervisor can't be asked: {why}"),
        ServiceState::Told(status) => {
            format!("file {}, {}", status.file.as_str(), status.health.as_str())
        }
    }
}
