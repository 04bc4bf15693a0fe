//! What is wrong on the host itself: configuration, files, folders, ports.

use std::net::TcpListener;
use std::process::{Child, Command};

use super::{expect, found, good, mode, set_mode, sound, DOCTOR};
use crate::commands::json;
use crate::support::{Gateway, Upstream};

const BROKEN: &str = "
state_dir: {{state_dir}}
callers: {token_file: '{{token_file}}'}
upstreams: {a: {url: 'http://127.0.0.1:9/v1', family: vlm}}
routes: {chat: {alias: [m], targets: [{upstream: b, model: x}]}}
";

#[tokio::test]
async fn every_mistake_of_the_configuration_is_a_failure() {
    let output = Gateway::builder().raw_yaml(BROKEN).run(DOCTOR).await;

    expect(&output, "configuration", "failure", &["vllm"]);
    let mistakes = super::findings(&output);
    let mistakes = mistakes
        .iter()
        .filter(|one| one["check"] == "configuration");
    assert_eq!(mistakes.count(), 2, "{output:?}");
    assert_eq!(found(&output, "gateway")["severity"], "warning");
}

#[tokio::test]
async fn a_file_that_others_may_read_fails_until_fix_mends_it() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;
    let (token, key) = (gateway.home().join("token"), gateway.home().join("keys/a"));
    for path in [&token, &key] {
        set_mode(path, 0o644);
    }

    let before = gateway.run(DOCTOR).await;
    let fixed = gateway.run(&[DOCTOR, &["--fix"]].concat()).await;

    let remedy = format!("chmod 0400 {}", token.display());
    let finding = expect(&before, "token-file", "failure", &["has mode 0644"]);
    assert_eq!(finding["remedy"], remedy.as_str());
    expect(
        &before,
        "key-files",
        "failure",
        &["upstreams.a", "has mode 0644"],
    );
    assert_eq!(fixed.code, 0, "{fixed:?}");
    let done = json(&fixed)["fixed"].to_string();
    assert!(done.contains(&remedy), "{done}");
    assert_eq!((mode(&token), mode(&key)), (0o400, 0o400));
}

#[tokio::test]
async fn tokens_that_can_be_guessed_or_are_over_are_warnings() {
    let upstream = Upstream::start(good()).await;
    let short = sound(&upstream).token("short").run(DOCTOR).await;
    let scopes = "invoke:* expires=2001-01-01T00:00:00Z";
    let over = sound(&upstream).scopes(scopes).run(DOCTOR).await;

    expect(&short, "token-file", "warning", &["can be guessed"]);
    expect(&over, "token-file", "warning", &["has expired"]);
}

#[tokio::test]
async fn a_token_file_that_is_a_link_or_missing_fails() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream);
    let link = home.home().join("link");
    std::os::unix::fs::symlink(home.home().join("token"), &link).expect("a link");
    let linked = home
        .set("callers.token_file", link.to_str())
        .run(DOCTOR)
        .await;
    let home = sound(&upstream);
    let nowhere = home.home().join("nowhere");
    let missing = home
        .set("callers.token_file", nowhere.to_str())
        .run(DOCTOR)
        .await;

    expect(&linked, "token-file", "failure", &["symbolic link"]);
    expect(&missing, "token-file", "failure", &["cannot be read"]);
}

#[tokio::test]
async fn a_key_file_that_is_a_link_or_missing_fails() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream);
    let (key, moved) = (home.home().join("keys/a"), home.home().join("keys/moved"));
    std::fs::rename(&key, &moved).expect("our own file");
    let missing = home.run(DOCTOR).await;
    std::os::unix::fs::symlink(&moved, &key).expect("a link");
    let linked = home.run(DOCTOR).await;

    for output in [&missing, &linked] {
        expect(output, "key-files", "failure", &["upstreams.a", "keys/a"]);
    }
    expect(&linked, "key-files", "failure", &["symbolic link"]);
}

#[tokio::test]
async fn what_belongs_to_somebody_else_fails_and_fix_leaves_it_alone() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("SKIPPED: only root can give a file away");
    }
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;
    let token = gateway.home().join("token");
    set_mode(&token, 0o644);
    for path in [&token, &gateway.state_dir()] {
        std::os::unix::fs::chown(path, Some(54_321), None).expect("we are root");
    }

    let output = gateway.run(&[DOCTOR, &["--fix"]].concat()).await;

    expect(&output, "token-file", "failure", &["54321"]);
    let said = ["belongs to user 54321", "sudo chown"];
    expect(&output, "state-folder", "failure", &said);
    assert_eq!(mode(&token), 0o644);
    std::os::unix::fs::chown(gateway.state_dir(), Some(0), None).expect("we are root");
}

