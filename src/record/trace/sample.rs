//! Spans as the gateway makes them, and a collector that does what a test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::exporter::Process;
use super::ids::SpanId;
use super::post::Collector;
use super::span::{Answer, AttemptSpan, Operation, RequestSpan, Server};
use super::tracing::Trace;
use crate::config::{Family, Lane, UpstreamUrl};
use crate::record::labels::Outcome;

/// What a test waits for at most.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A request that failed over once: three spans.
pub fn request() -> RequestSpan {
    let first = AttemptSpan {
        outcome: Outcome::RateLimited,
        status: Some(429),
        answer: None,
        ..attempt()
    };
    let second = AttemptSpan {
        began: Duration::from_millis(250),
        ..attempt()
    };
    RequestSpan {
        trace: Trace::begin(&HeaderMap::new()).unwrap(),
        started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045),
        took: Duration::from_millis(900),
        method: Some("POST"),
        path: Some("chat/completions"),
        https: false,
        operation: Some(Operation::Chat),
        alias: Some("qwen3-32b".into()),
        stream: true,
        status: 200,
        code: "ok",
        correlation_id: "run-7".into(),
        caller: Some("agent-7".into()),
        route: Some("chat".into()),
        skill: Some("mail".into()),
        lane: Some(Lane::Interactive),
        queued: Some(Duration::from_millis(125)),
        first_token: Some(Duration::from_millis(500)),
        config_generation: 3,
        attempts: vec![first, second],
    }
}

/// One that was answered.
pub fn attempt() -> AttemptSpan {
    AttemptSpan {
        id: SpanId::random(),
        began: Duration::from_millis(130),
        took: Duration::from_millis(500),
        server: Arc::new(Server::new("vllm-a", Family::Vllm, &url(8000))),
        model: Some("Qwen/Qwen3-32B".into()),
        tier: 0,
        outcome: Outcome::Ok,
        status: Some(200),
        reused: true,
        answer: Some(Answer {
            finish_reason: Some("stop"),
            first_chunk: Some(Duration::from_millis(250)),
            input_tokens: Some(100),
            output_tokens: Some(20),
            cached_tokens: Some(64),
        }),
    }
}

pub fn process() -> Process {
    Process {
        version: "1.2.3",
        instance: "00c0ffee00c0ffee".to_owned(),
    }
}

pub fn url(port: u16) -> UpstreamUrl {
    UpstreamUrl {
        https: false,
        host: "127.0.0.1".to_owned(),
        port,
        base_path: String::new(),
    }
}

/// All spans of a request to the collector.
pub fn decode(body: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let resources = request.resource_spans.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

/// A collector on loopback that gives the next of its answers to each request, the last one for ever.
pub struct StandIn {
    pub address: SocketAddr,
    pub requests: Receiver<Received>,
}

/// What it was sent.
pub struct Received {
    pub head: String,
    pub body: Vec<u8>,
}

pub const ACCEPTED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

impl StandIn {
    pub fn start(answers: &'static [&'static str]) -> StandIn {
        StandIn::on(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    pub fn on(listener: TcpListener, answers: &'static [&'static str]) -> StandIn {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for place in 0.. {
                let Ok((mut stream, _)) = listener.accept() else {
                    return;
                };
                let received = receive(&mut stream);
                let answer = answers[place.min(answers.len() - 1)];
                // Before the answer: whoever was answered finds the request here. A test may have seen enough.
                let _ = sender.send(received);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        StandIn { address, requests }
    }

    pub fn collector(&self) -> Collector {
        Collector::new(&url(self.address.port()))
    }

    pub fn next(&self) -> Received {
        self.requests
            .recv_timeout(PATIENCE)
            .expect("a request in time")
    }
}

fn receive(stream: &mut TcpStream) -> Received {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 65536];
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "it ended early");
        bytes.extend_from_slice(&piece[..read]);
        let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if bytes.len() == at + 4 + length {
            let body = bytes.split_off(at + 4);
            return Received { head, body };
        }
    }
}

/// A port of loopback that is ours and where nothing listens, for as long as the socket lives.
pub fn refusing() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}
