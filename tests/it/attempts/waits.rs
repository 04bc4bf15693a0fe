//! How long a wait is: what the server asked for and never less, the backoff where it asked for nothing that makes sense,
//! and none at all where the wait would be too long.

use std::collections::HashMap;
use std::sync::Mutex;

use super::*;

/// What a server says beside its 429, and what comes of it.
struct Case {
    headers: Vec<(&'static str, String)>,
    /// The wait: at least this.
    least: Duration,
    /// And less than this, with room for a busy machine.
    most: Duration,
}

fn case(headers: &[(&'static str, &str)], least: u64, most: u64) -> Case {
    Case {
        headers: headers
            .iter()
            .map(|(name, value)| (*name, value.to_string()))
            .collect(),
        least: Duration::from_millis(least),
        most: Duration::from_millis(most),
    }
}

/// Room for a busy machine: what is understood wrongly is further away.
const ROOM: u64 = 2500;

fn alias(number: usize) -> String {
    format!("case-{number}")
}

/// A route for each case, all of them to `a`, so that none is in the pace of another.
fn a_route_each(gateway: Builder, count: usize) -> Builder {
    (0..count).fold(gateway, |gateway, number| {
        let alias = alias(number);
        gateway
            .route(&alias, &alias, &["a"])
            .set(&format!("routes.{alias}.timeouts.total"), "20s")
            .set(&format!("routes.{alias}.timeouts.plain"), "20s")
    })
}

/// Each answer once for its route; whoever comes again is served.
fn once_each(answers: Vec<Answer>) -> Script {
    let numbered = answers.into_iter().enumerate();
    let left = numbered.map(|(number, answer)| (format!("{}-on-a", alias(number)), answer));
    let left = Mutex::new(left.collect::<HashMap<_, _>>());
    Script::by(move |ask| {
        let model = ask.model().expect("a model");
        let first = left.lock().expect("no panic held it").remove(&model);
        first.unwrap_or_else(|| plain::chat("served"))
    })
}

/// The cases all at once: how long each waited before it was served.
async fn hold(cases: Vec<Case>, answer: impl Fn(&[(&str, &str)]) -> Answer) {
    let with = |case: &Case| {
        let headers = case
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        answer(&headers.collect::<Vec<_>>())
    };
    let script = once_each(cases.iter().map(with).collect());
    let count = cases.len();
    let stage = Stage::set_up(script, Answer::new(), |gateway| {
        a_route_each(gateway, count).needs_places(count as u64)
    })
    .await;
    let client = stage.gateway.client();
    let replies = many(count, |number| {
        let request = client.chat(&alias(number));
        async move { request.send().await }
    });
    for (reply, case) in replies.await.into_iter().zip(&cases) {
        let what = format!("{:?}", case.headers);
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "served"),
            "{what} {reply:?}"
        );
        let id = reply.correlation_id().expect("an id").to_string();
        let seen = stage.a.requests().into_iter();
        let seen = seen.filter(|request| request.correlation_id() == Some(&id));
        let gaps = gaps(&seen.collect::<Vec<_>>());
        let [gap] = gaps[..] else {
            panic!("{what}: waited {gaps:?}")
        };
        assert!(
            (case.least..case.most).contains(&gap),
            "{what}: waited {gap:?}"
        );
    }
    stage.end().await;
}

/// IMF-fixdate, so many seconds after a moment long ago.
const LONG_AGO: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[tokio::test]
async fn what_was_asked_for_is_waited_for_in_every_form() {
    let cases = vec![
        case(&[("retry-after", "1")], 1000, 1000 + ROOM),
        case(&[("retry-after", "0")], 0, ROOM),
        case(&[("retry-after", "1.5")], 1500, 1500 + ROOM),
        case(&[("Retry-After-Ms", "1200")], 1200, 1200 + ROOM),
        // The finer of two that agree as far as rounding goes.
        case(
            &[("retry-after", "2"), ("retry-after-ms", "1400")],
            1400,
            1400 + ROOM,
        ),
        // The three forms of a date, measured against the answer's own.
        case(
            &[
                ("date", LONG_AGO),
                ("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT"),
            ],
            2000,
            2000 + ROOM,
        ),
        case(
            &[
                ("date", LONG_AGO),
                ("retry-after", "Sunday, 06-Nov-94 08:49:39 GMT"),
            ],
            2000,
            2000 + ROOM,
        ),
        case(
            &[
                ("date", LONG_AGO),
                ("retry-after", "Sun Nov  6 08:49:39 1994"),
            ],
            2000,
            2000 + ROOM,
        ),
        case(&[("date", LONG_AGO), ("retry-after", LONG_AGO)], 0, ROOM),
    ];
    hold(cases, limited).await;
}

#[tokio::test]
async fn an_overloaded_server_is_waited_for_like_a_limited_one() {
    let cases = vec![
        case(&[("retry-after", "1")], 1000, 1000 + ROOM),
        case(&[("retry-after-ms", "700")], 700, 700 + ROOM),
    ];
    hold(cases, overloaded).await;
}

/// Whoever understood one of these would wait for a long time.
#[tokio::test]
async fn what_makes_no_sense_counts_as_absent() {
    let cases = [
        &[("retry-after", "soon")][..],
        &[("retry-after", "-5")],
        &[("retry-after", "5 seconds")],
        &[("retry-after", "1e1")],
        &[("retry-after", "0x5")],
        &[("retry-after", "")],
        &[("retry-after-ms", "5s")],
        // Two that no rounding explains: nobody knows which is meant.
        &[("retry-after", "5"), ("retry-after-ms", "9000")],
        // A date that is over.
        &[
            ("date", LONG_AGO),
            ("retry-after", "Sun, 06 Nov 1994 08:49:36 GMT"),
        ],
        &[("retry-after", LONG_AGO)],
        &[
            ("date", LONG_AGO),
            ("retry-after", "Sun, 06 Nov 1994 25:00:00 GMT"),
        ],
    ];
    let cases = cases.map(|headers| case(headers, 0, ROOM));
    hold(cases.into(), limited).await;
}

/// What the client is told instead of a wait.
async fn told_instead(headers: &[(&str, &str)], more: impl FnOnce(Builder) -> Builder) -> Told {
    let stage = Stage::set_up(limited(headers), Answer::new(), more).await;
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(429, "rate_limited").expect_attempts(1);
    let took = told.reply.took();
    assert!(took < Duration::from_secs(2), "{headers:?}: {took:?}");
    stage.end().await;
    told
}

fn retry_after(told: &Told) -> (Option<&str>, Option<&str>) {
    (
        told.reply.header("retry-after"),
        told.reply.header("retry-after-ms"),
    )
}

#[tokio::test]
async fn a_wait_beyond_the_cap_is_told_to_the_client_and_cut_to_the_cap() {
    let cap = |gateway: Builder| gateway.set("retry.retry_after_cap", "3s");
    for headers in [
        &[("retry-after", "30")][..],
        &[("retry-after", "99999999999999999999999")],
        &[
            ("date", LONG_AGO),
            ("retry-after", "Mon, 07 Nov 1994 08:49:37 GMT"),
        ],
        &[("retry-after-ms", "3500")],
    ] {
        let told = told_instead(headers, cap).await;
        assert_eq!(retry_after(&told), (Some("3"), Some("3000")), "{headers:?}");
    }
}

/// Seven seconds of the request's eight, less what an answer needs: six could be waited for.
#[tokio::test]
async fn a_wait_beyond_the_deadline_is_told_to_the_client() {
    let told = told_instead(&[("retry-after", "8")], |gateway| gateway).await;
    assert_eq!(retry_after(&told), (Some("8"), Some("8000")));
}

#[tokio::test]
async fn an_overload_that_lasts_too_long_is_told_with_its_wait_too() {
    let lasting = overloaded(&[("retry-after", "30")]);
    let cap = |gateway: Builder| gateway.set("retry.retry_after_cap", "20s");
    let stage = Stage::set_up(lasting, Answer::new(), cap).await;
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(503, "upstream_overloaded")
        .expect_attempts(1);
    assert_eq!(retry_after(&told), (Some("20"), Some("20000")));
    stage.end().await;
}

#[tokio::test]
async fn the_backoff_stays_below_its_doubling_bases_and_its_cap() {
    let quick =
        |gateway: Builder| gateway.set("retry", json!({"base": "40ms", "cap": "80ms", "max": 6}));
    let stage = Stage::set_up(status(503), Answer::new(), quick).await;
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(503, "upstream_overloaded")
        .expect_attempts(7);
    // 40 ms and five times 80 ms at most, with a busy machine's own share.
    assert!(
        told.reply.took() < Duration::from_millis(440 + ROOM),
        "{:?}",
        told.reply.took()
    );
    stage.end().await;
}

/// `a` asks for half a minute; nothing of it is held meanwhile.
async fn a_long_wait(breaker_threshold: u32) -> (Stage, crate::support::Exchange) {
    let script = Script::new()
        .nth(1, overloaded(&[("retry-after", "30")]))
        .otherwise(status(502));
    let stage = Stage::set_up(script, Answer::new(), |gateway| {
        gateway
            .set("routes.alone.timeouts.total", "5m")
            .set("breaker.threshold", breaker_threshold)
            .needs_places(2)
    })
    .await;
    let exchange = stage.alone().start().await;
    let ended = |metrics: &Metrics| {
        metrics.sum(
            "sidegate_upstream_attempts_total",
            &[("outcome", "server_error")],
        ) == 1.0
    };
    stage
        .gateway
        .wait_metrics("the end of the first attempt", ended)
        .await;
    (stage, exchange)
}

#[tokio::test]
async fn who_waits_holds_no_place_at_the_upstream() {
    let (stage, exchange) = a_long_wait(1000).await;
    let metrics = stage.gateway.metrics().await;
    assert_eq!(metrics.sum("sidegate_upstream_streams", &[]), 0.0);
    exchange.leave().await;
    stage.end().await;
}

#[tokio::test]
async fn a_breaker_that_opens_meanwhile_ends_the_wait() {
    let (stage, exchange) = a_long_wait(3).await;
    for _ in 0..2 {
        stage
            .tell(stage.alone())
            .await
            .expect_failure(502, "upstream_error");
    }
    let told = stage.told(exchange.finish().await).await;
    told.expect_failure(503, "upstream_overloaded")
        .expect_attempts(1);
    assert!(
        told.reply.took() < Duration::from_secs(8),
        "{:?}",
        told.reply.took()
    );
    stage.end().await;
}

/// So short a wait is worth more than another model's answer; once.
#[tokio::test]
async fn a_short_wait_comes_before_a_later_tier() {
    let script = Script::sequence([
        limited(&[("retry-after", "1")]),
        sse::chat_saying("A", 3).answer(),
    ]);
    let stage = Stage::start(script, sse::chat_saying("B", 3)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("A", 3).expect_attempts(2);
    assert!(gaps(&stage.a.requests())[0] >= Duration::from_secs(1));
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_short_wait_again_and_again_is_left_after_one() {
    let stage = Stage::start(limited(&[("retry-after", "1")]), sse::chat_saying("B", 3)).await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 3).expect_attempts(3);
    assert_eq!(stage.a.requests().len(), 2);
    stage.end().await;
}

/// The last retry is the other target's.
#[tokio::test]
async fn with_one_retry_a_short_wait_is_not_worth_it() {
    let stage = Stage::set_up(
        limited(&[("retry-after", "1")]),
        sse::chat_saying("B", 3),
        |gateway| gateway.set("retry.max", 1),
    )
    .await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 3).expect_attempts(2);
    assert!(
        told.reply.took() < Duration::from_secs(1),
        "{:?}",
        told.reply.took()
    );
    stage.end().await;
}

#[tokio::test]
async fn a_short_wait_does_not_come_before_an_equal_target() {
    let stage = Stage::set_up(
        limited(&[("retry-after", "1")]),
        sse::chat_saying("B", 3),
        |gateway| {
            gateway
                .pool("chat", "chat", &["a", "b"])
                .set("routes.chat.balance", "round_robin")
        },
    )
    .await;
    for _ in 0..2 {
        let told = stage.tell(stage.chat()).await;
        told.expect_whole("B", 3);
        assert!(
            told.reply.took() < Duration::from_secs(1),
            "{:?}",
            told.reply.took()
        );
    }
    assert_eq!(stage.a.requests().len(), 1);
    stage.end().await;
}
