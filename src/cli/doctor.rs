//! `sidegate doctor`: everything that a host can have wrong, with what was seen and what mends it.
//!
//! Facts are gathered once, each bounded in time; then every check judges them. A check says something in any case, so
//! that "nothing found" and "not looked at" are two things.

mod agents;
mod files;
mod finding;
mod fix;
mod folders;
mod gateway;
mod losses;
mod machine;
mod open_files;
mod ports;
mod service;
mod shared_file;
mod snapshot;
mod upstreams;

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use super::live::{self, Silence, State};
use super::output::{complain, show};
use super::{Context, Exit};
use crate::clock;
use crate::config::{self, Config, Loaded, Mistakes};
use crate::platform::{self, Listener};
use crate::record::rfc3339;
use crate::server::{self, Holder};

use finding::{Check, Finding, Report, Severity};

/// A gateway that is well answers its control socket in milliseconds.
const GATEWAY_PATIENCE: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub struct Arguments {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    /// Mend what is safe to mend first: file modes, missing folders.
    #[arg(long)]
    fix: bool,
    /// Write everything that helps others to help into FILE (0600): no secret and no prompt is in it.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// Leave a check out, by the name that stands before its findings; may be repeated.
    #[arg(long, value_name = "CHECK")]
    skip: Vec<Check>,
}

/// What was found out before anything is judged.
pub struct Facts<'a> {
    pub context: &'a Context,
    pub loaded: Result<Loaded, Mistakes>,
    /// Where the gateway keeps its state, also when the configuration is broken.
    pub state_dir: PathBuf,
    pub gateway: Result<State, Silence>,
    /// Who holds the state folder, also where it doesn't answer.
    pub holder: Option<Holder>,
    pub listeners: Vec<Listener>,
    pub now: SystemTime,
}

impl Facts<'_> {
    pub fn config(&self) -> Option<&Config> {
        self.loaded.as_ref().ok().map(|loaded| &loaded.config)
    }

    pub fn gateway(&self) -> Option<&State> {
        self.gateway.as_ref().ok()
    }
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let fixed = match arguments.fix {
        true => fix::everything(context),
        false => Vec::new(),
    };
    let facts = gather(context);
    let mut findings = examine(&facts);
    findings.retain(|finding| !arguments.skip.contains(&finding.check));
    let report = Report::new(rfc3339(facts.now), findings, fixed);
    match arguments.json {
        true => show(&report.json()),
        false => show(&report.text()),
    }
    if let Some(file) = &arguments.snapshot {
        match shared_file::write(file, &snapshot::text(&facts, &report)) {
            Ok(()) => complain(&format!("snapshot written to {}", file.display())),
            Err(error) => {
                complain(&format!("sidegate: --snapshot {}: {error}", file.display()));
                return Exit::Failure;
            }
        }
    }
    report.verdict().exit()
}

fn gather(context: &Context) -> Facts<'_> {
    Facts {
        context,
        loaded: config::load(&context.source, &context.environment),
        state_dir: live::state_dir(context),
        gateway: live::state_within(context, GATEWAY_PATIENCE),
        holder: server::holder(&live::state_dir(context)),
        listeners: platform::listeners(),
        now: clock::wall(),
    }
}

/// All findings, in the order in which things depend on each other.
fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = files::check(facts);
    findings.extend(folders::check(facts));
    findings.extend(ports::check(facts));
    findings.extend(upstreams::check(facts));
    findings.extend(gateway::check(facts));
    findings.extend(machine::check(facts));
    findings.extend(open_files::check(facts));
    findings.extend(service::check(facts));
    findings.extend(agents::check(facts));
    findings
}

/// What `look` finds, where it comes back in time: a volume that has gone away may keep it for ever.
fn within<T: Send + 'static>(
    patience: Duration,
    look: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(look());
    });
    receiver.recv_timeout(patience).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_never_comes_back_is_given_up() {
        let (keep, never) = mpsc::channel::<()>();
        let looked = within(Duration::from_millis(10), move || never.recv());
        assert!(looked.is_none());
        drop(keep);
        assert_eq!(within(Duration::from_secs(10), || 7), Some(7));
    }
}
