//! `sidegate reload`.

use super::quiet;
use crate::stage::Stage;
use crate::support::plain;

#[tokio::test]
async fn it_prints_what_changed() {
    let gateway = quiet().set("routes.chat.max_tokens", 99).start().await;
    gateway.edit("routes.chat.max_tokens", 77);

    let output = gateway.reload().await;

    assert_eq!(output.code, 0, "{output:?}");
    // Also when the gateway had seen the saved file first.
    assert!(
        output
            .stdout
            .contains("  routes.chat.max_tokens: 99 -> 77\n"),
        "{output:?}"
    );
}

#[tokio::test]
async fn it_names_what_waits_for_a_restart() {
    let gateway = quiet().start().await;
    gateway.edit("threads", 3);

    let output = gateway.reload().await;

    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output.stdout.contains("taken only by a restart: threads\n"),
        "{output:?}"
    );
}

#[tokio::test]
async fn mistakes_are_printed_and_change_nothing() {
    let stage = Stage::start(plain::chat("hello")).await;
    stage.gateway.edit("routes.chat.targets.0.upstream", "b");
    stage.gateway.edit("threads", 0);

    let output = stage.gateway.reload().await;

    assert_eq!(output.code, 78, "{output:?}");
    for said in ["not taken", "routes.chat.targets[0].upstream", "threads"] {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
    assert_eq!(stage.chat().send().await.status, 200);
}
