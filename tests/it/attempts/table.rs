//! The whole table: what came back, how often a lone target is asked, who else is, what the breaker makes of it, and what
//! the client is told when nothing helped.

use super::*;
use crate::breaker::look;
use crate::support::Authority;

/// One row; [`row`] is the mildest there is.
struct Row {
    what: &'static str,
    answer: Answer,
    /// How often a target that has no other beside it is asked in all.
    alone: u64,
    /// How often `a` is asked before `b` is.
    before_b: u64,
    elsewhere: bool,
    /// What the breaker of the lone target counts after one request.
    failures: u64,
    status: u16,
    code: &'static str,
    stream: bool,
}

/// Asked once, nowhere else, and nobody's failure.
fn row(what: &'static str, answer: Answer, status: u16, code: &'static str) -> Row {
    Row {
        what,
        answer,
        alone: 1,
        before_b: 1,
        elsewhere: false,
        failures: 0,
        status,
        code,
        stream: true,
    }
}

impl Row {
    fn times(mut self, alone: u64) -> Row {
        self.alone = alone;
        self
    }

    fn elsewhere(mut self) -> Row {
        self.elsewhere = true;
        self
    }

    fn failures(mut self, failures: u64) -> Row {
        self.failures = failures;
        self
    }

    /// Asked there once more before anybody else is.
    fn there_again_first(mut self) -> Row {
        self.before_b = 2;
        self
    }

    fn plain(mut self) -> Row {
        self.stream = false;
        self
    }
}

async fn stage() -> Stage {
    Stage::start(Answer::new(), sse::chat_saying("B", 3)).await
}

/// Each row on both routes, with breakers that begin anew.
async fn hold(stage: &Stage, rows: Vec<Row>) {
    assert!(!rows.is_empty());
    for row in rows {
        println!("-- {}", row.what);
        stage.a.play(row.answer.clone());
        stage.gateway.admin_post("/breakers/a/reset").await;
        hold_alone(stage, &row).await;
        hold_before_b(stage, &row).await;
    }
}

async fn hold_alone(stage: &Stage, row: &Row) {
    let request = stage.gateway.client().chat("alone");
    let request = if row.stream {
        request.stream()
    } else {
        request
    };
    let seen = stage.a.requests().len();
    let told = stage.tell(request).await;
    told.expect_failure(row.status, row.code)
        .expect_attempts(row.alone);
    assert_eq!(told.reply.header("x-should-retry"), Some("false"));
    assert_eq!((stage.a.requests().len() - seen) as u64, row.alone);
    let breaker = look(&stage.gateway, "a", "alone-on-a").await;
    assert_eq!(
        (breaker.state, breaker.failures),
        ("closed".into(), row.failures)
    );
}

async fn hold_before_b(stage: &Stage, row: &Row) {
    let (at_a, at_b) = (stage.a.requests().len(), stage.b.requests().len());
    let request = if row.stream {
        stage.chat()
    } else {
        stage.plain()
    };
    let told = stage.tell(request).await;
    match row.elsewhere {
        true => told.expect_whole("B", 3).expect_attempts(row.before_b + 1),
        false => told.expect_failure(row.status, row.code).expect_attempts(1),
    };
    let asked = (
        stage.a.requests().len() - at_a,
        stage.b.requests().len() - at_b,
    );
    let first = if row.elsewhere { row.before_b } else { 1 };
    assert_eq!(asked, (first as usize, usize::from(row.elsewhere)));
}

