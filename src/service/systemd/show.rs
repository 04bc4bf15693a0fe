//! Reads what `systemctl show` says of a unit.

use crate::service::state::{End, State};

/// What is asked for.
pub const PROPERTIES: &str =
    "LoadState,ActiveState,SubState,UnitFileState,MainPID,NRestarts,ExecMainCode,ExecMainStatus";

/// `ExecMainCode` of a process that ended by itself (`CLD_EXITED` of sigaction(2)); the others are signals.
const EXITED: &str = "1";

/// From the unit that has the process, and the one that is enabled; they may be the same.
pub fn read(process: &str, enabled: &str) -> State {
    let of = |key| value(process, key).unwrap_or_default();
    let active = value(enabled, "ActiveState").unwrap_or_default();
    let started = of("ExecMainCode") != "0" || of("MainPID") != "0";
    let restarts: Option<u64> = of("NRestarts").parse().ok();
    State {
        // A unit that was only written is neither: systemd knows its file and does nothing with it. One whose file was
        // removed may still run.
        loaded: value(enabled, "UnitFileState") == Some("enabled") || active != "inactive",
        pid: of("MainPID").parse().ok().filter(|pid| *pid != 0),
        starts: restarts.map(|restarts| restarts + u64::from(started)),
        last_end: end(of("ExecMainCode"), of("ExecMainStatus")),
        waits_to_restart: of("SubState") == "auto-restart",
    }
}

fn end(code: &str, status: &str) -> Option<End> {
    let status: i32 = status.parse().ok()?;
    match code {
        "0" | "" => None,
        EXITED => Some(End::Code(status)),
        _ => Some(End::Killed(format!("signal {status}"))),
    }
}

fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(load: &str, active: &str, sub: &str, file: &str, rest: &str) -> String {
        format!("LoadState={load}\nActiveState={active}\nSubState={sub}\nUnitFileState={file}\n{rest}\n")
    }

    #[test]
    fn a_running_unit_has_a_pid_and_its_restarts() {
        let rest = "MainPID=913\nNRestarts=3\nExecMainCode=0\nExecMainStatus=0";
        let text = shown("loaded", "active", "running", "enabled", rest);
        let expected = State {
            loaded: true,
            pid: Some(913),
            starts: Some(4),
            last_end: None,
            waits_to_restart: false,
        };
        assert_eq!(read(&text, &text), expected);
    }

    #[test]
    fn a_unit_between_two_starts_says_how_the_last_ended() {
        let rest = "MainPID=0\nNRestarts=9\nExecMainCode=1\nExecMainStatus=71";
        let text = shown("loaded", "activating", "auto-restart", "enabled", rest);
        let state = read(&text, &text);
        assert_eq!((state.pid, state.starts), (None, Some(10)));
        assert_eq!(state.last_end, Some(End::Code(71)));
        assert!(state.waits_to_restart);
    }

    #[test]
    fn a_signal_is_no_exit_code() {
        let rest = "MainPID=0\nNRestarts=0\nExecMainCode=2\nExecMainStatus=9";
        let text = shown("loaded", "failed", "failed", "enabled", rest);
        let expected = Some(End::Killed("signal 9".to_owned()));
        assert_eq!(read(&text, &text).last_end, expected);
    }

    #[test]
    fn a_timer_that_waits_is_taken_up_without_a_process() {
        let rest = "MainPID=0\nNRestarts=0\nExecMainCode=1\nExecMainStatus=1";
        let service = shown("loaded", "failed", "failed", "static", rest);
        let timer = shown("loaded", "active", "waiting", "enabled", "");
        let state = read(&service, &timer);
        assert!(state.loaded && state.pid.is_none());
        assert_eq!(state.last_end, Some(End::Code(1)));
    }

    #[test]
    fn a_unit_that_is_only_written_or_not_there_is_not_taken_up() {
        for (load, file) in [("loaded", "disabled"), ("not-found", "")] {
            let text = shown(load, "inactive", "dead", file, "MainPID=0\nNRestarts=0");
            let state = read(&text, &text);
            assert!(!state.loaded, "{load}");
        }
    }
}
