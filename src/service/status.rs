//! How a job stands: its files against what would be written now, and what the supervisor says.

use std::time::Duration;

use super::job::Job;
use super::process;
use super::state::State;
use super::supervisor::Service;
use super::trouble::Trouble;
use super::units::Kept;
use super::values::Values;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub job: Job,
    pub file: FileState,
    pub state: State,
    pub health: Health,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    Absent,
    Current,
    /// This version, with this configuration, would write something else.
    Outdated,
    /// Ours, but what would be written now isn't known: the configuration is broken, or it is a model server, which no
    /// configuration describes.
    Unknown,
    NotOurs,
}

/// What an operator wants to know first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Running,
    /// It waits for its time.
    Waiting,
    /// It should run and doesn't: its last process ended as if that was asked for, or was stopped.
    Stopped,
    /// It is started again and again.
    Looping,
    /// Its last run found something or failed.
    Failed,
    /// The supervisor doesn't have it.
    NotLoaded,
}

impl Service {
    /// `expected` is what would be written now, where that is known.
    ///
    /// # Errors
    /// The supervisor doesn't answer, or a file can't be read.
    pub fn status(&self, job: Job, expected: Option<&Values>) -> Result<Status, Trouble> {
        let state = self.supervisor().look(job)?;
        let age = state.pid.and_then(process::age);
        Ok(Status {
            job,
            file: self.file_state(job, expected)?,
            health: health(job, &state, age),
            state,
        })
    }

    /// # Errors
    /// A file can't be read.
    pub fn file_state(&self, job: Job, expected: Option<&Values>) -> Result<FileState, Trouble> {
        let paths = self.place.paths(job);
        let kept: Result<Vec<Kept>, Trouble> = paths.iter().map(|path| Kept::at(path)).collect();
        let kept = kept?;
        if kept.contains(&Kept::NotOurs) {
            return Ok(FileState::NotOurs);
        }
        if kept.iter().all(|kept| *kept == Kept::Nothing) {
            return Ok(FileState::Absent);
        }
        let Some(values) = expected else {
            return Ok(FileState::Unknown);
        };
        let units = self.place.units(job, values)?;
        let same = units
            .into_iter()
            .zip(kept)
            .all(|(unit, kept)| kept == Kept::Ours(unit.text));
        Ok(match same {
            true => FileState::Current,
            false => FileState::Outdated,
        })
    }
}

fn health(job: Job, state: &State, age: Option<Duration>) -> Health {
    let failed = state.last_end.as_ref().is_some_and(|end| end.is_failure());
    match (state.loaded, state.pid, job) {
        (false, None, _) => Health::NotLoaded,
        (_, _, Job::Gateway | Job::ModelServer) if state.is_looping(age) => Health::Looping,
        (_, Some(_), _) => Health::Running,
        (true, None, Job::Gateway | Job::ModelServer) => Health::Stopped,
        (true, None, Job::Disk) if failed => Health::Failed,
        (true, None, Job::Disk) => Health::Waiting,
    }
}

impl Status {
    /// Nothing to do about it.
    pub fn is_well(&self) -> bool {
        let file = match self.job {
            Job::Gateway | Job::Disk => self.file == FileState::Current,
            Job::ModelServer => self.file == FileState::Unknown,
        };
        file && matches!(self.health, Health::Running | Health::Waiting)
    }

    /// Nothing of it is here.
    pub fn is_absent(&self) -> bool {
        self.file == FileState::Absent && self.health == Health::NotLoaded
    }
}

impl FileState {
    pub fn as_str(self) -> &'static str {
        match self {
            FileState::Absent => "absent",
            FileState::Current => "current",
            FileState::Outdated => "outdated",
            FileState::Unknown => "unknown",
            FileState::NotOurs => "not ours",
        }
    }
}

impl Health {
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Running => "running",
            Health::Waiting => "waiting",
            Health::Stopped => "stopped",
            Health::Looping => "looping",
            Health::Failed => "failed",
            Health::NotLoaded => "not loaded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::End;
    use super::*;

    fn state(loaded: bool, pid: Option<u32>, code: Option<i32>) -> State {
        State {
            loaded,
            pid,
            starts: Some(5),
            last_end: code.map(End::Code),
            waits_to_restart: false,
        }
    }

    #[test]
    fn each_state_has_one_word() {
        let young = Some(Duration::from_secs(1));
        let old = Some(Duration::from_secs(3600));
        for (job, state, age, expected) in [
            (
                Job::Gateway,
                state(false, None, None),
                None,
                Health::NotLoaded,
            ),
            (
                Job::Gateway,
                state(true, Some(7), None),
                young,
                Health::Running,
            ),
            (
                Job::Gateway,
                state(true, Some(7), Some(71)),
                old,
                Health::Running,
            ),
            (
                Job::Gateway,
                state(true, Some(7), Some(71)),
                young,
                Health::Looping,
            ),
            (
                Job::Gateway,
                state(true, None, Some(71)),
                None,
                Health::Looping,
            ),
            (
                Job::Gateway,
                state(true, None, Some(0)),
                None,
                Health::Stopped,
            ),
            (Job::Disk, state(true, None, None), None, Health::Waiting),
            (Job::Disk, state(true, None, Some(0)), None, Health::Waiting),
            (Job::Disk, state(true, None, Some(1)), None, Health::Failed),
            (
                Job::Disk,
                state(true, Some(7), Some(1)),
                young,
                Health::Running,
            ),
        ] {
            assert_eq!(
                health(job, &state, age),
                expected,
                "{job:?} {state:?} {age:?}"
            );
        }
    }
}
