//! A child process: started, measured, ended by its id.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{getrlimit, kill_process, setrlimit, Pid, Resource, Rlimit, Signal};
use tokio::process::{Child, Command};

use crate::Fallible;

/// A thousand streams are two thousand sockets in a proxy.
const DESCRIPTORS: u64 = 16_384;

/// After this a child that was asked to end is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// User and system time of all its threads, those that ended included.
    pub cpu: Duration,
    pub resident_kib: u64,
    /// The most it ever was; where the system doesn't tell, what it is now.
    pub peak_kib: u64,
}

/// Killed when it is dropped.
pub struct Process {
    child: Child,
    pid: Pid,
}

impl Process {
    pub fn start(command: &mut Command) -> Fallible<Process> {
        let child = command
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("starting {:?}: {error}", command.as_std().get_program()))?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(id as i32))
            .ok_or("the child is gone already")?;
        Ok(Process { child, pid })
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub async fn usage(&self) -> Fallible<Usage> {
        let pid = self.pid.as_raw_nonzero().get();
        if cfg!(target_os = "linux") {
            return from_proc(pid).ok_or(format!("/proc/{pid} can't be read"));
        }
        from_ps(pid)
            .await
            .ok_or(format!("ps says nothing of {pid}"))
    }

    /// Asks it to end, waits, and kills it if it doesn't.
    pub async fn stop(mut self, signal: Signal) {
        // One that is gone already needs no signal.
        let _ = kill_process(self.pid, signal);
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        if ended.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: Some(limit.maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS)),
        maximum: limit.maximum,
    };
    // Too low a limit shows as a connection that is refused.
    let _ = setrlimit(Resource::Nofile, wanted);
}

/// proc(5): times are in ticks of 10 ms, which is what the rounds are long for.
fn from_proc(pid: i32) -> Option<Usage> {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, with whatever is in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: u32 = times.next()?.parse().ok()?;
    let system: u32 = times.next()?.parse().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Usage {
        cpu: TICK * (user + system),
        resident_kib: kib("VmRSS:")?,
        peak_kib: kib("VmHWM:")?,
    })
}

/// Where there is no /proc: `ps` of the BSDs prints `minutes:seconds.hundredths`.
async fn from_ps(pid: i32) -> Option<Usage> {
    let output = Command::new("ps")
        .args(["-o", "time=,rss=", "-p", &pid.to_string()])
        .output()
        .await
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut fields = text.split_whitespace();
    let (time, resident) = (fields.next()?, fields.next()?.parse().ok()?);
    let seconds = time.split(':').try_fold(0.0, |sum, part| {
        Some(sum * 60.0 + part.parse::<f64>().ok()?)
    })?;
    Some(Usage {
        cpu: Duration::from_secs_f64(seconds),
        resident_kib: resident,
        peak_kib: resident,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something() {
        let usage = from_proc(std::process::id() as i32);
        if cfg!(target_os = "linux") {
            let usage = usage.unwrap();
            assert!(usage.resident_kib > 0 && usage.peak_kib >= usage.resident_kib);
        }
    }
}
