//! `sidegate explain`: one request's story out of the log files.

use std::fs;
use std::io::Write;

use serde_json::json;

use super::{json, quiet};
use crate::stage::Stage;
use crate::support::canary::UPSTREAM_BODY;
use crate::support::{laws, plain, Gateway, Upstream};

mod time;

#[tokio::test]
async fn a_request_that_went_elsewhere_is_told_attempt_by_attempt() {
    let (a, b) = (
        Upstream::start(plain::rate_limited(Some("30"))).await,
        Upstream::start(plain::chat("hello")).await,
    );
    let builder = Gateway::builder().upstream("a", &a).upstream("b", &b);
    let gateway = builder.route("chat", "m", &["a", "b"]).start().await;
    let reply = gateway.client().chat("m").send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let id = reply.correlation_id().expect("an id");
    gateway.wait_access(id).await;

    let output = gateway.run(&["explain", id]).await;

    assert_eq!(output.code, 0, "{output:?}");
    for said in [
        id,
        "caller      agent\n",
        "route       chat\n",
        "lane        interactive\n",
        "answer      200 ok\n",
        "tokens      7 prompt, 5 completion, reported",
        "what a said to attempt 1: status 429, application/json\n",
        "Rate limit reached for the-model",
    ] {
        assert!(output.stdout.contains(said), "{said}: {output:?}");
    }
    let rows: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("ATTEMPT"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows[1][..4],
        ["1", "a", "rate_limited", "429"],
        "{output:?}"
    );
    assert_eq!(rows[2][..4], ["2", "b", "ok", "200"], "{output:?}");
    assert!(!output.stdout.contains("what to do"), "{output:?}");
    laws::check(&gateway, &[&a, &b]).await;
}

#[tokio::test]
async fn a_failure_is_told_with_the_servers_own_words_and_a_hint_also_without_a_gateway() {
    let stage = Stage::start(plain::model_missing("the-model")).await;
    let (_, line) = stage.tell(&stage.chat()).await;
    let id = line["correlation_id"].as_str().expect("an id");
    assert_eq!(line["code"], "upstream_model_missing", "{line}");
    stage.end().await;
    stage.gateway.stop().await;

    let text = stage.gateway.run(&["explain", id]).await;
    let script = json(&stage.gateway.run(&["explain", id, "--json"]).await);

    assert_eq!(text.code, 0, "{text:?}");
    for said in [
        "502 upstream_model_missing: ",
        "The model `the-model` does not exist.",
        UPSTREAM_BODY,
        "what to do: ",
    ] {
        assert!(text.stdout.contains(said), "{said}: {text:?}");
    }
    assert_eq!(script["access"], line);
    assert_eq!(script["raw_errors"][0]["status"], 404);
    assert!(script["hint"].is_string(), "{script}");
}

#[tokio::test]
async fn an_id_used_again_is_the_newest_request_alone() {
    let stage = Stage::start(plain::error(500, "server_error", "boom", "an old story")).await;
    let chat = || stage.chat().correlation_id("again");
    let (first, _) = stage.tell(&chat()).await;
    assert_eq!(first.status, 502, "{first:?}");
    stage.upstream.play(plain::chat("well"));
    assert_eq!(chat().send().await.status, 200);
    let lines = async || match stage.gateway.access_lines().len() {
        2 => Ok(()),
        count => Err(format!("{count} lines")),
    };
    crate::support::eventually("both lines", lines).await;

    let output = stage.gateway.run(&["explain", "again"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("200 ok\n"), "{output:?}");
    assert!(
        output
            .stdout
            .contains("1 request earlier with the same id in "),
        "{output:?}"
    );
    assert!(!output.stdout.contains("an old story"), "{output:?}");
}

#[tokio::test]
async fn a_request_in_a_file_that_was_moved_aside_is_found() {
    let home = quiet();
    let logs = home.home().join(".sidegate/logs");
    fs::create_dir_all(&logs).expect("a folder");
    let line = |id: &str| {
        let line = json!({"correlation_id": id, "status": 200, "code": "ok"});
        format!("{line}\n")
    };
    let aside = |name: &str| fs::File::create(logs.join(name)).expect("a file");
    let mut plain = aside("access-20260102T030405Z-000.jsonl");
    plain
        .write_all(line("old").as_bytes())
        .expect("room for it");
    let packed = aside("access-20260101T000000Z-000.jsonl.gz");
    let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    packed
        .write_all(line("older").as_bytes())
        .expect("room for it");
    packed.finish().expect("room for it");

    for id in ["old", "older"] {
        let found = home.run(&["explain", id]).await;
        assert_eq!(found.code, 0, "{found:?}");
        assert!(found.stdout.contains("200 ok\n"), "{found:?}");
    }
    assert_eq!(home.run(&["explain", "oldest"]).await.code, 2);
}

#[tokio::test]
async fn an_unknown_id_says_where_it_was_looked_for_and_where_it_may_be() {
    let stage = Stage::start(plain::chat("hello")).await;
    stage.tell(&stage.chat()).await;

    let output = stage.gateway.run(&["explain", "nobody"]).await;

    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{output:?}");
    let logs = stage.gateway.logs_dir().display().to_string();
    for said in [
        &logs,
        "(access.jsonl)",
        "rotated away",
        "dropped",
        "under way",
    ] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_an_id_is_a_usage_mistake() {
    let output = quiet().run(&["explain", "no id\u{1b}[2J"]).await;
    assert_eq!(output.code, 64, "{output:?}");
    assert!(!output.stderr.contains('\u{1b}'), "{output:?}");
}

#[tokio::test]
async fn with_a_broken_configuration_and_no_earlier_one_the_folder_has_to_be_named() {
    let stage = Stage::start(plain::chat("hello")).await;
    let (_, line) = stage.tell(&stage.chat()).await;
    let id = line["correlation_id"].as_str().expect("an id");
    let logs = stage.gateway.logs_dir().display().to_string();
    stage.gateway.write_config("routes: 7");
    let kept = stage.gateway.state_dir().join("run/last-good.yaml");
    std::fs::remove_file(kept).expect("it was kept");

    let unnamed = stage.gateway.run(&["explain", id]).await;
    let named = stage.gateway.run(&["explain", id, "--logs", &logs]).await;

    assert_eq!(unnamed.code, 78, "{unnamed:?}");
    assert!(unnamed.stderr.contains("--logs"), "{unnamed:?}");
    assert_eq!(named.code, 0, "{named:?}");
}

#[tokio::test]
async fn right_after_the_answer_its_line_is_waited_for() {
    let stage = Stage::start(plain::chat("well")).await;
    for _ in 0..5 {
        let reply = stage.chat().send().await;
        let id = reply.correlation_id().expect("an id");
        let output = stage.gateway.run(&["explain", id]).await;
        assert_eq!(output.code, 0, "{output:?}");
    }
    stage.end().await;
}

#[tokio::test]
async fn with_a_broken_configuration_the_logs_of_the_last_good_one_are_read() {
    let stage = Stage::with(plain::chat("well"), |builder| {
        let logs = builder.home().join("logs-elsewhere");
        builder.set("logs.dir", logs.to_str())
    })
    .await;
    let reply = stage.chat().send().await;
    let id = reply.correlation_id().expect("an id");
    let state_dir = stage.gateway.state_dir();
    let broken = format!("state_dir: {}\nroutes: 7\n", state_dir.display());
    stage.gateway.write_config(&broken);

    let output = stage.gateway.run(&["explain", id]).await;

    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("200 ok\n"), "{output:?}");
    for said in ["routes", "the configuration that served last"] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
}
