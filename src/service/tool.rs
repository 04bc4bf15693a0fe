//! Runs the supervisor's own command and reads its answer, for a limited time.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::trouble::Trouble;

/// How often to look whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A command of the system.
#[derive(Debug, Clone)]
pub struct Tool {
    program: OsString,
}

/// What it said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// None when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Tool {
    /// A name is looked up in PATH.
    pub fn new(program: impl Into<OsString>) -> Tool {
        let program = program.into();
        Tool { program }
    }

    /// Runs it to its end, whatever it says.
    ///
    /// # Errors
    /// It can't be run, or takes longer than `patience`; then it is ended.
    pub fn ask(&self, arguments: &[&str], patience: Duration) -> Result<Answer, Trouble> {
        let trouble = |error| Trouble::Tool {
            command: self.line(arguments),
            error,
        };
        let mut child = Command::new(&self.program)
            .args(arguments)
            // What it says is read here, so it has to be in one language.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(trouble)?;
        let stdout = child.stdout.take().map(text_of);
        let stderr = child.stderr.take().map(text_of);
        let ended = end_of(&mut child, patience).map_err(trouble)?;
        Ok(Answer {
            code: ended.code(),
            stdout: joined(stdout),
            stderr: joined(stderr),
        })
    }

    pub fn refusal(
        &self,
        arguments: &[&str],
        answer: &Answer,
        advice: Option<&'static str>,
    ) -> Trouble {
        Trouble::Refused {
            command: self.line(arguments),
            answer: answer.summary(),
            advice,
        }
    }

    fn line(&self, arguments: &[&str]) -> String {
        format!("{} {}", self.program.to_string_lossy(), arguments.join(" "))
    }
}

impl Answer {
    /// Its words in one line, or how it ended where it has none.
    pub fn summary(&self) -> String {
        let said = match self.stderr.trim() {
            "" => self.stdout.trim(),
            said => said,
        };
        match (said, self.code) {
            ("", Some(code)) => format!("exit code {code}"),
            ("", None) => "ended by a signal".to_owned(),
            (said, _) => said.lines().map(str::trim).collect::<Vec<_>>().join(" "),
        }
    }
}

fn end_of(child: &mut Child, patience: Duration) -> io::Result<ExitStatus> {
    for _ in 0..=patience.as_millis() / LOOK_EVERY.as_millis() {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    child.kill()?;
    child.wait()?;
    let text = format!("it has not ended within {} s", patience.as_secs());
    Err(io::Error::new(io::ErrorKind::TimedOut, text))
}

/// Read beside, so that a full pipe holds up nobody.
fn text_of(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until it broke off is all there is.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn joined(reader: Option<JoinHandle<String>>) -> String {
    let text = reader.and_then(|reader| reader.join().ok());
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_and_how_it_ends_is_heard() {
        let answer = Tool::new("/bin/sh").ask(
            &["-c", "echo out; echo err >&2; exit 3"],
            Duration::from_secs(10),
        );
        let expected = Answer {
            code: Some(3),
            stdout: "out\n".to_owned(),
            stderr: "err\n".to_owned(),
        };
        assert_eq!(answer.unwrap(), expected);
    }

    #[test]
    fn more_than_a_pipe_holds_is_read() {
        let script = "yes | head -c 300000";
        let answer = Tool::new("/bin/sh").ask(&["-c", script], Duration::from_secs(10));
        assert_eq!(answer.unwrap().stdout.len(), 300_000);
    }

    #[test]
    fn one_that_hangs_is_ended() {
        let hung = Tool::new("/bin/sh").ask(&["-c", "exec sleep 60"], Duration::ZERO);
        let said = hung.unwrap_err().to_string();
        assert!(said.ends_with("it has not ended within 0 s"), "{said}");
    }

    #[test]
    fn one_that_is_not_there_is_named() {
        let none = Tool::new("/nowhere/launchctl").ask(&["print", "x"], Duration::ZERO);
        let said = none.unwrap_err().to_string();
        assert!(
            said.starts_with("cannot run `/nowhere/launchctl print x`: "),
            "{said}"
        );
    }
}
