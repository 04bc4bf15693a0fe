//! The client judges each end of an answer for what it is.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{pair, GAP};
use crate::support::client::{many, End};
use crate::support::script::{Answer, Script, Step};
use crate::support::wait::Latch;
use crate::support::wire::{chunk, LAST_CHUNK};
use crate::support::{plain, sse, Upstream};

#[tokio::test]
async fn a_whole_stream_has_every_token_and_done() {
    let (_upstream, client) = pair(sse::chat_saying("A", 60)).await;
    let reply = client.chat("m").stream().send().await;
    assert_eq!((reply.status, &reply.end), (200, &End::Whole));
    assert_eq!((reply.tokens(), reply.has_done()), (60, true));
    assert!(reply.text().starts_with("A1 A2 ") && reply.text().ends_with("A60 "));
    assert_eq!(reply.events().len(), 1 + 60 + 1 + 1 + 1);
    assert!(reply.unfinished_event().is_empty() && reply.surplus.is_empty());
}

#[tokio::test]
async fn each_path_streams_its_tokens_in_each_framing() {
    for stream in [
        sse::chat(5),
        sse::completions(5),
        sse::responses(5),
        sse::messages(5),
    ] {
        let length = stream.clone().content_length().crlf();
        let close = stream.clone().close_delimited();
        let script = Script::sequence([stream.answer(), length.answer(), close.answer()]);
        let (_upstream, client) = pair(script).await;
        for end in [End::Whole, End::Whole, End::CloseDelimited] {
            let reply = client.chat("m").stream().send().await;
            assert_eq!((reply.tokens(), reply.end.clone()), (5, end), "{reply:?}");
            assert_eq!(reply.text(), "t1 t2 t3 t4 t5 ");
        }
    }
}

#[tokio::test]
async fn the_text_of_a_plain_answer_is_found_on_each_path() {
    let bodies = [
        plain::chat_body("yes"),
        plain::completion_body("yes"),
        plain::response_body("yes"),
        plain::message_body("yes"),
    ];
    for body in bodies {
        let answers = [plain::json(&body), plain::json_chunked(&body)];
        let (_upstream, client) = pair(Script::sequence(answers)).await;
        for _ in 0..2 {
            let reply = client.chat("m").send().await;
            assert_eq!(
                (reply.text().as_str(), reply.end.clone()),
                ("yes", End::Whole)
            );
        }
    }
}

#[tokio::test]
async fn a_fin_in_a_chunked_answer_is_a_cut() {
    let (_upstream, client) = pair(sse::chat(60).cut_after_token(40)).await;
    let reply = client.chat("m").stream().send().await;
    assert_eq!(
        (reply.tokens(), reply.end.clone(), reply.has_done()),
        (40, End::CutChunked, false)
    );
}

#[tokio::test]
async fn a_reset_is_told_from_a_fin() {
    let read = Latch::new();
    let answer = Answer::new()
        .send(sse::head(("transfer-encoding", "chunked")))
        .wait_for(&read)
        .close_reset();
    let (_upstream, client) = pair(answer).await;
    let exchange = client.chat("m").stream().start().await;
    assert_eq!(exchange.head().await.status, 200);
    read.open();
    assert_eq!(exchange.finish().await.end, End::Reset);
}

#[tokio::test]
async fn a_reset_before_the_head_is_a_reset_and_a_fin_is_no_head() {
    let (_upstream, client) = pair(Script::sequence([
        Answer::new().close_reset(),
        Answer::new().close_fin(),
    ]))
    .await;
    assert_eq!(client.chat("m").send().await.end, End::Reset);
    let reply = client.chat("m").send().await;
    assert_eq!((reply.end.clone(), reply.status), (End::NoHead, 0));
}

#[tokio::test]
async fn a_length_that_falls_short_is_noticed() {
    let (_upstream, client) = pair(plain::json_cut_short(&plain::chat_body("yes"), 50)).await;
    let reply = client.chat("m").send().await;
    assert_eq!(
        (reply.end.clone(), reply.body.len()),
        (End::ShortLength, 50)
    );
}

