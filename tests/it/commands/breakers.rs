//! `sidegate breakers`, with a gateway and without one.

use std::os::unix::fs::PermissionsExt;

use super::{json, quiet};
use crate::stage::Stage;
use crate::support::plain;

/// The name has slashes, as those of most models.
const MODEL: &str = "org/big";

/// A gateway whose one breaker has just opened, for five minutes.
async fn open() -> Stage {
    let stage = Stage::with(plain::overloaded(), |builder| {
        builder
            .set("routes.chat.targets.0.model", MODEL)
            .set("retry.max", 0)
            .set("breaker.threshold", 1)
            .set("breaker.cool_down", "5m")
    })
    .await;
    assert_eq!(stage.chat().send().await.status, 503);
    stage
}

fn is_open(output: &crate::support::Output) {
    assert_eq!(output.code, 1, "{output:?}");
    let row = &json(output)["breakers"][0];
    assert_eq!(row["upstreams"][0], "a", "{row}");
    assert_eq!(row["model"], MODEL, "{row}");
    assert_eq!(row["state"], "open", "{row}");
    let left = row["retry_in_seconds"].as_u64().expect("a time");
    assert!((200..=300).contains(&left), "{row}");
}

#[tokio::test]
async fn an_open_one_is_seen_while_the_gateway_runs_and_after_it_was_killed() {
    let stage = open().await;

    is_open(&stage.gateway.run(&["breakers", "--json"]).await);
    stage.gateway.kill().await;
    is_open(&stage.gateway.run(&["breakers", "--json"]).await);

    let table = stage.gateway.run(&["breakers"]).await;
    assert_eq!(table.code, 1, "{table:?}");
    assert!(table.stdout.contains("refused; probe in 4m"), "{table:?}");
}

#[tokio::test]
async fn the_gateway_that_runs_closes_it_and_the_next_request_goes() {
    let stage = open().await;
    stage.upstream.play(plain::chat("mended"));
    assert_eq!(
        stage.chat().send().await.code().as_deref(),
        Some("circuit_open")
    );

    let which = format!("a/{MODEL}");
    let reset = stage.gateway.run(&["breakers", "reset", &which]).await;

    assert_eq!(reset.code, 0, "{reset:?}");
    let said = "a/org/big: 1 breaker is closed again, by the gateway that runs\n";
    assert_eq!(reset.stdout, said);
    assert_eq!(stage.chat().send().await.status, 200);
    assert_eq!(stage.gateway.run(&["breakers"]).await.code, 0);
    stage.end().await;
}

#[tokio::test]
async fn without_a_gateway_it_is_closed_in_the_file_for_the_next_one() {
    let mut stage = open().await;
    stage.gateway.kill().await;

    let reset = stage.gateway.run(&["breakers", "reset", "a"]).await;
    let again = stage.gateway.run(&["breakers", "reset", "a"]).await;

    assert_eq!(
        reset.stdout, "a: 1 breaker is closed again, in the file, as no gateway runs\n",
        "{reset:?}"
    );
    assert!(again.stdout.starts_with("a: not open"), "{again:?}");
    assert_eq!((reset.code, again.code), (0, 0));
    assert_eq!(stage.gateway.run(&["breakers"]).await.code, 0);
    stage.upstream.play(plain::chat("mended"));
    stage.gateway.start_again().await;
    assert_eq!(stage.chat().send().await.status, 200);
}

#[tokio::test]
async fn a_name_that_no_route_has_is_refused_with_those_there_are() {
    let gateway = quiet().start().await;
    let running = gateway.run(&["breakers", "reset", "a/other"]).await;
    gateway.kill().await;
    let stopped = gateway.run(&["breakers", "reset", "b"]).await;

    for (output, name) in [(running, "a/other"), (stopped, "b")] {
        assert_eq!(output.code, 64, "{output:?}");
        let said = format!("no route names {name} (there are: a/m-on-a)");
        assert!(output.stderr.contains(&said), "{output:?}");
    }
}

#[tokio::test]
async fn where_no_gateway_has_run_all_are_closed() {
    let home = quiet();

    let list = home.run(&["breakers"]).await;
    let reset = home.run(&["breakers", "reset", "a"]).await;

    assert_eq!((list.code, reset.code), (0, 0), "{list:?} {reset:?}");
    assert!(list.stdout.contains("no breaker file "), "{list:?}");
    let made = home.home().join(".sidegate/run/breakers.v1");
    assert!(!made.exists(), "looking makes no file");
}

#[tokio::test]
async fn a_file_that_is_none_is_a_failure_and_stays_as_it_is() {
    let home = quiet().file(".sidegate/run/breakers.v1", "not a breaker file", 0o600);
    for arguments in [&["breakers"][..], &["breakers", "reset", "a"]] {
        let output = home.run(arguments).await;
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.contains("it has 18 bytes"), "{output:?}");
    }
    let file = home.home().join(".sidegate/run/breakers.v1");
    let metadata = std::fs::metadata(file).expect("it is still there");
    assert_eq!(
        (metadata.len(), metadata.permissions().mode() & 0o777),
        (18, 0o600)
    );
}

#[tokio::test]
async fn with_a_broken_configuration_the_gateway_that_runs_is_asked() {
    let stage = open().await;
    let state_dir = stage.gateway.state_dir();
    let broken = format!("state_dir: {}\nroutes: 7\n", state_dir.display());
    stage.gateway.write_config(&broken);

    let running = stage.gateway.run(&["breakers", "--json"]).await;
    stage.gateway.kill().await;
    let stopped = stage.gateway.run(&["breakers"]).await;

    is_open(&running);
    assert!(running.stderr.contains("routes"), "{running:?}");
    assert_eq!(stopped.code, 78, "{stopped:?}");
}

#[tokio::test]
async fn one_in_private_memory_is_seen_too() {
    let stage = Stage::with(plain::overloaded(), |builder| {
        let builder = builder.file("in-the-way", "", 0o600);
        let below = builder.home().join("in-the-way/breakers");
        builder
            .set("breaker.file", below.to_str())
            .set("routes.chat.targets.0.model", MODEL)
            .set("retry.max", 0)
            .set("breaker.threshold", 1)
            .set("breaker.cool_down", "5m")
    })
    .await;
    assert_eq!(stage.chat().send().await.status, 503);

    let output = stage.gateway.run(&["breakers", "--json"]).await;
    let status = stage.gateway.run(&["status"]).await;

    is_open(&output);
    assert!(output.stderr.contains("private memory"), "{output:?}");
    assert!(status.stderr.contains("private memory"), "{status:?}");
}

#[tokio::test]
async fn a_file_that_is_gone_hides_no_open_one() {
    let stage = open().await;
    let file = stage.gateway.state_dir().join("run/breakers.v1");
    std::fs::remove_file(file).expect("it was there");

    is_open(&stage.gateway.run(&["breakers", "--json"]).await);
}
