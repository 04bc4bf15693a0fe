//! The questions, at a terminal of the test's own, and that without one nobody is asked.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{open, Mode, OFlags};
use rustix::pty::{grantpt, openpt, ptsname, unlockpt, OpenptFlags};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use super::{empty, file, text, vllm};
use crate::support::gateway::Builder;
use crate::support::{within, Output, Upstream, DEADLINE};

/// `sidegate init` at a terminal: what is typed goes there, the questions come from stderr.
struct Typist {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
    terminal: File,
}

impl Typist {
    fn start(home: &Builder, ports: &[u16]) -> Typist {
        let (terminal, stdin) = terminal();
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        command
            .args(["init", "--ports", &ports.join(",")])
            .env_clear()
            .env("HOME", home.home())
            .current_dir(home.home())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the binary runs");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        Typist {
            child,
            stderr,
            said: String::new(),
            terminal,
        }
    }

    /// Waits for the question and types the answer; `\u{4}` ends the input.
    async fn answer(&mut self, question: &str, answer: &str) {
        let began = self.said.len();
        let waited = async {
            while !self.said[began..].contains(question) {
                let letter = self.stderr.read_u8().await;
                let letter = letter.unwrap_or_else(|_| panic!("{question:?} in {}", self.said));
                self.said.push(char::from(letter));
            }
        };
        within(DEADLINE, format!("the question {question:?}"), waited).await;
        let typed = self.terminal.write_all(answer.as_bytes());
        typed.expect("our own terminal");
    }

    async fn end(mut self) -> Output {
        let mut rest = String::new();
        let ended = async {
            let _ = self.stderr.read_to_string(&mut rest).await;
            self.child.wait_with_output().await
        };
        let output = within(DEADLINE, "its end", ended).await.expect("our child");
        Output {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: self.said + &rest,
        }
    }
}

/// Our end, and the one that a program takes for a terminal.
fn terminal() -> (File, OwnedFd) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("its rights");
    unlockpt(&ours).expect("it opens");
    let name = ptsname(&ours, Vec::new()).expect("its name");
    // It must not become the terminal of whoever runs the tests.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = open(name.as_c_str(), flags, Mode::empty());
    (ours.into(), theirs.expect("the other end"))
}

#[tokio::test]
async fn without_a_terminal_nobody_is_asked_and_the_flags_are_named() {
    let (home, server) = (empty(), Upstream::start(vllm("m")).await);
    let ports = server.addr().port().to_string();

    let output = home.run(&["init", "--ports", &ports]).await;

    assert_eq!(output.code, 64, "{output:?}");
    for flag in ["--yes", "--server URL", "--family", "--model", "--key-file"] {
        assert!(output.stderr.contains(flag), "{flag}: {output:?}");
    }
    assert!(!home.home().join(".sidegate").exists());
    assert!(server.requests().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn one_server_and_a_return_are_enough() {
    let (home, server) = (empty(), Upstream::start(vllm("m")).await);
    let mut typist = Typist::start(&home, &[server.addr().port()]);

    typist.answer("[Y/n]", "\n").await;

    let output = typist.end().await;
    assert_eq!(super::secret(&output).len(), output.stdout.len() - 1);
    assert!(output.stderr.contains("route chat: m, default"));
    assert!(text(&file(&home)).contains("model: \"m\""));
}

#[tokio::test]
async fn of_several_servers_the_chosen_ones_are_written() {
    let (home, one) = (empty(), Upstream::start(vllm("one")).await);
    let two = Upstream::start(vllm("two")).await;
    let mut typist = Typist::start(&home, &[one.addr().port(), two.addr().port()]);

    typist.answer("Which of them?", "7\n").await;
    typist.answer("numbers from 1 to 2", "").await;
    typist.answer("Which of them?", "2\n").await;
    typist.answer("[Y/n]", "perhaps\n").await;
    typist.answer("[Y/n]", "y\n").await;

    assert_eq!(typist.end().await.code, 0);
    let written = text(&file(&home));
    assert!(written.contains("\"two\"") && !written.contains("\"one\""));
}

#[tokio::test]
async fn where_nothing_is_found_an_address_is_asked_for() {
    let (home, server) = (empty(), Upstream::start(vllm("m")).await);
    let silent = Upstream::start(crate::support::plain::html(200)).await;
    let mut typist = Typist::start(&home, &[silent.addr().port()]);

    typist.answer("Its address", "nonsense\n").await;
    typist
        .answer("Its address", &format!("http://{}\n", server.addr()))
        .await;
    typist.answer("[Y/n]", "yes\n").await;

    let output = typist.end().await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stderr.contains("`nonsense` is no address"));
    assert!(text(&file(&home)).contains(&server.addr().to_string()));
}

#[tokio::test]
async fn a_no_or_the_end_of_the_input_writes_nothing() {
    for answer in ["n\n", "\u{4}"] {
        let (home, server) = (empty(), Upstream::start(vllm("m")).await);
        let mut typist = Typist::start(&home, &[server.addr().port()]);

        typist.answer("[Y/n]", answer).await;

        let output = typist.end().await;
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("nothing was written"), "{output:?}");
        assert!(!home.home().join(".sidegate").exists());
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}
