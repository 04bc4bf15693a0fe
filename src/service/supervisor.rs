//! Which supervisor it is, for whom it runs our jobs, and where its files are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::job::Job;
use super::launchd::Launchd;
use super::state::State;
use super::systemd::Systemd;
use super::tool::Tool;
use super::trouble::Trouble;

/// For what a supervisor answers at once.
const USUAL_PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    Launchd,
    Systemd,
}

/// Who a job runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Whoever is logged in with this user id.
    Login(u32),
    /// An account, whoever is logged in; only root may install that.
    Account { name: String, user: u32, group: u32 },
}

/// Where the files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub manager: Manager,
    pub owner: Owner,
    /// The folder of the supervisor's files.
    pub units: PathBuf,
    /// The folder for what launchd catches of stdout and stderr; systemd has its journal.
    pub output: PathBuf,
}

/// The supervisor of one place.
#[derive(Debug)]
pub struct Service {
    pub place: Place,
    pub tool: Tool,
    /// Between two looks at something that takes its time.
    pub pause: Duration,
    /// How to pass the pause.
    pub sleep: fn(Duration),
    /// Says what is being waited for.
    pub say: fn(&str),
}

impl Manager {
    /// The command that speaks to it.
    pub fn command(self) -> &'static str {
        match self {
            Manager::Launchd => "launchctl",
            Manager::Systemd => "systemctl",
        }
    }
}

impl Place {
    /// `root` is `/`, but in tests.
    pub fn new(manager: Manager, owner: Owner, home: &Path, root: &Path) -> Place {
        let (units, output) = match (manager, &owner) {
            (Manager::Launchd, Owner::Login(_)) => (
                home.join("Library/LaunchAgents"),
                home.join("Library/Logs/sidegate"),
            ),
            // Not in the account's home: root must not write where somebody else may put a link.
            (Manager::Launchd, Owner::Account { .. }) => (
                root.join("Library/LaunchDaemons"),
                root.join("Library/Logs/sidegate"),
            ),
            (Manager::Systemd, Owner::Login(_)) => (
                home.join(".config/systemd/user"),
                home.join(".local/state/sidegate"),
            ),
            (Manager::Systemd, Owner::Account { .. }) => {
                (root.join("etc/systemd/system"), root.join("var/log"))
            }
        };
        Place {
            manager,
            owner,
            units,
            output,
        }
    }
}

/// What every supervisor can be asked for.
pub trait Supervisor {
    /// # Errors
    /// It doesn't answer, or not so that it can be understood.
    fn look(&self, job: Job) -> Result<State, Trouble>;

    /// Makes it run by the files as they are now. `leaving` bounds the end of a process that ran by earlier ones.
    ///
    /// # Errors
    /// It says no, or takes too long.
    fn take_up(&self, job: Job, leaving: Duration) -> Result<(), Trouble>;

    /// Starts what is taken up already.
    ///
    /// # Errors
    /// It says no.
    fn start(&self, job: Job) -> Result<(), Trouble>;

    /// Ends it; the files are still there.
    ///
    /// # Errors
    /// It says no, or takes too long.
    fn give_up(&self, job: Job, leaving: Duration) -> Result<(), Trouble>;

    /// The files are gone.
    ///
    /// # Errors
    /// It says no.
    fn forget(&self, job: Job) -> Result<(), Trouble>;
}

impl Service {
    pub(super) fn supervisor(&self) -> Box<dyn Supervisor + '_> {
        match self.place.manager {
            Manager::Launchd => Box::new(Launchd::new(self)),
            Manager::Systemd => Box::new(Systemd::new(self)),
        }
    }

    pub(super) fn ask(&self, arguments: &[&str]) -> Result<super::tool::Answer, Trouble> {
        self.tool.ask(arguments, USUAL_PATIENCE)
    }

    /// Looks again and again until it is so; false when it isn't within the time.
    pub(super) fn wait_until(
        &self,
        limit: Duration,
        mut is_so: impl FnMut() -> Result<bool, Trouble>,
    ) -> Result<bool, Trouble> {
        let pause = self.pause.max(Duration::from_millis(1));
        for _ in 0..=limit.as_millis() / pause.as_millis() {
            if is_so()? {
                return Ok(true);
            }
            (self.sleep)(pause);
        }
        Ok(false)
    }
}
