use std::net::TcpListener;
use std::thread;

use super::*;
use crate::record::trace::sample::{self, StandIn, ACCEPTED};

fn failure(answer: &'static [&'static str]) -> Failed {
    StandIn::start(answer)
        .collector()
        .post(b"spans")
        .unwrap_err()
}

fn failed(problem: Problem) -> Failed {
    Failed {
        problem,
        asked: None,
    }
}

#[test]
fn spans_are_posted_where_otlp_wants_them() {
    let stand_in = StandIn::start(&[ACCEPTED]);
    assert_eq!(stand_in.collector().post(b"spans"), Ok(0));
    let received = stand_in.next();
    let expected = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: 127.0.0.1:{}\r\nuser-agent: sidegate\r\n\
         content-type: application/x-protobuf\r\ncontent-length: 5\r\nconnection: close",
        stand_in.address.port()
    );
    assert_eq!(
        (received.head, received.body),
        (expected, b"spans".to_vec())
    );
}

#[test]
fn the_address_may_have_a_path_and_may_name_the_endpoint() {
    for (base, path) in [
        ("", "http://127.0.0.1:4318/v1/traces"),
        ("/otlp", "http://127.0.0.1:4318/otlp/v1/traces"),
        ("/v1/traces", "http://127.0.0.1:4318/v1/traces"),
    ] {
        let url = UpstreamUrl {
            base_path: base.to_owned(),
            ..sample::url(4318)
        };
        assert_eq!(Collector::new(&url).to_string(), path);
    }
    let url = UpstreamUrl {
        host: "::1".to_owned(),
        ..sample::url(4318)
    };
    assert_eq!(
        Collector::new(&url).to_string(),
        "http://[::1]:4318/v1/traces"
    );
}

#[test]
fn any_framing_of_an_acceptance_will_do() {
    for answer in [
        &["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
        &["HTTP/1.1 204 No Content\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"],
        &["HTTP/1.0 200 OK\r\n\r\n"],
        // Two of the spans were refused.
        &["HTTP/1.1 202 Accepted\r\ncontent-length: 4\r\n\r\n\x0a\x02\x08\x02"],
    ] {
        let rejected = if answer[0].contains("202") { 2 } else { 0 };
        assert_eq!(
            StandIn::start(answer).collector().post(b"spans"),
            Ok(rejected),
            "{answer:?}"
        );
    }
}

#[test]
fn an_answer_of_another_kind_is_a_failure() {
    assert_eq!(
        failure(&["SSH-2.0-OpenSSH_9.2\r\n"]),
        failed(Problem::NoHttp)
    );
    assert_eq!(
        failure(&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"]),
        failed(Problem::NoHttp)
    );
    assert_eq!(failure(&[""]), failed(Problem::Broken));
    assert_eq!(
        failure(&["HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]),
        failed(Problem::Status(404))
    );
    let busy = failure(&["HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"]);
    assert_eq!(
        busy,
        Failed {
            problem: Problem::Status(503),
            asked: Some(Duration::from_secs(7))
        }
    );
}

#[test]
fn a_port_where_nothing_listens_refuses() {
    let (_socket, port) = sample::refusing();
    let collector = Collector::new(&sample::url(port));
    assert_eq!(collector.post(b"spans"), Err(failed(Problem::Refused)));
}

#[test]
fn only_what_may_pass_is_tried_again() {
    for (status, again) in [
        (400, false),
        (401, false),
        (404, false),
        (429, true),
        (500, false),
        (503, true),
    ] {
        assert_eq!(
            failed(Problem::Status(status)).is_worth_another_try(),
            again,
            "{status}"
        );
    }
    assert!(failed(Problem::Refused).is_worth_another_try());
}

#[test]
fn a_collector_may_speak_tls() {
    let (mut collector, received) = over_tls(&["localhost"]);
    collector.host = "localhost".to_owned();
    assert_eq!(collector.post(b"spans"), Ok(0));
    assert!(received.join().unwrap().ends_with(b"spans"));
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    let (mut collector, received) = over_tls(&["other.example"]);
    collector.host = "localhost".to_owned();
    assert_eq!(collector.post(b"spans"), Err(failed(Problem::Tls)));
    assert!(received.join().unwrap().is_empty(), "nothing was sent");
}

/// A collector on loopback with a certificate for `names`, which is trusted, and what it reads of one request.
fn over_tls(names: &[&str]) -> (Collector, thread::JoinHandle<Vec<u8>>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut collector = Collector::new(&sample::url(listener.local_addr().unwrap().port()));
    collector.tls = Some(stream::trust(roots));
    let served = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let session = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        serve_once(rustls::StreamOwned::new(session, socket))
    });
    (collector, served)
}

fn serve_once(mut stream: impl Read + Write) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"spans") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => bytes.extend_from_slice(&piece[..read]),
            _ => return bytes,
        }
    }
    stream.write_all(ACCEPTED.as_bytes()).unwrap();
    bytes
}
