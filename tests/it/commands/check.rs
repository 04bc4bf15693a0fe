//! `sidegate check`.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::quiet;
use crate::support::Gateway;

const BROKEN: &str = "
state_dir: {{state_dir}}
callers: {token_file: '{{token_file}}'}
upstreams:
  a: {url: 'http://127.0.0.1:9/v1', family: vlm}
routes:
  chat: {alias: [m], targets: [{upstream: b, model: x}], max_tokens: many}
";

#[tokio::test]
async fn every_mistake_is_said_at_once() {
    let output = Gateway::builder().raw_yaml(BROKEN).run(&["check"]).await;

    assert_eq!(output.code, 78, "{output:?}");
    for said in [
        "3 mistakes",
        "vllm",
        "routes.chat.targets[0].upstream",
        "routes.chat.max_tokens",
    ] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
    assert_eq!(output.stdout, "");
}

#[tokio::test]
async fn every_file_that_the_configuration_names_is_read() {
    let home = quiet();
    let key = home.home().join("keys/a");
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("our own file");
    let nowhere = home.home().join("nowhere");
    let home = home
        .set("callers.token_file", nowhere.to_str())
        .set("upstreams.a.url", "https://127.0.0.1:9/v1")
        .set(
            "upstreams.a.tls",
            serde_json::json!({"ca_file": key, "server_name": "a"}),
        );

    let output = home.run(&["check"]).await;

    assert_eq!(output.code, 78, "{output:?}");
    let key = key.display();
    for said in [
        "3 mistakes in the files",
        &format!("callers.token_file: {} cannot be read", nowhere.display()),
        &format!(
            "upstreams.a: {key} has mode 0644, and a secret needs 0400; run: chmod 0400 {key}"
        ),
        &format!("upstreams.a: {key}: holds no certificate"),
    ] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
}

#[tokio::test]
async fn mistakes_of_the_token_file_have_their_lines() {
    let output = quiet()
        .scopes("invoke:chat,lane:fast")
        .run(&["check"])
        .await;

    assert_eq!(output.code, 78, "{output:?}");
    assert!(output.stderr.contains("line 1: scope 2: "), "{output:?}");
}

#[tokio::test]
async fn warnings_are_printed_and_pass() {
    let home = quiet().token("short").scopes("invoke:caht");

    let output = home.run(&["check", "--explain"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output
            .stderr
            .contains("has 5 characters and can be guessed"),
        "{output:?}"
    );
    assert!(
        output
            .stderr
            .contains("names no route; did you mean `chat`?"),
        "{output:?}"
    );
    assert!(output.stdout.ends_with("sidegate.yaml: ok\n"), "{output:?}");
    assert!(output.stdout.contains("routes.chat.lane"), "{output:?}");
}

#[tokio::test]
async fn a_listeners_certificate_is_read_too() {
    let home = quiet();
    let key = home.home().join("keys/a");
    let tls = serde_json::json!({"cert_file": key, "key_file": key});

    let output = home.set("tls", tls).run(&["check"]).await;

    assert_eq!(output.code, 78, "{output:?}");
    assert!(output.stderr.contains("holds no certificate"), "{output:?}");
}

#[tokio::test]
async fn limits_of_a_caller_that_nobody_is_are_warned_of() {
    let limits = serde_json::json!({"agnet": {"streams": 2}});
    let builder = crate::support::Gateway::builder().set("callers.limits", limits);
    let builder = builder
        .upstream("a", "http://127.0.0.1:9/v1")
        .route("chat", "m", &["a"]);
    let output = builder.run(&["check"]).await;
    assert!(
        output
            .stderr
            .contains("callers.limits.agnet: the token file names no such caller"),
        "{output:?}"
    );
}

#[tokio::test]
async fn what_would_keep_it_from_starting_is_said_and_nothing_is_made() {
    let home = quiet().file(".sidegate/logs/access.jsonl", "", 0o600).file(
        ".sidegate/elsewhere",
        "",
        0o600,
    );
    let state = home.home().join(".sidegate");
    let (log, lock) = (state.join("logs/gateway.jsonl"), state.join("run/lock"));
    std::os::unix::fs::symlink(state.join("elsewhere"), &log).expect("a link");
    std::fs::create_dir_all(&lock).expect("a folder");

    let output = home.run(&["check"]).await;

    assert_eq!(output.code, 78, "{output:?}");
    for said in [
        "2 mistakes in the files and folders",
        &format!(
            "logs.dir: log file {}: it is a symbolic link",
            log.display()
        ),
        &format!("state_dir: {}: it is no plain file", lock.display()),
    ] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
    assert!(!state.join("logs/raw-errors.jsonl").exists());
}

#[tokio::test]
async fn folders_that_are_not_there_yet_are_no_mistake_and_stay_so() {
    let home = quiet();
    let output = home.run(&["check"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(!home.home().join(".sidegate/run").exists());
    assert!(!home.home().join(".sidegate/logs").exists());
}

#[tokio::test]
async fn a_pipe_in_place_of_a_log_or_of_the_run_folder_is_a_mistake() {
    let home = quiet().file(".sidegate/run", "", 0o600);
    let logs = home.home().join(".sidegate/logs");
    std::fs::create_dir_all(&logs).expect("a folder");
    let pipe = logs.join("access.jsonl");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());

    let output = home.run(&["check"]).await;

    assert_eq!(output.code, 78, "{output:?}");
    for said in [
        "access.jsonl: it is not a plain file",
        "run: it is no folder",
    ] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
}
