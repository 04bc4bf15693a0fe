//! Programs of the system that are asked for what no call tells: bounded in time, ended by us when they hang.
//!
//! Only where a system offers no files for it, as Linux does below `/proc`.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// `lsof` looks at every process of the host.
const PATIENCE: Duration = Duration::from_secs(3);

/// More than a host with thousands of processes has to say.
const LONGEST: u64 = 8 * 1024 * 1024;

/// What it says on stdout; none where it isn't there, says no text or takes too long.
pub fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn().ok()?;
    let heard = read_within(&mut child);
    let _ = child.kill();
    let _ = child.wait();
    heard
}

fn read_within(child: &mut Child) -> Option<String> {
    let output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(LONGEST).read_to_string(&mut text);
        let _ = sender.send(read.ok().map(|_| text));
    });
    receiver.recv_timeout(PATIENCE).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_heard_and_one_that_is_missing_says_nothing() {
        assert_eq!(said_by("echo", &["a b"]).as_deref(), Some("a b\n"));
        assert_eq!(said_by("no-such-program-anywhere", &[]), None);
    }
}
