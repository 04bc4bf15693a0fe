//! Saving the file in any way, a signal, the admin port, the control socket, the command: all do the same.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{json, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::stage::Stage;
use crate::support::{eventually, plain, within, Reply, DEADLINE};

/// Adds the alias `n` to the configuration as it stands in the file.
fn with_alias(stage: &Stage, alias: &str) -> String {
    let text = std::fs::read_to_string(stage.gateway.config_file()).expect("the configuration");
    let mut config: Value = serde_json::from_str(&text).expect("the harness writes JSON");
    let aliases = config["routes"]["chat"]["alias"].as_array_mut();
    aliases.expect("a list").push(json!(alias));
    config.to_string()
}

async fn expect_served(stage: &Stage, alias: &str) {
    let what = format!("a gateway that serves {alias}");
    eventually(what, async || {
        match stage.client().chat(alias).send().await {
            reply if reply.status == 200 => Ok(()),
            reply if reply.status == 404 => Err(format!("{reply:?}")),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_saved_file_takes_however_it_was_saved() {
    let stage = Stage::start(plain::chat("yes")).await;
    let file = stage.gateway.config_file();
    let folder = file.parent().expect("a folder").to_path_buf();

    // In place, as some editors write.
    std::fs::write(&file, with_alias(&stage, "in-place")).expect("saved");
    expect_served(&stage, "in-place").await;

    // Beside it and then over it, as the others do.
    std::fs::write(folder.join("new"), with_alias(&stage, "renamed")).expect("saved");
    std::fs::rename(folder.join("new"), &file).expect("renamed");
    expect_served(&stage, "renamed").await;

    // A link that is swapped, as configuration managers do.
    let version = |name: &str, text: String| {
        std::fs::create_dir_all(folder.join(name)).expect("a folder");
        std::fs::write(folder.join(name).join("sidegate.yaml"), text).expect("a version");
    };
    version("v1", with_alias(&stage, "linked"));
    let link = |to: &str, at: &Path| {
        let fresh = folder.join("link");
        std::os::unix::fs::symlink(folder.join(to), &fresh).expect("a link");
        std::fs::rename(fresh, at).expect("swapped");
    };
    link("v1", &folder.join("current"));
    link("current/sidegate.yaml", &file);
    expect_served(&stage, "linked").await;
    version("v2", with_alias(&stage, "swapped"));
    link("v2", &folder.join("current"));
    expect_served(&stage, "swapped").await;

    let status = stage.gateway.status().await;
    assert_eq!(status["config"]["last_reload"]["result"], "ok");
    assert_eq!(status["config"]["pending_restart"], json!([]));
    stage.end().await;
}

#[tokio::test]
async fn a_hangup_reads_it_again() {
    let stage = Stage::start(plain::chat("yes")).await;
    assert!(stage.gateway.is_running());
    for generation in 2..5 {
        stage.gateway.signal(Signal::HUP);
        stage
            .gateway
            .wait_metrics("one more generation", |metrics| {
                metrics.value("sidegate_config_generation", &[]) == Some(f64::from(generation))
            })
            .await;
    }
    let metrics = stage.gateway.metrics().await;
    assert_eq!(
        metrics.value("sidegate_config_reloads_total", &[("result", "ok")]),
        Some(3.0)
    );
    assert_eq!(stage.chat().send().await.status, 200);
    stage.end().await;
}

/// What a trigger says that has an answer.
fn expect_taken(answer: &Value) {
    assert_eq!(
        (&answer["result"], &answer["pending_restart"]),
        (&json!("ok"), &json!([])),
        "{answer}"
    );
    let changes = answer["changes"].as_array().expect("a list");
    // The file is watched as well: what a look at it has taken just before is no change any more.
    if answer["generation"] == 2 {
        let keys = changes
            .iter()
            .map(|change| change["key"].as_str().unwrap_or_default());
        assert!(
            keys.clone().any(|key| key.starts_with("routes.chat.alias")),
            "{answer}"
        );
        assert_eq!(keys.count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn when_the_admin_port_says_done_it_is_done() {
    let stage = Stage::start(plain::chat("yes")).await;
    stage.gateway.write_config(&with_alias(&stage, "n"));

    let reply = stage.gateway.admin_post("/reload").await;

    assert_eq!(reply.status, 200, "{reply:?}");
    expect_taken(&reply.json());
    assert_eq!(stage.client().chat("n").send().await.status, 200);
    stage.end().await;
}

#[tokio::test]
async fn only_an_operator_without_a_browser_may_order_it() {
    let stage = Stage::start(plain::chat("yes")).await;
    let admin = stage.gateway.admin();
    let order = |token: Option<&str>| {
        let request = admin
            .method("POST", "/reload")
            .header("content-length", "0");
        match token {
            Some(token) => request.token(token),
            None => request,
        }
    };
    let operator = stage.gateway.caller("operator").secret.clone();
    let agent = stage.gateway.caller("agent").secret.clone();
    let told = |reply: Reply| {
        (
            reply.status,
            reply.json()["error"]
                .as_str()
                .unwrap_or_default()
                .to_string(),
        )
    };

    assert_eq!(
        told(order(None).send().await),
        (401, "invalid_token".into())
    );
    assert_eq!(
        told(order(Some("wrong")).send().await),
        (401, "invalid_token".into())
    );
    assert_eq!(
        told(order(Some(&agent)).send().await),
        (403, "insufficient_scope".into())
    );
    for origin in ["https://evil.example", "null", "http://localhost:3000"] {
        let reply = order(Some(&operator)).header("origin", origin).send().await;
        assert_eq!(told(reply), (403, "origin_denied".into()));
    }
    let rebound = order(Some(&operator))
        .header("host", "evil.example")
        .send()
        .await;
    assert_eq!(told(rebound), (421, "host_denied".into()));
    assert_eq!(
        admin.get("/reload").token(&operator).send().await.status,
        405
    );
    // The data port has no such path.
    assert_eq!(
        stage
            .client()
            .method("POST", "/reload")
            .token(&operator)
            .send()
            .await
            .status,
        404
    );

    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.sum("sidegate_config_reloads_total", &[]), 0.0);
    stage.end().await;
}

#[tokio::test]
async fn the_owners_socket_needs_no_token() {
    let stage = Stage::start(plain::chat("yes")).await;
    let socket = stage.gateway.state_dir().join("run/control.sock");
    let mode = std::fs::metadata(&socket)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    stage.gateway.write_config(&with_alias(&stage, "n"));

    let asked = async {
        let mut stream = UnixStream::connect(&socket).await.expect("the socket");
        let request = b"POST /reload HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(request).await.expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    };
    let answer = within(DEADLINE, "an answer of the control socket", asked).await;

    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    expect_taken(&serde_json::from_str(body).expect("JSON"));
    assert_eq!(stage.client().chat("n").send().await.status, 200);
    stage.end().await;
}

#[tokio::test]
async fn the_command_says_what_changed_or_what_is_wrong() {
    let stage = Stage::start(plain::chat("yes")).await;

    let done = stage.gateway.reload_config(&with_alias(&stage, "n")).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(stage.client().chat("n").send().await.status, 200);

    let wrong = stage.gateway.reload_config("routes: 7").await;
    assert_eq!(wrong.code, 78, "{wrong:?}");
    let said = wrong.stdout + &wrong.stderr;
    assert!(
        said.contains("sidegate.yaml:1:9") && said.contains("routes"),
        "{said}"
    );
    assert_eq!(stage.client().chat("n").send().await.status, 200);
    stage.end().await;
}
