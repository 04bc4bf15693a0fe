//! `keepalive`: a waiting stream gets comments, and behind them everything goes on as if nobody had said anything.

use super::*;

/// Between two comments; a fifth of what an upstream may take for its head or stay silent.
const BEAT: Duration = Duration::from_millis(150);

async fn beating(a: impl Into<Script>, b: impl Into<Script>) -> Stage {
    Stage::set_up(a, b, |gateway| {
        gateway
            .set("routes.whole.keepalive", "150ms")
            .set("routes.chat.keepalive", "150ms")
    })
    .await
}

/// At least so many comments before the answer, the first of them in time, and one behind it that says who answered.
fn expect_company(told: &Told, beats: usize, closing: &str) {
    let reply = &told.reply;
    let comments = reply.comments();
    let said = |event: &crate::support::Event| event.comment.clone().unwrap_or_default();
    let waiting = comments
        .iter()
        .filter(|it| said(it) == "keep-alive")
        .count();
    assert!(waiting >= beats, "{waiting} comments: {reply:?}");
    let first = comments[0].at - reply.sent_at;
    assert!(
        (BEAT..3 * BEAT).contains(&first),
        "the first comment after {first:?}"
    );
    assert_eq!(comments.last().map(said).as_deref(), Some(closing));
    assert_eq!(
        reply.header("x-sidegate-upstream"),
        None,
        "not known when the head went out"
    );
}

#[tokio::test]
async fn a_slow_whole_answer_is_waited_for_in_company() {
    let slow = sse::chat_saying("A", 10).every(Duration::from_millis(80));
    let late = sse::chat_saying("A", 60).wait_before_head(Duration::from_millis(700));
    let stage = beating(
        Script::sequence([slow.answer(), late.answer()]),
        sse::chat(1),
    )
    .await;
    for tokens in [10, 60] {
        let told = stage.tell(stage.whole()).await;
        told.expect_whole("A", tokens).expect_attempts(1);
        expect_company(&told, 3, "sidegate upstream=a attempts=1 queue_ms=0");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_late_first_token_is_waited_for_in_company() {
    let late = sse::chat_saying("A", 60).wait_before_token(1, Duration::from_millis(500));
    let stage = beating(late, sse::chat(1)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 60).expect_attempts(1);
    expect_company(&told, 2, "sidegate upstream=a attempts=1 queue_ms=0");
    let first_token = told.line["first_token_seconds"].as_f64();
    assert!(
        first_token >= Some(0.5),
        "a comment is no token: {first_token:?}"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_stall_is_repeated_elsewhere_behind_the_comments() {
    let stalled = sse::chat_saying("A", 60).hang_after_token(20);
    let slow = sse::chat_saying("B", 6).every(Duration::from_millis(60));
    let second = Script::sequence([sse::chat_saying("B", 60).answer(), slow.answer()]);
    let stage = beating(stalled, second).await;
    for tokens in [60, 6] {
        let told = stage.tell(stage.whole()).await;
        told.expect_whole("B", tokens).expect_attempts(2);
        expect_company(&told, 3, "sidegate upstream=b attempts=2 queue_ms=0");
    }
    stage.end().await;
}

#[tokio::test]
async fn when_all_fail_behind_the_comments_the_stream_ends_in_our_event() {
    let stalled = |name: &str| sse::chat_saying(name, 60).hang_after_token(20).answer();
    let second = Script::sequence([plain::overloaded(), stalled("B")]);
    let stage = beating(stalled("A"), second).await;
    let told = stage.tell(stage.whole()).await;
    told.expect_interrupted(0, "upstream_idle_timeout")
        .expect_attempts(3);
    assert!(told.reply.comments().len() >= 6, "{:?}", told.reply);
    stage.end().await;
}

/// The wait that a server asked for belongs to the client's waiting too.
#[tokio::test]
async fn a_wait_between_attempts_is_kept_company_too() {
    let later = plain::status(503, &[("retry-after", "1")], "{}");
    let script = Script::sequence([later, sse::chat_saying("A", 9).answer()]);
    let stage = Stage::set_up(script, sse::chat(1), |gateway| {
        gateway.set("routes.alone.keepalive", "300ms")
    })
    .await;
    let told = stage.tell(stage.alone()).await;
    told.expect_whole("A", 9).expect_attempts(2);
    let comments = told.reply.comments();
    assert!(comments.len() >= 3, "{comments:?}");
    assert!(comments[0].at - told.reply.sent_at >= Duration::from_millis(300));
    stage.end().await;
}

#[tokio::test]
async fn a_failure_before_the_first_comment_keeps_its_status() {
    let stage = beating(plain::content_policy_violation(), sse::chat(1)).await;
    let told = stage.tell(stage.whole()).await;
    told.expect_failure(400, "content_policy_violation")
        .expect_attempts(1);
    stage.end().await;
}

/// A client that was promised a stream can't be given anything else.
#[tokio::test]
async fn behind_the_comments_only_a_stream_will_do() {
    let late = plain::chat("from a").after(Duration::from_millis(400));
    let stage = beating(late, sse::chat_saying("B", 9)).await;
    let told = stage.tell(stage.whole()).await;
    told.expect_whole("B", 9).expect_attempts(2);
    stage.end().await;
}

#[tokio::test]
async fn an_answer_in_one_piece_gets_no_comments() {
    let stage = beating(
        plain::chat("a").after(Duration::from_millis(400)),
        sse::chat(1),
    )
    .await;
    let told = stage.tell(stage.plain()).await;
    assert_eq!(told.reply.text(), "a");
    assert_eq!(told.reply.json(), plain::chat_body("a"));
    stage.end().await;
}

#[tokio::test]
async fn a_client_that_leaves_between_comments_is_noticed() {
    let stage = beating(Answer::new().close_reset(), Answer::new().hang()).await;
    let exchange = stage.whole().start().await;
    let two = |reply: &Reply| reply.comments().len() >= 2;
    exchange.until("two comments", two).await;
    let left_at = Instant::now();
    let told = stage.told(exchange.leave().await).await;
    let after = stage.b.wait_closed(0, DEADLINE).await - left_at;
    assert!(
        after < Duration::from_millis(250),
        "the upstream was let go after {after:?}"
    );
    assert_eq!(told.line["code"], "client_closed", "{}", told.line);
    told.expect_attempts(2);
    stage.end().await;
}
