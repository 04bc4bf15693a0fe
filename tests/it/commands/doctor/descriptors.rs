//! Too few files and sockets: for a process that is started from here, and for the gateway that runs.

use std::process::Stdio;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::{expect, findings, good, sound};
use crate::commands::json;
use crate::support::gateway::Builder;
use crate::support::{eventually, within, Output, Upstream, DEADLINE};

const DOCTOR: &[&str] = &["doctor", "--json", "--skip", "agents", "--skip", "service"];

/// As many as a login on macOS begins with.
const FEW: &str = "256";

/// A command of the binary that may have just so many.
fn limited(home: &Builder, limit: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "ulimit -n \"$0\" && exec \"$@\"", limit])
        .arg(env!("CARGO_BIN_EXE_sidegate"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.home())
        .env("SIDEGATE_CONFIG", home.home().join("sidegate.yaml"))
        .current_dir(home.home())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// It runs once its control socket answers.
async fn serve(home: &Builder, limit: &str) -> Child {
    let child = limited(home, limit, &["serve"]).spawn().expect("a shell");
    eventually("a gateway with few descriptors", async || {
        let status = home.run(&["status"]).await;
        match status.code {
            0 => Ok(()),
            _ => Err(format!("{status:?}")),
        }
    })
    .await;
    child
}

/// What is said of the gateway that runs.
#[track_caller]
fn of_the_gateway(output: &Output) -> serde_json::Value {
    let mut findings = findings(output).into_iter();
    let of_it =
        |one: &serde_json::Value| one["check"] == "descriptors" && one["subject"] == "the gateway";
    findings
        .find(of_it)
        .unwrap_or_else(|| panic!("a finding of it: {output:?}"))
}

#[tokio::test]
async fn a_shell_that_allows_few_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream);
    home.run(&["check"]).await;

    let ended = limited(&home, FEW, DOCTOR).output();
    let ended = within(DEADLINE, "its end", ended).await.expect("a shell");

    let output = Output {
        code: ended.status.code().expect("an exit code"),
        stdout: String::from_utf8_lossy(&ended.stdout).into_owned(),
        stderr: String::new(),
    };
    let said = ["a process may open 256", "service install"];
    expect(&output, "descriptors", "warning", &said);
    assert_eq!(json(&output)["verdict"], "warning", "{output:?}");
}

#[tokio::test]
async fn a_gateway_that_runs_with_few_is_a_warning_and_one_near_its_limit_says_how_near() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream);
    home.run(&["check"]).await;
    let _gateway = serve(&home, FEW).await;
    let ports = home.home().join(".sidegate/run/ports.json");
    let ports = std::fs::read_to_string(ports).expect("it runs");
    let ports: serde_json::Value = serde_json::from_str(&ports).expect("JSON");
    let listen = ports["listen"].as_str().expect("an address");

    let before = home.run(DOCTOR).await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(TcpStream::connect(listen).await.expect("a connection"));
    }
    let after = home.run(DOCTOR).await;

    let few = of_the_gateway(&before);
    assert_eq!(few["severity"], "warning", "{few}");
    assert!(few.to_string().contains("may have 256"), "{few}");
    // Linux tells how many are open.
    let near = of_the_gateway(&after);
    let is_near = near.to_string().contains("of the 256");
    assert!(is_near || !cfg!(target_os = "linux"), "{near}");
    assert_eq!((before.code, after.code), (1, 1), "{after:?}");
}
