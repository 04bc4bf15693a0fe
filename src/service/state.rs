//! What a supervisor knows of one job, whichever supervisor it is.

use std::fmt;
use std::time::Duration;

/// A process that lives longer was not started in vain.
const SETTLED: Duration = Duration::from_secs(60);

/// Fewer starts may be anything: an update, a crash.
const MANY_STARTS: u64 = 3;

/// A job as its supervisor has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The supervisor has taken it up.
    pub loaded: bool,
    pub pid: Option<u32>,
    /// How often it was started since it was taken up.
    pub starts: Option<u64>,
    /// How its last process ended; none where none has, or the supervisor doesn't say.
    pub last_end: Option<End>,
    /// The supervisor waits before it starts it again.
    pub waits_to_restart: bool,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Code(i32),
    /// By a signal, or by the system for a reason of its own; in the supervisor's words.
    Killed(String),
}

impl State {
    /// Started again and again, without getting anywhere. `age` is how long the process has been there.
    pub fn is_looping(&self, age: Option<Duration>) -> bool {
        if self.waits_to_restart {
            return true;
        }
        let failed = self.last_end.as_ref().is_some_and(End::is_failure);
        let many = self.starts.is_some_and(|starts| starts >= MANY_STARTS);
        match self.pid {
            Some(_) => failed && many && age.is_some_and(|age| age < SETTLED),
            None => self.loaded && failed && many,
        }
    }
}

impl End {
    pub fn is_failure(&self) -> bool {
        match self {
            End::Code(code) => *code != 0,
            End::Killed(_) => true,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Code(code) => write!(out, "exit code {code}"),
            End::Killed(how) => write!(out, "{how}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(pid: Option<u32>, starts: u64, end: Option<End>) -> State {
        State {
            loaded: true,
            pid,
            starts: Some(starts),
            last_end: end,
            waits_to_restart: false,
        }
    }

    #[test]
    fn a_young_process_after_many_failures_is_a_loop() {
        let young = Some(Duration::from_secs(59));
        let old = Some(Duration::from_secs(60));
        for (state, age, looping) in [
            (state(Some(7), 3, Some(End::Code(71))), young, true),
            (
                state(Some(7), 3, Some(End::Killed("9".into()))),
                young,
                true,
            ),
            (state(Some(7), 3, Some(End::Code(71))), old, false),
            (state(Some(7), 3, Some(End::Code(71))), None, false),
            (state(Some(7), 2, Some(End::Code(71))), young, false),
            (state(Some(7), 9, Some(End::Code(0))), young, false),
            (state(Some(7), 9, None), young, false),
            (state(None, 3, Some(End::Code(71))), None, true),
            (state(None, 3, Some(End::Code(0))), None, false),
        ] {
            assert_eq!(state.is_looping(age), looping, "{state:?} {age:?}");
        }
    }

    #[test]
    fn a_job_that_waits_to_be_started_again_is_in_a_loop() {
        let mut state = state(None, 1, Some(End::Code(71)));
        state.waits_to_restart = true;
        assert!(state.is_looping(None));
    }
}
