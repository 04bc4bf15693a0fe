//! Writes the files, makes the supervisor run by them, and takes both back.

use std::time::Duration;

use super::job::Job;
use super::state::State;
use super::supervisor::{Manager, Owner, Service};
use super::trouble::Trouble;
use super::units::{self, Kept, Unit};
use super::values::Values;
use super::{property_list, unit_file};

/// For a file that doesn't say: what launchd gives a process without being told.
const DEFAULT_EXIT_SECONDS: u64 = 20;

/// What the supervisor may take beyond the process itself.
const BEYOND: Duration = Duration::from_secs(10);

/// How long a process may take to be there, and to stay.
const APPEARS_WITHIN: Duration = Duration::from_secs(10);

/// A gateway whose port is taken lives for a moment too: only one that several looks in a row find has started.
const STEADY_LOOKS: u32 = 5;

/// What an installation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    New,
    /// It was there, and said something else or was not taken up.
    Updated,
    /// Everything was as it should be, but it didn't run.
    Started,
    Unchanged,
}

/// What a removal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    Gone,
    WasNotThere,
}

impl Service {
    /// Makes it so, and changes nothing that is so already.
    ///
    /// # Errors
    /// See [`Trouble`]. What was written before stays; installing again goes on from there.
    pub fn install(&self, job: Job, values: &Values) -> Result<(Installed, State), Trouble> {
        let units = self.place.units(job, values)?;
        let kept = self.kept(job)?;
        let supervisor = self.supervisor();
        let before = supervisor.look(job)?;
        self.prepare_output(job)?;
        let runs = before.pid.is_some() || before.waits_to_restart || !job.runs_always();
        let outcome = match before.loaded && are_written(&units, &kept) {
            true if runs => return Ok((Installed::Unchanged, before)),
            true => {
                supervisor.start(job)?;
                Installed::Started
            }
            false => {
                units.iter().try_for_each(units::write)?;
                self.announce_wait(&before);
                supervisor.take_up(job, leaving(&kept, &units))?;
                match kept.iter().all(|kept| *kept == Kept::Nothing) {
                    true => Installed::New,
                    false => Installed::Updated,
                }
            }
        };
        Ok((outcome, self.settled(job)?))
    }

    /// Ends it and removes its files.
    ///
    /// # Errors
    /// See [`Trouble`]. A file that isn't ours keeps everything as it is.
    pub fn uninstall(&self, job: Job) -> Result<Removed, Trouble> {
        let kept = self.kept(job)?;
        let supervisor = self.supervisor();
        let before = supervisor.look(job)?;
        let is_written = kept.iter().any(|kept| *kept != Kept::Nothing);
        if !is_written && !before.loaded {
            return Ok(Removed::WasNotThere);
        }
        if before.loaded {
            self.announce_wait(&before);
            supervisor.give_up(job, leaving(&kept, &[]))?;
        }
        for (path, kept) in self.place.paths(job).iter().zip(&kept) {
            if *kept != Kept::Nothing {
                units::remove(path)?;
            }
        }
        supervisor.forget(job)?;
        Ok(Removed::Gone)
    }

    /// What stands where the files should be; never somebody else's.
    fn kept(&self, job: Job) -> Result<Vec<Kept>, Trouble> {
        let mut all = Vec::new();
        for path in self.place.paths(job) {
            match Kept::at(&path)? {
                Kept::NotOurs => return Err(Trouble::NotOurs(path)),
                kept @ (Kept::Nothing | Kept::Ours(_)) => all.push(kept),
            }
        }
        Ok(all)
    }

    fn announce_wait(&self, before: &State) {
        if before.pid.is_some() {
            (self.say)("waiting for the running process to end");
        }
    }

    fn prepare_output(&self, job: Job) -> Result<(), Trouble> {
        let owner = match &self.place.owner {
            Owner::Login(_) => None,
            Owner::Account { user, group, .. } => Some((*user, *group)),
        };
        match self.place.manager {
            Manager::Launchd => units::prepare_output(&self.place.output, job, owner),
            Manager::Systemd => Ok(()),
        }
    }

    /// How it stands, once there was time for its process to appear and to end again.
    fn settled(&self, job: Job) -> Result<State, Trouble> {
        let supervisor = self.supervisor();
        let mut state = supervisor.look(job)?;
        if !job.runs_always() {
            return Ok(state);
        }
        let mut looks = 1;
        self.wait_until(APPEARS_WITHIN, || {
            let earlier = std::mem::replace(&mut state, supervisor.look(job)?);
            looks = match state.pid == earlier.pid {
                true => looks + 1,
                false => 1,
            };
            let is_steady = state.pid.is_some() && looks >= STEADY_LOOKS;
            Ok(is_steady || state.waits_to_restart)
        })?;
        Ok(state)
    }
}

fn are_written(units: &[Unit], kept: &[Kept]) -> bool {
    let mut pairs = units.iter().zip(kept);
    pairs.all(|(unit, kept)| matches!(kept, Kept::Ours(text) if *text == unit.text))
}

/// How long the end of a running process may take: by the file that it runs by, or by the new one where that is unclear.
fn leaving(kept: &[Kept], units: &[Unit]) -> Duration {
    let old = kept.iter().filter_map(|kept| match kept {
        Kept::Ours(text) => Some(text.as_str()),
        Kept::Nothing | Kept::NotOurs => None,
    });
    let new = units.iter().map(|unit| unit.text.as_str());
    let said = old.chain(new).filter_map(|text| {
        property_list::exit_seconds(text).or_else(|| unit_file::exit_seconds(text))
    });
    Duration::from_secs(said.max().unwrap_or(DEFAULT_EXIT_SECONDS)).saturating_add(BEYOND)
}