#[tokio::test]
async fn a_port_of_ours_that_another_has_is_named_with_its_owner() {
    let upstream = Upstream::start(good()).await;
    let holder = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = holder.local_addr().expect("its address").port();

    let output = sound(&upstream)
        .set("admin", format!("127.0.0.1:{port}"))
        .run(DOCTOR)
        .await;

    let us = format!("(pid {})", std::process::id());
    let finding = expect(&output, "ports", "failure", &["is taken by", &us]);
    assert_eq!(finding["subject"], "admin");
    expect(&output, "exposure", "warning", &["0.0.0.0", &us]);
}

#[tokio::test]
async fn folders_that_cannot_be_are_failures_and_missing_ones_are_made_by_fix() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream).file("in-the-way", "", 0o600);
    let below = home.home().join("in-the-way/logs");
    let bad_logs = home.set("logs.dir", below.to_str()).run(DOCTOR).await;
    let home = sound(&upstream).file("in-the-way", "", 0o600);
    let in_the_way = home.home().join("in-the-way");
    let home = home.set("state_dir", in_the_way.to_str());
    let bad_state = home.run(DOCTOR).await;
    let home = sound(&upstream);
    let missing = home.run(DOCTOR).await;
    let made = home.run(&[DOCTOR, &["--fix"]].concat()).await;

    expect(&bad_logs, "log-folder", "failure", &["in-the-way"]);
    expect(&bad_state, "state-folder", "failure", &["is no folder"]);
    expect(&missing, "state-folder", "warning", &["isn't there yet"]);
    expect(&missing, "log-folder", "warning", &["--fix"]);
    assert_eq!(found(&made, "state-folder")["severity"], "ok", "{made:?}");
    assert_eq!(mode(&home.home().join(".sidegate/logs")), 0o700);
}

#[tokio::test]
async fn a_link_in_place_of_a_log_is_a_failure() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream).file(".sidegate/logs/elsewhere", "", 0o600);
    let logs = home.home().join(".sidegate/logs");
    let log = logs.join("access.jsonl");
    std::os::unix::fs::symlink(logs.join("elsewhere"), log).expect("a link");

    let output = home.run(DOCTOR).await;

    let said = ["access.jsonl: it is a symbolic link", "move it away"];
    expect(&output, "log-folder", "failure", &said);
}

#[tokio::test]
async fn folders_and_logs_that_others_may_look_into_are_warnings() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;
    set_mode(&gateway.state_dir(), 0o755);
    set_mode(&gateway.state_dir().join("logs/access.jsonl"), 0o644);

    let before = gateway.run(DOCTOR).await;
    let after = gateway.run(&[DOCTOR, &["--fix"]].concat()).await;

    expect(
        &before,
        "state-folder",
        "warning",
        &["has mode 0755", "chmod 0700"],
    );
    expect(
        &before,
        "log-folder",
        "warning",
        &["access.jsonl", "chmod 0600"],
    );
    assert_eq!((before.code, after.code), (1, 0), "{after:?}");
}

#[tokio::test]
async fn a_full_disk_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).set("disk.alert_percent", 1).start().await;

    let output = gateway.run(DOCTOR).await;

    let evidence = found(&output, "disk")["evidence"].to_string();
    if !evidence.contains(" 0.") {
        expect(&output, "disk", "warning", &["% full", "sidegate disk"]);
    }
}

#[tokio::test]
async fn a_base_url_that_points_at_us_is_a_warning() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream).set("listen", "127.0.0.1:8787");

    let output = home
        .env("OPENAI_BASE_URL", "http://localhost:8787/v1")
        .run(DOCTOR)
        .await;

    let said = ["OPENAI_BASE_URL points at this gateway"];
    expect(&output, "environment", "warning", &said);
}

/// Ends with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn an_agent_of_our_own_user_is_named() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream);
    let program = home.home().join("openclaw");
    std::fs::copy("/bin/sleep", &program).expect("a copy");
    let agent = Agent(Command::new(&program).arg("60").spawn().expect("it runs"));

    let output = home.run(&["doctor", "--json"]).await;

    let named = format!("openclaw (pid {})", agent.0.id());
    expect(
        &output,
        "agents",
        "warning",
        &[&named, "0400 hides nothing"],
    );
}
