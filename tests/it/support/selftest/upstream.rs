//! The scripted upstream plays what it is told and records what it saw.

use std::time::{Duration, Instant};

use super::{pair, GAP};
use crate::support::client::{Client, End};
use crate::support::script::{Answer, Script};
use crate::support::tls::Authority;
use crate::support::upstream::{Closed, Upstream};
use crate::support::wait::{Latch, DEADLINE};
use crate::support::{blackhole, plain, refuse, sse};

#[tokio::test]
async fn the_first_rule_that_fits_decides() {
    let script = Script::new()
        .target("GET /health", plain::status(200, &[], "{}"))
        .header("x-which", "b", plain::chat("by header"))
        .model("small", plain::chat("by model"))
        .nth(4, plain::chat("fourth"))
        .otherwise(plain::chat("otherwise"));
    let (_upstream, client) = pair(script).await;
    assert_eq!(
        client.get("/health").send().await.json(),
        serde_json::json!({})
    );
    assert_eq!(
        client
            .chat("small")
            .header("x-which", "b")
            .send()
            .await
            .text(),
        "by header"
    );
    assert_eq!(client.chat("small").send().await.text(), "by model");
    assert_eq!(client.chat("large").send().await.text(), "fourth");
    assert_eq!(client.chat("large").send().await.text(), "otherwise");
}

#[tokio::test]
async fn an_answer_can_be_made_of_the_request() {
    let script = Script::by(|ask| sse::chat_saying(&ask.nonce().expect("a nonce"), 1).answer());
    let (_upstream, client) = pair(script).await;
    let request = client.chat("m").stream();
    assert_eq!(
        request.send().await.text(),
        format!("{}1 ", request.sent().nonce)
    );
}

#[tokio::test]
async fn another_script_counts_from_the_next_request_on() {
    let (upstream, client) = pair(plain::chat("one")).await;
    let (first, connection) = client.chat("m").send_on(client.connect().await).await;
    upstream.play(plain::chat("two"));
    let (second, _) = client.chat("m").send_on(connection.expect("kept")).await;
    assert_eq!(
        (first.text().as_str(), second.text().as_str()),
        ("one", "two")
    );
}

#[tokio::test]
async fn the_clients_leaving_is_seen_in_the_middle_of_a_script() {
    for by_reset in [false, true] {
        let (upstream, client) = pair(sse::chat(5).hang_after_token(2)).await;
        let exchange = client.chat("m").stream().start().await;
        exchange.tokens(2).await;
        assert_eq!(upstream.closed_at(0), None);
        let left_at = Instant::now();
        let reply = match by_reset {
            true => exchange.leave_by_reset().await,
            false => exchange.leave().await,
        };
        assert_eq!((reply.end.clone(), reply.tokens()), (End::Left, 2));
        let closed_at = upstream.wait_closed(0, DEADLINE).await;
        assert!(closed_at >= left_at);
        let closed = upstream.connections()[0].closed;
        assert_eq!(
            closed,
            Some(Closed::ByPeer {
                at: closed_at,
                reset: by_reset
            })
        );
        assert!(!upstream.requests()[0].played);
    }
}

#[tokio::test]
async fn a_dropped_exchange_is_a_client_that_left() {
    let (upstream, client) = pair(Answer::new().hang()).await;
    let exchange = client.chat("m").start().await;
    upstream.wait_requests(1).await;
    drop(exchange);
    upstream.wait_closed(0, DEADLINE).await;
}

#[tokio::test]
async fn an_upstream_that_reads_nothing_stops_the_upload_and_still_sees_the_leaving() {
    let (upstream, client) = pair(Answer::new().hang().reading_nothing()).await;
    let exchange = client.chat("m").body_bytes(20_000_000).start().await;
    let seen = upstream.wait_requests(1).await;
    assert!(!seen[0].complete && seen[0].body.is_empty());
    assert!(
        !exchange.so_far().uploaded,
        "20 MB don't fit into two sockets"
    );
    exchange.leave_by_reset().await;
    upstream.wait_closed(0, DEADLINE).await;
}

#[tokio::test]
async fn an_upstream_that_closes_after_the_head_never_has_the_body() {
    let (upstream, client) = pair(Answer::close_after_head()).await;
    let reply = client.chat("m").body_bytes(1_000_000).send().await;
    assert!(
        matches!(reply.end, End::NoHead | End::Reset),
        "{:?}",
        reply.end
    );
    assert!(!upstream.requests()[0].complete);
}

