//! The commands: what they print, and the exit codes that scripts and supervisors rely on.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::stage::Stage;
use crate::support::gateway::Builder;
use crate::support::{plain, Gateway, Output};

mod breakers;
mod check;
pub mod demo;
mod disk;
mod doctor;
mod drain;
mod explain;
mod init;
mod reload;
mod service;
mod smoke;
mod supervised;
mod token;

/// A gateway's configuration that needs no upstream which answers.
fn quiet() -> Builder {
    Gateway::builder()
        .upstream("a", "http://127.0.0.1:9/v1")
        .route("chat", "m", &["a"])
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("JSON on stdout: {output:?}"))
}

#[tokio::test]
async fn a_port_in_use_ends_serve_at_once_with_71() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = holder.local_addr().expect("its address").to_string();
    for key in ["listen", "admin"] {
        let began = Instant::now();

        let started = quiet().set(key, address.as_str()).try_start().await;

        let output = started.err().expect("no gateway");
        assert_eq!(output.code, 71, "{output:?}");
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
        let said = format!("cannot start: {key}: cannot bind {address}");
        assert!(output.stderr.contains(&said), "{output:?}");
    }
}

#[tokio::test]
async fn a_second_gateway_on_one_state_folder_is_refused_with_71() {
    let gateway = quiet().start().await;

    let output = gateway.run(&["serve"]).await;

    assert_eq!(output.code, 71, "{output:?}");
    assert!(output.stderr.contains("state_dir: "), "{output:?}");
    assert!(gateway.is_running());
}

#[tokio::test]
async fn a_wrong_word_is_a_usage_mistake_and_a_question_is_none() {
    let home = quiet();
    for (arguments, code) in [
        (&["sreve"][..], 64),
        (&[], 64),
        (&["check", "--nope"], 64),
        (&["--help"], 0),
        (&["--version"], 0),
    ] {
        let output = home.run(arguments).await;
        assert_eq!(output.code, code, "{arguments:?}: {output:?}");
    }
}

#[tokio::test]
async fn what_asks_a_running_gateway_says_when_there_is_none() {
    let home = quiet();
    for command in ["status", "reload"] {
        let output = home.run(&[command]).await;
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            output.stderr.contains("no gateway runs with state_dir"),
            "{output:?}"
        );
    }
}

#[tokio::test]
async fn a_gateway_that_died_is_none() {
    let gateway = quiet().start().await;
    gateway.kill().await;

    let output = gateway.run(&["status"]).await;

    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("no gateway runs"), "{output:?}");
}

#[tokio::test]
async fn status_is_for_people_and_for_scripts() {
    let stage = Stage::with(plain::overloaded(), |builder| builder.needs_places(32)).await;
    let failed = stage.chat().send().await;

    let text = stage.gateway.run(&["status"]).await;
    let status = stage.gateway.run(&["status", "--json"]).await;

    assert_eq!((text.code, status.code), (0, 0), "{text:?} {status:?}");
    let id = failed.correlation_id().expect("an id");
    assert!(text.stdout.contains(id), "{text:?}");
    let failure = "  chat   a         upstream_overloaded  ";
    assert!(text.stdout.contains(failure), "{text:?}");
    assert!(text.stdout.contains("interactive  0/32"), "{text:?}");
    assert_eq!(json(&status)["routes"][0]["name"], "chat");
}

#[tokio::test]
async fn status_finds_its_gateway_after_the_configuration_was_broken() {
    let gateway = quiet().start().await;
    let state_dir = gateway.state_dir();
    gateway.write_config(&format!("state_dir: {}\nroutes: 7\n", state_dir.display()));

    let output = gateway.run(&["status", "--json"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    assert_eq!(json(&output)["ready"], true);
}

#[tokio::test]
async fn routes_have_live_state_while_a_gateway_runs() {
    let gateway = quiet().start().await;

    let running = json(&gateway.run(&["routes", "--json"]).await);
    gateway.stop().await;
    let stopped = gateway.run(&["routes", "--json"]).await;
    let table = gateway.run(&["routes"]).await;

    assert_eq!(running["generation"], 1);
    assert_eq!(
        running["routes"][0]["targets"][0]["breaker"]["state"],
        "closed"
    );
    let row = &json(&stopped)["routes"][0];
    assert_eq!(row["aliases"][0], "m");
    assert_eq!(row["targets"][0]["breaker"], Value::Null);
    assert_eq!((stopped.code, table.code), (0, 0));
    assert!(table.stdout.contains("no live state"), "{table:?}");
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_crash() {
    let home = quiet();
    home.run(&["check"]).await;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sidegate"));
    let mut child = command
        .args(["schema"])
        .env_clear()
        .env("HOME", home.home())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");

    drop(child.stdout.take());

    let output = child.wait_with_output().expect("its end");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(output.status.code(), Some(0), "{stderr}");
}

#[tokio::test]
async fn the_schema_is_the_one_that_is_shipped() {
    let output = quiet().run(&["schema"]).await;

    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/sidegate.schema.json");
    let shipped = std::fs::read_to_string(shipped).expect("the shipped schema");
    assert_eq!(output.code, 0);
    assert_eq!(output.stdout, shipped);
}
