//! A gateway that is well and only can't be asked in the usual way: nobody is told to end it, or that none runs.

use super::{expect, findings, found, good, sound, DOCTOR};
use crate::support::{Gateway, Output, Upstream};

async fn running() -> Gateway {
    let upstream = Upstream::start(good()).await;
    sound(&upstream).start().await
}

#[track_caller]
fn nobody_is_to_be_ended(output: &Output) {
    let findings = findings(output);
    assert!(findings.len() > 10, "{output:?}");
    for finding in findings {
        let remedy = finding["remedy"].as_str().unwrap_or_default();
        assert!(!remedy.contains("kill"), "{finding}");
        assert!(!remedy.contains("sidegate serve"), "{finding}");
    }
}

#[tokio::test]
async fn without_its_note_of_the_ports_they_are_still_its_own() {
    let gateway = running().await;
    std::fs::remove_file(gateway.state_dir().join("run/ports.json")).expect("it was there");

    let output = gateway.run(DOCTOR).await;

    assert_eq!(found(&output, "ports")["severity"], "ok", "{output:?}");
    nobody_is_to_be_ended(&output);
}

#[tokio::test]
async fn one_that_hangs_has_its_own_ports() {
    let gateway = running().await;
    gateway.signal(rustix::process::Signal::STOP);

    let output = gateway.run(DOCTOR).await;

    gateway.signal(rustix::process::Signal::CONT);
    assert_eq!(found(&output, "ports")["severity"], "ok", "{output:?}");
    nobody_is_to_be_ended(&output);
}

#[tokio::test]
async fn a_changed_state_folder_hides_no_gateway() {
    let gateway = running().await;
    let state_dir = gateway.home().join("another");
    gateway.edit("state_dir", state_dir.to_str());
    gateway.run(&["reload"]).await;

    let output = gateway.run(DOCTOR).await;
    let status = gateway.run(&["status"]).await;

    nobody_is_to_be_ended(&output);
    let its_own = gateway.state_dir().display().to_string();
    let said = ["another state_dir", &its_own, "takes a restart"];
    expect(&output, "gateway", "warning", &said);
    expect(&output, "ports", "warning", &["belongs to a gateway"]);
    assert_eq!(status.code, 2, "{status:?}");
    for said in said {
        assert!(status.stderr.contains(said), "{said}: {status:?}");
    }
    assert!(!status.stderr.contains("no gateway runs"), "{status:?}");
}

#[tokio::test]
async fn a_state_folder_that_was_removed_hides_no_gateway() {
    let gateway = running().await;
    std::fs::remove_dir_all(gateway.state_dir().join("run")).expect("it was there");

    let output = gateway.run(DOCTOR).await;
    let status = gateway.run(&["status"]).await;

    nobody_is_to_be_ended(&output);
    expect(&output, "gateway", "warning", &["control.sock is gone"]);
    expect(&output, "ports", "warning", &["belongs to a gateway"]);
    assert!(status.stderr.contains("restart it"), "{status:?}");
}
