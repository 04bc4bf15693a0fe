//! systemd, through `systemctl`.

mod show;

use std::time::Duration;

use super::job::Job;
use super::state::State;
use super::supervisor::{Owner, Service, Supervisor};
use super::tool::Answer;
use super::trouble::Trouble;

const NO_BUS: &str = "your own services need a login of yours (not `su` or `sudo`): log in as this user, or install it \
    for an account: sudo sidegate service install --user NAME";
const NO_SYSTEMD: &str =
    "systemd doesn't run this machine, as in most containers: start `sidegate serve --supervised` \
    by what does";

pub struct Systemd<'a> {
    service: &'a Service,
}

impl Systemd<'_> {
    pub fn new(service: &Service) -> Systemd<'_> {
        Systemd { service }
    }

    /// A user's own services have a systemd of their own.
    fn line<'l>(&self, arguments: &[&'l str]) -> Vec<&'l str> {
        let own: &[&str] = match self.service.place.owner {
            Owner::Login(_) => &["--user"],
            Owner::Account { .. } => &[],
        };
        [own, arguments].concat()
    }

    fn ask(&self, arguments: &[&str], patience: Option<Duration>) -> Result<Answer, Trouble> {
        let line = self.line(arguments);
        let answer = match patience {
            Some(patience) => self.service.tool.ask(&line, patience)?,
            None => self.service.ask(&line)?,
        };
        match answer.code {
            Some(0) => Ok(answer),
            _ => {
                let advice = advice(&answer.stderr);
                Err(self.service.tool.refusal(&line, &answer, advice))
            }
        }
    }

    /// For what may be gone already: somebody may have removed its file while it ran.
    fn end(&self, arguments: &[&str], patience: Duration) -> Result<(), Trouble> {
        let line = self.line(arguments);
        let answer = self.service.tool.ask(&line, patience)?;
        let said = answer.summary();
        let is_gone = said.contains("not loaded") || said.contains("does not exist");
        match answer.code {
            Some(0) => Ok(()),
            _ if is_gone => Ok(()),
            _ => Err(self.service.tool.refusal(&line, &answer, None)),
        }
    }
}

fn advice(said: &str) -> Option<&'static str> {
    if said.contains("not been booted with systemd") {
        return Some(NO_SYSTEMD);
    }
    said.contains("connect to bus").then_some(NO_BUS)
}

impl Supervisor for Systemd<'_> {
    fn look(&self, job: Job) -> Result<State, Trouble> {
        let properties = format!("--property={}", show::PROPERTIES);
        let process = self.ask(&["show", &properties, job.service_unit()], None)?;
        let enabled = self.ask(&["show", &properties, job.enabled_unit()], None)?;
        Ok(show::read(&process.stdout, &enabled.stdout))
    }

    fn take_up(&self, job: Job, leaving: Duration) -> Result<(), Trouble> {
        self.ask(&["daemon-reload"], None)?;
        self.ask(&["enable", job.enabled_unit()], None)?;
        // Starts it where it isn't; ends the one that ran by earlier files first.
        self.ask(&["restart", job.enabled_unit()], Some(leaving))?;
        Ok(())
    }

    fn start(&self, job: Job) -> Result<(), Trouble> {
        self.ask(&["start", job.enabled_unit()], None)?;
        Ok(())
    }

    fn give_up(&self, job: Job, leaving: Duration) -> Result<(), Trouble> {
        // The one that starts the other has to be first.
        self.end(&["stop", job.enabled_unit()], leaving)?;
        self.end(&["stop", job.service_unit()], leaving)?;
        self.end(&["disable", job.enabled_unit()], leaving)
    }

    fn forget(&self, job: Job) -> Result<(), Trouble> {
        self.ask(&["daemon-reload"], None)?;
        // A failed unit without a file would be listed for ever; one that hasn't failed is unknown, and that is no mistake.
        let line = self.line(&["reset-failed", job.service_unit()]);
        self.service.ask(&line)?;
        Ok(())
    }
}
