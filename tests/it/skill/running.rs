//! A reload while a request runs: it ends under the rules that it began with.

use super::reload::save;
use super::*;
use crate::support::Latch;

#[tokio::test]
async fn a_running_request_keeps_its_manifest() {
    let (begun, rest) = (Latch::new(), Latch::new());
    let slow = Answer::new()
        .open(&begun)
        .wait_for(&rest)
        .then(plain::chat(MISFIT));
    let stage = stage_with(ADDRESSED, slow, |builder| builder.set("retry.max", 0)).await;
    let exchange = mail(&stage).start().await;
    begun.wait("a request at the upstream").await;

    save(
        &stage,
        "mail.yaml",
        "skill: mail\nrequest: {required: [user]}\n",
    );
    let output = stage.gateway.reload().await;
    assert_eq!(output.code, 0, "{output:?}");
    let new = mail(&stage).send().await;
    rest.open();

    expect_violation(&new, "/user", "required");
    expect_misfit(&exchange.finish().await, "/content/to", "required");
    stage.end().await;
}

#[tokio::test]
async fn a_skill_that_is_gone_ends_its_requests_as_they_were() {
    let (begun, rest) = (Latch::new(), Latch::new());
    let slow = Answer::new()
        .open(&begun)
        .wait_for(&rest)
        .then(plain::chat(FITTING));
    let stage = stage(
        &format!("{ADDRESSED}\nbudget: {{tokens: 9000, per: day}}"),
        slow,
    )
    .await;
    let exchange = mail(&stage).start().await;
    begun.wait("a request at the upstream").await;

    std::fs::remove_file(folder(stage.gateway.home()).join("mail.yaml")).expect("removed");
    assert_eq!(stage.gateway.reload().await.code, 0);
    rest.open();

    let reply = exchange.finish().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let line = stage.line_of(&reply).await;
    assert_eq!(told(&line), (1, Some(true), 0, 0));
    expect_failure(&mail(&stage).send().await, 400, "skill_unknown");
    stage.end().await;
}
