//! Servers that are named on the command line.

use super::{empty, file, secret, text, vllm};
use crate::support::{plain, refuse, Upstream};

#[tokio::test]
async fn a_named_server_is_asked_for_what_was_not_said() {
    let (home, server) = (empty(), Upstream::start(vllm("Qwen/Qwen3-32B")).await);
    let address = format!("http://{}", server.addr());

    let output = home
        .run(&["init", "--server", &address, "--caller", "agent-7"])
        .await;

    secret(&output);
    let written = text(&file(&home));
    assert!(
        written.contains(&format!("url: \"{address}/v1\"")),
        "{written}"
    );
    assert!(written.contains("family: vllm"), "{written}");
    assert!(
        written.contains("model: \"Qwen/Qwen3-32B\", context: 8192"),
        "{written}"
    );
    let token = text(&home.home().join(".openclaw/token"));
    assert!(token.starts_with("agent-7"), "{token}");
}

#[tokio::test]
async fn one_of_which_everything_was_said_needs_not_run() {
    let (home, server) = (empty(), refuse());
    let url = server.url();
    let key = home.home().join("key");
    let said = [
        "init", "--server", &url, "--family", "sglang", "--model", "a", "--model", "b",
    ];

    let output = home
        .run(&[&said[..], &["--key-file", key.to_str().expect("a path")]].concat())
        .await;

    secret(&output);
    let written = text(&file(&home));
    for part in [
        "family: sglang",
        "model: \"a\"",
        "model: \"b\"",
        "key_file:",
    ] {
        assert!(written.contains(part), "{part}: {written}");
    }
}

#[tokio::test]
async fn one_that_is_down_takes_every_name_and_that_is_said() {
    let (home, server) = (empty(), refuse());

    let output = home.run(&["init", "--server", &server.url()]).await;

    secret(&output);
    assert!(output.stderr.contains("doesn't answer"), "{output:?}");
    assert!(text(&file(&home)).contains("alias: [\"*\"]"));
}

#[tokio::test]
async fn a_named_stranger_is_refused() {
    let (home, page) = (empty(), Upstream::start(plain::html(200)).await);

    let output = home.run(&["init", "--server", &page.url()]).await;

    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.stderr.contains("is no model server"), "{output:?}");
    assert!(!file(&home).exists());
}

#[tokio::test]
async fn what_our_own_check_refuses_is_not_written() {
    let home = empty();
    // A gateway that would be its own upstream.
    let us = "http://127.0.0.1:8787/v1";

    let output = home
        .run(&["init", "--server", us, "--family", "other", "--model", "m"])
        .await;

    assert_eq!(output.code, 78, "{output:?}");
    assert!(output.stderr.contains("nothing was"), "{output:?}");
    assert!(!home.home().join(".sidegate").exists());
}
