//! Tokens and keys are read again when their files change; what runs goes on.

use crate::stage::{expect_failure, Stage};
use crate::support::canary::word;
use crate::support::gateway::Caller;
use crate::support::tls::write;
use crate::support::{eventually, plain, sse, Latch, Script};

#[tokio::test]
async fn a_new_token_works_and_a_revoked_one_ends_with_its_running_stream() {
    let more = Latch::new();
    let script = Script::sequence([
        sse::chat(4).hold_before_token(3, &more).answer(),
        plain::chat("yes"),
    ]);
    let stage = Stage::with(script, |builder| builder.needs_places(2)).await;
    let running = stage.chat().stream().start().await;
    running.tokens(2).await;

    let operator = stage.gateway.caller("operator").clone();
    let fresh = Caller::new("fresh", &word("canaryFresh"), "invoke:chat");
    stage.gateway.write_callers(&[operator, fresh.clone()]);

    eventually("the new token", async || {
        let reply = stage.chat().token(&fresh.secret).send().await;
        match reply.status {
            200 => Ok(()),
            401 => Err(format!("{reply:?}")),
            other => panic!("{other}: {reply:?}"),
        }
    })
    .await;
    let (revoked, line) = stage.tell(&stage.chat()).await;
    expect_failure(&revoked, 401, "invalid_token");
    assert_eq!(line["code"], "invalid_token");
    more.open();
    let finished = running.finish().await;
    assert_eq!(
        (finished.tokens(), finished.has_done(), finished.is_whole()),
        (4, true, true)
    );
    let line = stage.line_of(&finished).await;
    assert_eq!(
        (&line["caller"], &line["config_generation"]),
        (&"agent".into(), &1.into())
    );
    stage.end().await;
}

#[tokio::test]
async fn a_new_key_reaches_the_upstream_and_the_old_one_never_again() {
    let stage = Stage::start(plain::chat("yes")).await;
    let old = stage.gateway.upstreams()[0].key.clone().expect("a key");
    assert_eq!(stage.chat().send().await.status, 200);
    assert_eq!(
        stage.last_seen().header("authorization"),
        Some(format!("Bearer {old}").as_str())
    );

    let new = word("canaryNewKey");
    write(stage.gateway.home(), "keys/a", &new, 0o400);
    eventually("the new key at the upstream", async || {
        assert_eq!(stage.chat().send().await.status, 200);
        match stage.last_seen().header("authorization") {
            Some(seen) if seen == format!("Bearer {new}") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;

    let before = stage.upstream.requests().len();
    for reply in crate::support::many(20, |_| {
        let request = stage.chat();
        async move { request.send().await }
    })
    .await
    {
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    let after = &stage.upstream.requests()[before..];
    assert!(after
        .iter()
        .all(|request| request.head.contains(&new) && !request.head.contains(&old)));
    // A connection on which the old key was sent carries no request with the new one.
    let connections_of = |key: &str| {
        let with = stage
            .upstream
            .requests()
            .into_iter()
            .filter(|request| request.head.contains(key));
        with.map(|request| request.connection)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert!(connections_of(&old).is_disjoint(&connections_of(&new)));
    stage.end().await;
}

#[tokio::test]
async fn a_token_file_with_a_mistake_changes_nothing() {
    let stage = Stage::start(plain::chat("yes")).await;
    let broken = Caller::new("broken", &word("canaryBroken"), "invoke:chat,fly:high");
    stage.gateway.write_callers(std::slice::from_ref(&broken));

    stage
        .gateway
        .wait_metrics("a rejected reload", |metrics| {
            metrics.value("sidegate_config_reloads_total", &[("result", "rejected")]) > Some(0.0)
        })
        .await;

    assert_eq!(
        stage.chat().send().await.status,
        200,
        "the callers from before"
    );
    expect_failure(
        &stage.chat().token(&broken.secret).send().await,
        401,
        "invalid_token",
    );
    let status = stage.gateway.status().await;
    let mistakes = status["config"]["last_reload"]["mistakes"].to_string();
    assert!(
        mistakes.contains("line 1") && mistakes.contains("scope 2"),
        "{mistakes}"
    );
    assert!(
        !mistakes.contains(&broken.secret) && !mistakes.contains("fly:high"),
        "{mistakes}"
    );
    stage.end().await;
}
