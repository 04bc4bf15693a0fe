//! Reads what `launchctl print` says of a job.
//!
//! Apple promises nothing about this text, so what isn't found is unknown and nothing else is concluded from it. Only
//! lines of the job itself count: blocks within it have a `state` too.

use crate::service::state::{End, State};

/// A job that launchd has.
pub fn read(text: &str) -> State {
    let mut state = State {
        loaded: true,
        ..State::default()
    };
    let mut waits = false;
    for (key, value) in own_lines(text) {
        match key {
            "state" => waits = is_waiting(value),
            "pid" => state.pid = value.parse().ok(),
            "runs" => state.starts = value.parse().ok(),
            "last exit code" => state.last_end = state.last_end.or(code(value)),
            // This line stands in place of the exit code, or beside an old one.
            "last terminating signal" | "last exit reason" => {
                state.last_end = Some(End::Killed(value.to_owned()));
            }
            _ => {}
        }
    }
    let failed = state.last_end.as_ref().is_some_and(End::is_failure);
    state.waits_to_restart = waits && failed && state.pid.is_none();
    state
}

/// `78: EX_CONFIG` is 78; `(never exited)` is none.
fn code(value: &str) -> Option<End> {
    let number = value.split(':').next().unwrap_or_default();
    number.trim().parse().ok().map(End::Code)
}

/// launchd will start it by itself. A nightly job is `not running` instead.
fn is_waiting(state: &str) -> bool {
    matches!(state, "spawn scheduled" | "throttled" | "waiting to spawn")
}

/// The `key = value` lines of the outermost block.
fn own_lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut depth = 0u32;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        let own = depth == 1;
        match line {
            "}" => depth = depth.saturating_sub(1),
            _ if line.ends_with('{') => depth += 1,
            _ => return own.then(|| line.split_once(" = "))?,
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: &str = "gui/501/dev.sidegate.gateway = {\n\tactive count = 1\n\tpath = /Users/us/x.plist\n\tstate = running\n\n\
        \tprogram = /usr/local/bin/sidegate\n\targuments = {\n\t\t/usr/local/bin/sidegate\n\t\tserve\n\t}\n\n\
        \tdefault environment = {\n\t\tPATH => /usr/bin:/bin\n\t}\n\n\tdomain = gui/501 [100005]\n\tminimum runtime = 10\n\
        \texit timeout = 25\n\truns = 4\n\tpid = 913\n\timmediate reason = semaphore\n\tlast exit code = 71: EX_OSERR\n\n\
        \tsemaphores = {\n\t\tsuccessful exit => 0\n\t}\n\n\tjetsam coalition = {\n\t\tstate = active\n\t\tpid = 1\n\t\truns = 77\n\
        \t}\n\n\tspawn type = interactive (4)\n}\n";

    #[test]
    fn only_the_lines_of_the_job_itself_count() {
        let expected = State {
            loaded: true,
            pid: Some(913),
            starts: Some(4),
            last_end: Some(End::Code(71)),
            waits_to_restart: false,
        };
        assert_eq!(read(RUNNING), expected);
    }

    #[test]
    fn the_last_end_has_many_forms() {
        let killed = |how: &str| Some(End::Killed(how.to_owned()));
        for (lines, end) in [
            ("last exit code = (never exited)", None),
            ("last exit code = 0", Some(End::Code(0))),
            ("last exit code = 78: EX_CONFIG", Some(End::Code(78))),
            ("last terminating signal = Killed: 9", killed("Killed: 9")),
            (
                "last terminating signal = Killed: 9\n\tlast exit code = 1",
                killed("Killed: 9"),
            ),
            (
                "last exit code = 1\n\tlast terminating signal = Abort trap: 6",
                killed("Abort trap: 6"),
            ),
            ("nothing of the kind", None),
        ] {
            let text = format!("x = {{\n\t{lines}\n}}\n");
            assert_eq!(read(&text).last_end, end, "{lines}");
        }
    }

    #[test]
    fn a_job_between_two_starts_waits_for_the_next() {
        let at = |state: &str, end: &str| {
            let text = format!("x = {{\n\tstate = {state}\n\tlast exit code = {end}\n}}\n");
            read(&text).waits_to_restart
        };
        assert!(at("spawn scheduled", "71: EX_OSERR"));
        assert!(!at("spawn scheduled", "(never exited)"));
        assert!(!at("not running", "1"));
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        for text in ["", "}", "}\n}\n{", "x = {\n\tpid = many\n\tstate\n"] {
            let expected = State {
                loaded: true,
                ..State::default()
            };
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