#[tokio::test]
async fn what_says_come_back_is_asked_again_unless_there_is_another() {
    let loading =
        json!({"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}});
    let limited = |body| plain::status(429, &[("content-type", "text/html")], body);
    let rows = vec![
        row("429", plain::rate_limited(None), 429, "rate_limited")
            .times(4)
            .elsewhere(),
        row(
            "429, a page",
            limited("<html>slow down</html>"),
            429,
            "rate_limited",
        )
        .times(4)
        .elsewhere(),
        row("503", plain::overloaded(), 503, "upstream_overloaded")
            .times(4)
            .elsewhere()
            .failures(4),
        row("529", status(529), 503, "upstream_overloaded")
            .times(4)
            .elsewhere()
            .failures(4),
        row(
            "503, loading",
            plain::status(503, &[], loading.to_string()),
            503,
            "upstream_overloaded",
        )
        .times(4)
        .elsewhere(),
    ];
    let stage = stage().await;
    hold(&stage, rows).await;
    stage.end().await;
}

#[tokio::test]
async fn what_broke_once_is_asked_once_more() {
    let names_a_500 = sse::empty().and(sse::error_event(None, "boom"));
    let names_nothing = sse::empty().and("data: {\"error\":{\"message\":\"boom\"}}\n\n");
    let rows = vec![
        row("500", status(500), 502, "upstream_error")
            .times(2)
            .elsewhere()
            .there_again_first()
            .failures(1),
        row(
            "reset",
            Answer::new().close_reset(),
            502,
            "upstream_protocol_error",
        )
        .times(2)
        .elsewhere()
        .failures(2),
        row(
            "end",
            Answer::new().close_fin(),
            502,
            "upstream_protocol_error",
        )
        .times(2)
        .elsewhere()
        .failures(2),
        row(
            "an event that names a 500",
            names_a_500.answer(),
            502,
            "upstream_error",
        )
        .times(2)
        .elsewhere()
        .there_again_first()
        .failures(1),
        row(
            "an event that names nothing",
            names_nothing.answer(),
            502,
            "upstream_error",
        )
        .times(2)
        .elsewhere()
        .failures(2),
    ];
    let stage = stage().await;
    hold(&stage, rows).await;
    stage.end().await;
}

#[tokio::test]
async fn what_stands_before_a_server_or_knows_no_http_is_asked_once() {
    let mut rows = Vec::new();
    for code in [502, 504, 520, 521, 522, 523, 524, 525, 526, 527] {
        rows.push(
            row("a gateway's", status(code), 502, "upstream_error")
                .elsewhere()
                .failures(1),
        );
    }
    for page in [200, 404, 500, 502, 503, 529] {
        rows.push(
            row("a page", plain::html(page), 502, "upstream_error")
                .elsewhere()
                .failures(1),
        );
    }
    let protocol = |what, answer| {
        row(what, answer, 502, "upstream_protocol_error")
            .elsewhere()
            .failures(1)
    };
    let framing = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
    rows.push(protocol(
        "no HTTP",
        Answer::new().send("SSH-2.0-OpenSSH_9.9\r\n").close_fin(),
    ));
    rows.push(protocol("two framings", Answer::new().send(framing).hang()));
    rows.push(protocol(
        "a broken chunk",
        stream_head().send("zz\r\n").hang(),
    ));
    let cut = sse::chat(9).cut_after_token(0).answer();
    rows.push(
        row("cut", cut, 502, "upstream_truncated")
            .elsewhere()
            .failures(1),
    );
    let stage = stage().await;
    hold(&stage, rows).await;
    stage.end().await;
}

#[tokio::test]
async fn what_says_nothing_about_the_server_leaves_its_breaker_alone() {
    let mut rows = Vec::new();
    for code in [408, 425, 501, 505] {
        rows.push(row("unavailable", status(code), 502, "upstream_error").elsewhere());
    }
    for code in [401, 403] {
        rows.push(row("our key", status(code), 502, "upstream_auth_failed").elsewhere());
    }
    let missing = plain::model_missing("alone-on-a");
    rows.push(row("no such model", missing, 502, "upstream_model_missing").elsewhere());
    for code in [400, 413] {
        let overflow = plain::error(
            code,
            "invalid_request_error",
            "context_length_exceeded",
            "too long",
        );
        rows.push(row("too long", overflow, code, "context_length_exceeded").elsewhere());
    }
    let policy = plain::content_policy_violation();
    rows.push(row(
        "content policy",
        policy,
        400,
        "content_policy_violation",
    ));
    for code in [400, 404, 405, 409, 410, 413, 418, 422, 451] {
        let own = plain::error(code, "invalid_request_error", "bad_value", "temperature");
        rows.push(row("the request's own", own, code, "upstream_rejected"));
    }
    for code in [300, 301, 302, 303, 307, 308] {
        let moved = plain::status(code, &[("location", "http://elsewhere.example/")], "");
        rows.push(row("moved", moved, 502, "upstream_redirect"));
    }
    let stage = stage().await;
    hold(&stage, rows).await;
    stage.end().await;
}

#[tokio::test]
async fn who_is_silent_is_never_asked_again() {
    let rows = vec![
        row(
            "no head",
            Answer::new().hang(),
            504,
            "upstream_header_timeout",
        )
        .elsewhere()
        .failures(1),
        row(
            "no token",
            stream_head().hang(),
            504,
            "upstream_first_token_timeout",
        )
        .elsewhere()
        .failures(1),
        // A long answer is no dead server, and asking somebody else would take as long again.
        row(
            "no plain answer",
            Answer::new().hang(),
            504,
            "upstream_plain_timeout",
        )
        .plain(),
    ];
    let stage = Stage::set_up(Answer::new(), sse::chat_saying("B", 3), |gateway| {
        let clocks = json!({"header": "300ms", "first_token": "300ms", "plain": "300ms"});
        gateway
            .set("routes.chat.timeouts", clocks.clone())
            .set("routes.alone.timeouts", clocks)
    })
    .await;
    hold(&stage, rows).await;
    stage.end().await;
}

/// A connection that can't be made: the others first, and the same one again only where there is no other.
async fn hold_unreachable(stage: &Stage, status: u16, code: &str) {
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(status, code).expect_attempts(4);
    assert_eq!(look(&stage.gateway, "a", "alone-on-a").await.failures, 4);
    // Whichever model was asked for: nobody gets through to that address.
    assert_eq!(look(&stage.gateway, "a", "whole-on-a").await.failures, 4);
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 3).expect_attempts(2);
    assert_eq!(stage.retries("connect").await, 4.0);
    assert!(stage.a.requests().is_empty());
}

#[tokio::test]
async fn a_connection_that_is_refused_fails_every_model_of_its_address() {
    let stage = stage().await;
    stage.a.go_down().await;
    hold_unreachable(&stage, 502, "upstream_unreachable").await;
    stage.end().await;
}

/// The scripted server waits for a head, and what comes is none.
#[tokio::test]
async fn a_handshake_that_hangs_is_a_connect_that_hangs() {
    let (a, b) = (
        Upstream::start(Answer::new()).await,
        Upstream::start(sse::chat_saying("B", 3)).await,
    );
    let https = a.url().replace("http://", "https://");
    let stage = Stage::before(a, b, |gateway| {
        gateway
            .set("upstreams.a.url", https)
            .set("routes.chat.timeouts.connect", "200ms")
            .set("routes.alone.timeouts.connect", "200ms")
    })
    .await;
    hold_unreachable(&stage, 504, "upstream_connect_timeout").await;
    stage.end().await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_fails_like_a_refusal() {
    let a = Upstream::start_tls(Answer::new(), &Authority::new(), false).await;
    let b = Upstream::start(sse::chat_saying("B", 3)).await;
    let stage = Stage::before(a, b, |gateway| gateway).await;
    hold_unreachable(&stage, 502, "upstream_unreachable").await;
    stage.end().await;
}

#[tokio::test]
async fn a_connect_that_hangs_fails_like_a_refusal_and_says_so() {
    let hole = blackhole().await;
    let b = Upstream::start(sse::chat_saying("B", 3)).await;
    let stage = Stage::before(Upstream::start(Answer::new()).await, b, |gateway| {
        gateway
            .upstream("a", &hole)
            .set("routes.chat.timeouts.connect", "200ms")
            .set("routes.alone.timeouts.connect", "200ms")
    })
    .await;
    hold_unreachable(&stage, 504, "upstream_connect_timeout").await;
    stage.end().await;
}

#[tokio::test]
async fn a_name_that_leads_nowhere_fails_like_a_refusal() {
    let stage = {
        let (a, b) = (
            Upstream::start(Answer::new()).await,
            Upstream::start(sse::chat_saying("B", 3)).await,
        );
        Stage::before(a, b, |gateway| {
            gateway
                .set("upstreams.a.url", "http://nobody.invalid:8000/v1")
                .without_key("a")
        })
        .await
    };
    hold_unreachable(&stage, 502, "upstream_unreachable").await;
    stage.end().await;
}

#[tokio::test]
async fn failing_over_costs_no_sleep() {
    let patient = |gateway: Builder| {
        gateway
            .set("retry.base", "8s")
            .set("retry.cap", "8s")
            .set("retry.max", 1)
    };
    let stage = Stage::set_up(Answer::new(), sse::chat_saying("B", 3), patient).await;
    for answer in [
        limited(&[]),
        overloaded(&[]),
        overloaded(&[("retry-after", "20")]),
        status(502),
        Answer::new().close_reset(),
        // The last one: nobody asks there for 20 s after it.
        limited(&[("retry-after", "20")]),
    ] {
        stage.a.play(answer);
        served_by_b_at_once(&stage).await;
    }
    stage.end().await;
}

#[tokio::test]
async fn failing_over_from_a_refused_connection_costs_no_sleep() {
    let patient = |gateway: Builder| gateway.set("retry.base", "8s").set("retry.cap", "8s");
    let stage = Stage::set_up(Answer::new(), sse::chat_saying("B", 3), patient).await;
    stage.a.go_down().await;
    served_by_b_at_once(&stage).await;
    stage.end().await;
}

async fn served_by_b_at_once(stage: &Stage) {
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 3).expect_attempts(2);
    let took = told.reply.took();
    assert!(took < Duration::from_secs(3), "{took:?}");
}