#[tokio::test]
async fn what_is_no_strict_http_is_said_to_be_none() {
    let wrong = [
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: yes\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nabc\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n",
    ];
    for bytes in wrong {
        let (_upstream, client) = pair(Answer::new().send(bytes)).await;
        let reply = client.chat("m").send().await;
        assert!(
            matches!(reply.end, End::NotHttp(_)),
            "{bytes:?}: {:?}",
            reply.end
        );
    }
}

#[tokio::test]
async fn bytes_behind_the_end_are_surplus() {
    let answer = plain::chat("yes").send("and more").hang();
    let together = Answer::new()
        .send(
            answer
                .steps
                .iter()
                .filter_map(sent)
                .collect::<Vec<_>>()
                .concat(),
        )
        .hang();
    let (_upstream, client) = pair(together).await;
    let reply = client.chat("m").send().await;
    assert_eq!(
        (&reply.end, &reply.surplus[..]),
        (&End::Whole, &b"and more"[..])
    );
}

fn sent(step: &Step) -> Option<Vec<u8>> {
    match step {
        Step::Send(bytes) => Some(bytes.to_vec()),
        _ => None,
    }
}

#[tokio::test]
async fn split_bytes_come_together_and_an_event_has_the_time_of_its_last_byte() {
    let stream = sse::chat(3)
        .split_head(1, Duration::ZERO)
        .split_events(3, GAP);
    let (upstream, client) = pair(stream).await;
    let reply = client.chat("m").stream().send().await;
    assert_eq!((reply.tokens(), reply.is_whole()), (3, true));
    let sent = upstream.requests()[0].sent.clone();
    let events = reply.events();
    for (number, event) in events.iter().enumerate() {
        let last_of_event = sent[reply.head.raw.len() + 3 * number + 2].0;
        assert!(event.at >= last_of_event, "event {number}");
    }
    assert!(
        reply.first_token_after() >= Some(GAP * 4),
        "two events in three writes each"
    );
}

#[tokio::test]
async fn times_are_those_of_the_bytes_not_of_the_looking() {
    let middle = Latch::new();
    let (_upstream, client) = pair(
        sse::chat(2)
            .wait_before_token(2, GAP)
            .tell_before_token(2, &middle),
    )
    .await;
    let exchange = client.chat("m").stream().start().await;
    middle.wait("the second token").await;
    let reply = exchange.until("the end", |reply| reply.is_over()).await;
    let looked_at = Instant::now();
    assert!(reply.events()[1].at < looked_at && reply.ended_at <= looked_at);
    assert_eq!(exchange.finish().await.pieces.len(), reply.pieces.len());
}

#[tokio::test]
async fn interim_heads_are_kept_apart() {
    let early = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    let (_upstream, client) = pair(Answer::new().send(early).then(plain::chat("yes"))).await;
    let reply = client.chat("m").send().await;
    assert_eq!(
        (reply.interim.len(), reply.status, reply.text().as_str()),
        (1, 200, "yes")
    );
}

#[tokio::test]
async fn expect_waits_for_continue_or_for_the_answer() {
    let proceed = "HTTP/1.1 100 Continue\r\n\r\n";
    let read = Answer::new()
        .send(proceed)
        .then(plain::chat("yes"))
        .reading_nothing();
    let refused = plain::status(413, &[], "{}").reading_nothing();
    let (upstream, client) = pair(Script::sequence([read, refused])).await;
    let reply = client
        .chat("m")
        .body_bytes(100_000)
        .expecting_continue()
        .send()
        .await;
    assert_eq!(
        (reply.status, reply.interim.len(), reply.uploaded),
        (200, 1, true)
    );
    assert_eq!(
        client
            .chat("m")
            .body_bytes(100_000)
            .expecting_continue()
            .send()
            .await
            .status,
        413
    );
    assert!(upstream.requests().iter().all(|request| !request.complete));
}

