//! launchd, through `launchctl`.
//!
//! `bootout` returns before the job is gone (its process may drain), and `bootstrap` refuses a label that is still
//! there, so every end is waited for. Exit codes are launchd's own error numbers, the same on every macOS that has them.

mod print;

use std::time::Duration;

use super::job::Job;
use super::state::State;
use super::supervisor::{Owner, Service, Supervisor};
use super::tool::Answer;
use super::trouble::Trouble;

/// There is no such process: it was not taken up.
const NO_SUCH_PROCESS: i32 = 3;
/// So says `bootstrap` of a label that is there, and of a file that it doesn't like.
const INPUT_OUTPUT: i32 = 5;
/// It is going, and `bootout` waits no longer.
const NOW_IN_PROGRESS: i32 = 36;
/// It is there, or still going.
const ALREADY_IN_PROGRESS: i32 = 37;
/// Nobody with this user id is logged in on the screen.
const NO_SUCH_DOMAIN: i32 = 125;

/// How long a label that is gone may still be in the way.
const STILL_IN_THE_WAY: Duration = Duration::from_secs(3);

const NOBODY_ON_SCREEN: &str = "an agent runs while its user is logged in on the Mac's own screen, and over SSH alone \
    nobody is. The file is written and counts from the next login there; for a gateway that needs nobody: \
    sudo sidegate service install --user NAME";
const BAD_FILE: &str =
    "that is also its word for a file that it can't take: `plutil -lint` checks it, and \
    `log show --last 5m --predicate 'process == \"launchd\"'` has the reason";

pub struct Launchd<'a> {
    service: &'a Service,
    domain: String,
}

impl Launchd<'_> {
    pub fn new(service: &Service) -> Launchd<'_> {
        let domain = match &service.place.owner {
            Owner::Login(user) => format!("gui/{user}"),
            Owner::Account { .. } => "system".to_owned(),
        };
        Launchd { service, domain }
    }

    fn target(&self, job: Job) -> String {
        format!("{}/{}", self.domain, job.label())
    }

    fn refusal(&self, arguments: &[&str], answer: &Answer) -> Trouble {
        let advice = match answer.code {
            Some(NO_SUCH_DOMAIN) => Some(NOBODY_ON_SCREEN),
            Some(INPUT_OUTPUT) => Some(BAD_FILE),
            _ => None,
        };
        self.service.tool.refusal(arguments, answer, advice)
    }

    /// Takes up the file. A label that has just gone may be in the way for a moment yet.
    fn bootstrap(&self, job: Job) -> Result<(), Trouble> {
        let file = self
            .service
            .place
            .units
            .join(format!("{}.plist", job.label()));
        let file = file.to_string_lossy();
        let arguments = ["bootstrap", &self.domain, &file];
        let mut last = None;
        let done = self.service.wait_until(STILL_IN_THE_WAY, || {
            let answer = self.service.ask(&arguments)?;
            let again = matches!(answer.code, Some(INPUT_OUTPUT | ALREADY_IN_PROGRESS));
            match answer.code {
                Some(0) => return Ok(true),
                _ if again => last = Some(answer),
                _ => return Err(self.refusal(&arguments, &answer)),
            }
            // Somebody else, or launchd itself at a login, may have been first.
            Ok(self.look(job)?.loaded)
        })?;
        match (done, last) {
            (false, Some(answer)) => Err(self.refusal(&arguments, &answer)),
            _ => Ok(()),
        }
    }
}

fn is_absent(said: &str) -> bool {
    said.contains("Could not find service") || said.contains("Could not find domain")
}

impl Supervisor for Launchd<'_> {
    fn look(&self, job: Job) -> Result<State, Trouble> {
        let target = self.target(job);
        let arguments = ["print", &target];
        let answer = self.service.ask(&arguments)?;
        match answer.code {
            Some(0) => Ok(print::read(&answer.stdout)),
            // Without the domain it can't be there either, and the files can still be looked at and removed.
            _ if is_absent(&answer.summary()) => Ok(State::default()),
            _ => Err(self.refusal(&arguments, &answer)),
        }
    }

    fn take_up(&self, job: Job, leaving: Duration) -> Result<(), Trouble> {
        if self.look(job)?.loaded {
            self.give_up(job, leaving)?;
        }
        // `launchctl disable` outlives every file; whoever installs wants it on. What stands in the way of this stands in
        // the way of the next step, which says so.
        self.service.ask(&["enable", &self.target(job)])?;
        self.bootstrap(job)?;
        match job.runs_always() {
            true => self.start(job),
            false => Ok(()),
        }
    }

    fn start(&self, job: Job) -> Result<(), Trouble> {
        let target = self.target(job);
        let arguments = ["kickstart", &target];
        let answer = self.service.ask(&arguments)?;
        match answer.code {
            Some(0 | ALREADY_IN_PROGRESS) => Ok(()),
            _ => Err(self.refusal(&arguments, &answer)),
        }
    }

    fn give_up(&self, job: Job, leaving: Duration) -> Result<(), Trouble> {
        let target = self.target(job);
        let arguments = ["bootout", &target];
        let answer = self.service.tool.ask(&arguments, leaving)?;
        match answer.code {
            Some(0 | NO_SUCH_PROCESS | NOW_IN_PROGRESS) => {}
            _ => return Err(self.refusal(&arguments, &answer)),
        }
        match self
            .service
            .wait_until(leaving, || Ok(!self.look(job)?.loaded))?
        {
            true => Ok(()),
            false => Err(Trouble::Late {
                what: format!(
                    "{target} is still there {} s after `launchctl bootout`",
                    leaving.as_secs()
                ),
            }),
        }
    }

    /// launchd knows nothing of files that it hasn't taken up.
    fn forget(&self, _job: Job) -> Result<(), Trouble> {
        Ok(())
    }
}