#[tokio::test]
async fn half_a_body_is_recorded_as_half() {
    let latch = Latch::new();
    let (upstream, client) = pair(plain::chat("yes")).await;
    let exchange = client
        .chat("m")
        .body_bytes(10_000)
        .pausing_after(5_000, &latch)
        .start()
        .await;
    assert!(!upstream.wait_heads(1).await[0].read);
    exchange.half_close();
    let reply = exchange.finish().await;
    assert_eq!(reply.end, End::NoHead);
    let seen = &upstream.requests()[0];
    assert!(
        !seen.complete && (1_000..10_000).contains(&seen.body.len()),
        "{}",
        seen.body.len()
    );
}

#[tokio::test]
async fn what_was_sent_is_recorded_unframed_too() {
    let stream = sse::chat(3)
        .comment_after_token(1, "hello")
        .broken_json_after_token(2);
    let (upstream, client) = pair(stream.clone()).await;
    let reply = client.chat("m").stream().send().await;
    let answered = upstream.requests()[0].answered().expect("HTTP");
    assert_eq!(answered, stream.text());
    assert_eq!(answered, reply.body);
    assert_eq!((reply.comments().len(), reply.tokens()), (1, 3));
}

#[tokio::test]
async fn an_idle_connection_is_closed_when_the_script_says_so() {
    let (upstream, client) = pair(Script::from(plain::chat("yes")).closing_idle_after(GAP)).await;
    let (_, connection) = client.chat("m").send_on(client.connect().await).await;
    connection
        .expect("kept")
        .wait_closed("the close of an idle connection")
        .await;
    assert!(matches!(
        upstream.connections()[0].closed,
        Some(Closed::ByScript { .. })
    ));
}

#[tokio::test]
async fn an_upstream_goes_down_and_comes_back_at_its_port() {
    let (upstream, client) = pair(plain::chat("yes")).await;
    let connection = client.connect().await;
    upstream.wait_connections(1).await;
    upstream.go_down().await;
    connection
        .wait_closed("the close of every connection")
        .await;
    assert_eq!(
        client.try_connect().await.err().map(|error| error.kind()),
        Some(std::io::ErrorKind::ConnectionRefused)
    );
    upstream.come_back();
    assert_eq!(client.chat("m").send().await.text(), "yes");
    assert!(!upstream.connections()[0].is_open());
}

#[tokio::test]
async fn a_refusing_port_refuses_and_a_black_hole_hangs() {
    let refusing = refuse();
    let hole = blackhole().await;
    let address = |url: &str| {
        url.trim_start_matches("http://")
            .trim_end_matches("/v1")
            .parse()
            .expect("an address")
    };
    let refused = Client::new(address(&refusing.url())).try_connect().await;
    assert_eq!(
        refused.err().map(|error| error.kind()),
        Some(std::io::ErrorKind::ConnectionRefused)
    );
    let client = Client::new(address(&hole.url()));
    let hanging = tokio::time::timeout(Duration::from_millis(300), client.try_connect()).await;
    assert!(hanging.is_err(), "the connect came back");
}

#[tokio::test]
async fn tls_is_spoken_and_recorded() {
    let authority = Authority::new();
    let upstream = Upstream::start_tls(sse::chat(3), &authority, true).await;
    let identity = authority.client("gateway");
    let client = Client::new(upstream.addr()).tls(authority.client_config(Some(&identity)));
    let reply = client.chat("m").stream().send().await;
    assert_eq!((reply.tokens(), reply.is_whole()), (3, true));
    let seen = &upstream.connections()[0];
    assert_eq!(
        (seen.client_certificate, seen.alpn.as_deref()),
        (true, None)
    );
    assert!(upstream.url().starts_with("https://127.0.0.1:"));
}

#[tokio::test]
async fn a_handshake_that_fails_is_recorded() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let upstream = Upstream::start_tls(sse::chat(3), &authority, false).await;
    let client = Client::new(upstream.addr()).tls(stranger.client_config(None));
    assert!(client.try_connect().await.is_err());
    upstream.wait_connections(1).await;
    let failed = || async {
        upstream.connections()[0]
            .handshake_error
            .clone()
            .ok_or("none yet".to_string())
    };
    crate::support::eventually("the handshake's error", async || failed().await).await;
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn tls_cut_without_goodbye_is_a_cut() {
    let authority = Authority::new();
    let head = sse::head(("transfer-encoding", "chunked"));
    let answer = Answer::new()
        .send(head)
        .step(crate::support::script::Step::CloseWithoutNotify);
    let upstream = Upstream::start_tls(answer, &authority, false).await;
    let client = Client::new(upstream.addr()).tls(authority.client_config(None));
    assert_eq!(client.chat("m").stream().send().await.end, End::CutChunked);
}