#[tokio::test]
async fn a_body_has_exactly_the_length_asked_for_in_any_framing() {
    let (upstream, client) = pair(plain::chat("yes")).await;
    client.chat("m").body_bytes(65_537).send().await;
    client
        .chat("m")
        .body_bytes(65_537)
        .chunked(&[1, 7, 4096])
        .send()
        .await;
    client
        .chat("m")
        .body_bytes(65_537)
        .slowly(16_384, Duration::from_millis(1))
        .send()
        .await;
    client.chat("m").body("").send().await;
    let lengths = upstream
        .requests()
        .iter()
        .map(|request| request.body.len())
        .collect::<Vec<_>>();
    assert_eq!(lengths, [65_537, 65_537, 65_537, 0]);
    assert!(upstream.requests().iter().all(|request| request.complete));
}

#[tokio::test]
async fn a_connection_is_used_again_while_both_keep_it() {
    let (upstream, client) = pair(Script::from(sse::chat(2)).closing_after_requests(2)).await;
    let connection = client.connect().await;
    let (first, connection) = client.chat("m").stream().send_on(connection).await;
    let (second, connection) = client
        .chat("m")
        .stream()
        .send_on(connection.expect("kept"))
        .await;
    assert!(first.is_whole() && second.is_whole());
    connection
        .expect("not known to be closed yet")
        .wait_closed("the close after two requests")
        .await;
    let places = upstream
        .requests()
        .iter()
        .map(|it| (it.connection, it.nth_on_connection))
        .collect::<Vec<_>>();
    assert_eq!(places, [(0, 1), (0, 2)]);
}

#[tokio::test]
async fn a_reply_without_a_body_is_whole_at_once() {
    let answer = plain::status(204, &[], "");
    let head = Answer::new().send(plain::head(200, &[("content-length", "17")]));
    let (_upstream, client) = pair(Script::sequence([answer, head])).await;
    assert!(client.get("/v1/models").send().await.is_whole());
    assert!(client.method("HEAD", "/v1/models").send().await.is_whole());
}

#[tokio::test]
async fn raw_bytes_go_out_as_they_are() {
    let (upstream, client) = pair(plain::chat("yes")).await;
    let reply = client
        .raw("GET /x HTTP/1.1\r\nHOST:  y\r\n\r\n")
        .send()
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        upstream.requests()[0].head,
        "GET /x HTTP/1.1\r\nHOST:  y\r\n\r\n"
    );
}

#[tokio::test]
async fn many_run_at_once() {
    let latch = Latch::new();
    let (upstream, client) = pair(sse::chat(1).hold_before_head(&latch)).await;
    let opener = async {
        upstream.wait_requests(20).await;
        latch.open();
    };
    let all = many(20, |_| {
        let request = client.chat("m").stream();
        async move { request.send().await }
    });
    let (replies, ()) = tokio::join!(all, opener);
    assert_eq!(replies.iter().filter(|reply| reply.is_whole()).count(), 20);
}

#[tokio::test]
async fn a_failure_is_found_in_an_answer_and_in_a_stream() {
    let failure = json!({"error": {"code": "lane_full", "message": "later"}});
    let event = format!("event: error\ndata: {failure}\n\n");
    let stream = [
        sse::head(("transfer-encoding", "chunked")).as_bytes(),
        &chunk(event.as_bytes()),
        LAST_CHUNK,
    ]
    .concat();
    let script = Script::sequence([
        plain::status(429, &[], failure.to_string()),
        Answer::new().send(stream),
    ]);
    let upstream = Upstream::start(script).await;
    let client = super::Client::new(upstream.addr());
    for _ in 0..2 {
        assert_eq!(
            client.chat("m").send().await.code().as_deref(),
            Some("lane_full")
        );
    }
}
