//! What two parsers could read differently is refused, whoever refuses it: the gateway with its JSON, or the HTTP
//! parser in front of it with a bare status.

use crate::stage::{expect_failure, Stage};
use crate::support::{plain, End};

mod cases;
use cases::{
    case, BODY, CHUNKED, HOST, IN_CHUNKS, LENGTH, NO_PATH, POST, REFUSED_BY_THE_PARSER,
    REFUSED_BY_US,
};

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused_before_anything_else() {
    let stage = Stage::start(plain::chat("never")).await;
    let token = stage.gateway.canaries().token.clone();
    for case in REFUSED_BY_US.iter().chain(NO_PATH) {
        let reply = stage.client().raw(case.bytes(&token)).send().await;
        assert_eq!(
            (reply.status, reply.code().as_deref()),
            (400, Some("invalid_request")),
            "{}: {reply:?}",
            case.name
        );
        assert!(reply.is_whole(), "{}: {reply:?}", case.name);
        let line = stage.line_of(&reply).await;
        assert_eq!(
            (&line["status"], &line["code"], &line["attempts"]),
            (&400.into(), &"invalid_request".into(), &0.into()),
            "{}",
            case.name
        );
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn what_the_parser_refuses_gets_a_bare_answer_and_no_line() {
    let stage = Stage::start(plain::chat("never")).await;
    let token = stage.gateway.canaries().token.clone();
    for case in REFUSED_BY_THE_PARSER {
        let reply = stage.client().raw(case.bytes(&token)).send().await;
        assert!(
            matches!(reply.status, 400 | 405) && reply.body.is_empty(),
            "{}: {reply:?}",
            case.name
        );
    }
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"\r\n\r\n\r\n\0\0\0\0\r\n\r\n",
    ] {
        let exchange = stage.client().raw(bytes).start().await;
        exchange.half_close();
        let reply = exchange.finish().await;
        assert!(
            matches!(reply.status, 0 | 400) && reply.body.is_empty(),
            "{}: {reply:?}",
            bytes.escape_ascii()
        );
    }
    // One that is well, so that the log has something after all of these.
    let (reply, _) = stage.tell(&stage.chat().token("wrong")).await;
    expect_failure(&reply, 401, "invalid_token");
    assert_eq!(stage.gateway.access_lines().len(), 1);
    stage.expect_untouched_upstream();
    stage.end().await;
}

#[tokio::test]
async fn odd_but_unmistakable_framing_passes_and_goes_on_with_one_length() {
    let stage = Stage::start(plain::chat("yes")).await;
    let token = stage.gateway.canaries().token.clone();
    let harmless = [
        case("capitals", &[HOST, "Transfer-Encoding: Chunked"], IN_CHUNKS),
        case(
            "a chunk extension",
            &[HOST, CHUNKED],
            "1b;a=b;c\r\n{\"model\":\"m\",\"messages\":[]}\r\n0;d\r\n\r\n",
        ),
        // A parser that ends lines at LF alone would read another body here. What was read is what is checked and sent.
        case(
            "a line feed in a chunk extension",
            &[HOST, CHUNKED],
            "1b;\n{\"model\":\"a\"}\r\n{\"model\":\"m\",\"messages\":[]}\r\n0\r\n\r\n",
        ),
        case(
            "a trailer",
            &[HOST, CHUNKED],
            "1b\r\n{\"model\":\"m\",\"messages\":[]}\r\n0\r\nx-trailer: 1\r\n\r\n",
        ),
        case(
            "an underscore of nobody's",
            &[HOST, LENGTH, "x_my_header: 1"],
            BODY,
        ),
        case("leading zeros", &[HOST, "content-length: 0027"], BODY),
    ];
    for case in &harmless {
        let reply = stage.client().raw(case.bytes(&token)).send().await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "yes"),
            "{}: {reply:?}",
            case.name
        );
        let seen = stage.last_seen();
        let forwarded = String::from_utf8_lossy(&seen.body).into_owned();
        assert_eq!(
            forwarded, r#"{"model":"m-on-a","messages":[]}"#,
            "{}",
            case.name
        );
        assert_eq!(seen.header("content-length"), Some("32"), "{}", case.name);
        assert_eq!(seen.header("transfer-encoding"), None, "{}", case.name);
        assert_eq!(seen.header("x-trailer"), None, "{}", case.name);
    }
    assert_eq!(stage.upstream.requests().len(), harmless.len());
    stage.end().await;
}

#[tokio::test]
async fn a_second_request_in_the_same_write_never_runs_into_the_first() {
    let stage = Stage::start(crate::support::Script::by(|ask| {
        plain::chat(&format!(
            "for {}",
            ask.json()["user"].as_str().unwrap_or("nobody")
        ))
    }))
    .await;
    let token = stage.gateway.canaries().token.clone();
    let one = |name: &str, close: &str| {
        let body = format!(r#"{{"model":"m","messages":[],"user":"{name}"}}"#);
        format!(
            "{POST}\r\n{HOST}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{close}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let both = one("first", "") + &one("second", "connection: close\r\n");

    let reply = stage.client().raw(both).start().await;
    let (reply, connection) = reply.finish_reusing().await;

    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, "for first"),
        "{reply:?}"
    );
    // Both ways are right: the second is answered for itself, or the connection ends without an answer to it.
    if let Some(connection) = connection {
        let nothing = stage.client().raw("");
        let second = connection.start(&nothing).finish().await;
        if second.status != 0 {
            assert_eq!(
                (second.status, second.text().as_str(), second.end),
                (200, "for second", End::Whole)
            );
        }
    }
    let seen = stage.upstream.requests();
    assert!(
        seen.iter()
            .all(|request| request.json()["messages"].is_array()),
        "{seen:?}"
    );
    assert!((1..=2).contains(&seen.len()));
    stage.end().await;
}
