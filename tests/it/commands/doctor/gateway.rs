//! What is wrong with the gateway that runs, or that none does.

use super::{expect, found, good, sound, DOCTOR};
use crate::support::{eventually, plain, Upstream};

#[tokio::test]
async fn that_none_runs_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let output = sound(&upstream).run(DOCTOR).await;
    expect(
        &output,
        "gateway",
        "warning",
        &["no gateway runs", "sidegate serve"],
    );
    assert_eq!(output.code, 1, "{output:?}");
}

#[tokio::test]
async fn a_change_that_was_not_taken_fails_and_is_explained() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;
    let state_dir = gateway.state_dir();
    let broken = format!("state_dir: {}\nroutes: 7\n", state_dir.display());
    assert_eq!(gateway.reload_config(&broken).await.code, 78);

    let output = gateway.run(DOCTOR).await;

    expect(&output, "configuration", "failure", &["routes"]);
    expect(
        &output,
        "last-reload",
        "warning",
        &["not taken", "generation 1 goes on"],
    );
}

#[tokio::test]
async fn what_waits_for_a_restart_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;
    gateway.edit("threads", 3);
    assert_eq!(gateway.reload().await.code, 0);

    let output = gateway.run(DOCTOR).await;

    expect(&output, "pending-restart", "warning", &["threads"]);
    assert_eq!(output.code, 1, "{output:?}");
}

#[tokio::test]
async fn an_open_breaker_is_a_warning_with_and_without_a_gateway() {
    let upstream = Upstream::start(plain::overloaded()).await;
    let gateway = sound(&upstream)
        .set("retry.max", 0)
        .set(
            "breaker",
            serde_json::json!({"threshold": 1, "cool_down": "5m"}),
        )
        .start()
        .await;
    assert_eq!(gateway.client().chat("m").send().await.status, 503);
    upstream.play(good());

    let running = gateway.run(DOCTOR).await;
    gateway.kill().await;
    let stopped = gateway.run(DOCTOR).await;

    for output in [running, stopped] {
        let said = ["open", "breakers reset 'a/m-on-a'"];
        expect(&output, "breakers", "warning", &said);
        assert_eq!(output.code, 1, "{output:?}");
    }
}

#[tokio::test]
async fn breakers_that_nobody_shares_are_a_warning() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream).file("in-the-way", "", 0o600);
    let below = home.home().join("in-the-way/breakers");
    let gateway = home.set("breaker.file", below.to_str()).start().await;

    let output = gateway.run(DOCTOR).await;

    expect(&output, "breaker-file", "warning", &["private memory"]);
}

#[tokio::test]
async fn a_gateway_that_hangs_holds_nobody_up() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;
    gateway.signal(rustix::process::Signal::STOP);
    let began = std::time::Instant::now();

    let output = gateway.run(DOCTOR).await;

    gateway.signal(rustix::process::Signal::CONT);
    assert!(began.elapsed() < std::time::Duration::from_secs(6));
    expect(&output, "gateway", "warning", &["control.sock"]);
    eventually("the gateway, awake again", async || {
        let awake = gateway.run(DOCTOR).await;
        let finding = found(&awake, "gateway");
        (finding["severity"] == "ok")
            .then_some(())
            .ok_or(finding.to_string())
    })
    .await;
}
