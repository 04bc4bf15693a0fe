//! `commit: first_token`: what has begun can't be taken back, so it is delivered and marked.

use super::streams::{fitting, misfit};
use super::*;
use crate::support::{eventually, Latch};

#[tokio::test]
async fn a_stream_that_has_begun_is_delivered_and_marked() {
    let stage = stage(ADDRESSED, misfit()).await;

    let (reply, line) = stage.tell(&mail(&stage).stream()).await;

    assert_eq!(
        (reply.status, reply.is_whole(), reply.has_done()),
        (200, true, true),
        "{reply:?}"
    );
    assert!(reply.text().contains(MISFIT_WORD), "{reply:?}");
    assert_eq!(line["code"], "ok", "{line}");
    assert_eq!(told(&line), (1, Some(false), 0, 0));
    assert_eq!(ended(&stage.gateway, "misfit_sent").await, 1.0);
    assert_eq!(ended(&stage.gateway, "ok").await, 0.0);
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.sum("sidegate_schema_retries_total", &[]), 0.0);
    stage.end().await;
}

#[tokio::test]
async fn a_stream_goes_out_as_it_comes_whatever_its_skill() {
    let (begun, rest) = (Latch::new(), Latch::new());
    let stream = sse::chat(5)
        .tell_before_token(3, &begun)
        .hold_before_token(3, &rest);
    let stage = stage(ADDRESSED, stream).await;
    let exchange = mail(&stage).stream().start().await;
    begun.wait("two tokens on their way").await;
    eventually("two tokens at the client", async || {
        match exchange.so_far().tokens() {
            2 => Ok(()),
            tokens => Err(format!("{tokens}")),
        }
    })
    .await;
    rest.open();
    let reply = exchange.finish().await;
    assert_eq!(reply.tokens(), 5, "{reply:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_says_nothing_at_all_can_still_be_taken_back() {
    let script = Script::sequence([saying(&[]).answer(), fitting().answer()]);
    let stage = stage(ADDRESSED, script).await;

    let (reply, line) = stage.tell(&mail(&stage).stream()).await;

    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, FITTING),
        "{reply:?}"
    );
    assert_eq!((told(&line).0, told(&line).1), (2, Some(true)));
    stage.end().await;
}

#[tokio::test]
async fn a_stream_that_was_cut_is_judged_by_nobody() {
    let stage = stage(ADDRESSED, sse::chat(9).cut_after_token(4)).await;

    let (reply, line) = stage.tell(&mail(&stage).stream()).await;

    assert_eq!(
        reply.code().as_deref(),
        Some("stream_interrupted"),
        "{reply:?}"
    );
    assert_eq!(told(&line), (1, None, 0, 0));
    assert_eq!(ended(&stage.gateway, "failed").await, 1.0);
    stage.end().await;
}
