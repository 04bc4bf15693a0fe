//! The stand-in upstreams on the wire: two servers on free loopback ports, and one port that refuses everybody.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::apps::{HttpPersistentSettings, HttpServerApp, ReusedHttpStream, ServerApp};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::protocols::l4::stream::Stream as Connection;
use pingora::server::ShutdownWatch;
use pingora::Result;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::answer::{answer, Answer, StandIn, Stream};
use crate::platform::ClosedPort;

/// What a stand-in reads of a body at most; the gateway's own limit is lower by default.
const LARGEST_BODY: usize = 64 << 20;

/// When the system has no descriptor left for a connection: a pause, or we would only turn in circles.
const AFTER_REFUSED_ACCEPT: Duration = Duration::from_millis(50);

/// Where they are.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub first: SocketAddr,
    pub second: SocketAddr,
    /// Every connection to it is refused.
    pub nobody: SocketAddr,
}

/// Running for as long as this lives.
pub struct StandIns {
    addresses: Addresses,
    runtime: Option<Runtime>,
    _nobody: ClosedPort,
}

impl StandIns {
    /// Takes the ports and serves them from a thread of its own, which no busy gateway can hold up.
    pub fn start() -> io::Result<StandIns> {
        let (first, second, nobody) = (listener()?, listener()?, ClosedPort::bind(any_port())?);
        let addresses = Addresses {
            first: first.local_addr()?,
            second: second.local_addr()?,
            nobody: nobody.address()?,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("stand-in")
            .enable_all()
            .build()?;
        for (stand_in, listener) in [(StandIn::First, first), (StandIn::Second, second)] {
            let _inside = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(serve(Arc::new(App { stand_in }), listener));
        }
        Ok(StandIns {
            addresses,
            runtime: Some(runtime),
            _nobody: nobody,
        })
    }

    pub fn addresses(&self) -> Addresses {
        self.addresses
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))
}

fn listener() -> io::Result<TcpListener> {
    let listener = TcpListener::bind(any_port())?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(app: Arc<App>, listener: tokio::net::TcpListener) {
    // The demo's end is the process's: nobody ever asks a stand-in to shut down.
    let (_keep_going, shutdown) = watch::channel(false);
    loop {
        match listener.accept().await {
            Ok((tcp, _)) => {
                let _ = tcp.set_nodelay(true);
                let (app, shutdown) = (Arc::clone(&app), shutdown.clone());
                tokio::spawn(async move {
                    app.process_new(Box::new(Connection::from(tcp)), &shutdown)
                        .await
                });
            }
            Err(_) => tokio::time::sleep(AFTER_REFUSED_ACCEPT).await,
        }
    }
}

/// One stand-in as Pingora's own HTTP server sees it.
struct App {
    stand_in: StandIn,
}

#[async_trait]
impl HttpServerApp for App {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        _shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        if !session.read_request().await.ok()? {
            return None;
        }
        session.set_keepalive(Some(60));
        let body = read_body(&mut session).await?;
        let header = session.req_header();
        let answer = answer(
            self.stand_in,
            header.method.as_str(),
            header.raw_path(),
            &body,
        );
        let is_whole = send(&mut session, answer).await.ok()?;
        if !is_whole {
            // Dropped without its last chunk: that is what a cut stream is.
            return None;
        }
        let settings = HttpPersistentSettings::for_session(&session);
        let reusable = session.finish().await.ok()??;
        Some(ReusedHttpStream::from_reusable_stream(reusable, settings))
    }
}

async fn read_body(session: &mut ServerSession) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(piece) = session.read_request_body().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST_BODY {
            return None;
        }
    }
    Some(body)
}

/// Whether the answer was sent to its end.
async fn send(session: &mut ServerSession, answer: Answer) -> Result<bool> {
    match answer {
        Answer::Whole { status, body } => send_whole(session, status, &body).await.map(|()| true),
        Answer::Stream(stream) => send_stream(session, stream).await,
    }
}

async fn send_whole(session: &mut ServerSession, status: u16, body: &Value) -> Result<()> {
    let body = Bytes::from(body.to_string());
    let mut head = ResponseHeader::build(status, Some(2))?;
    head.insert_header("content-type", "application/json")?;
    head.insert_header("content-length", body.len().to_string())?;
    session.write_response_header(Box::new(head)).await?;
    session.write_response_body(body, true).await
}

async fn send_stream(session: &mut ServerSession, stream: Stream) -> Result<bool> {
    let mut head = ResponseHeader::build(200, Some(2))?;
    head.insert_header("content-type", "text/event-stream; charset=utf-8")?;
    head.insert_header("transfer-encoding", "chunked")?;
    session.write_response_header(Box::new(head)).await?;
    for beat in stream.beats {
        if !beat.pause.is_zero() {
            tokio::time::sleep(beat.pause).await;
        }
        session
            .write_response_body(Bytes::from(beat.event), false)
            .await?;
    }
    if stream.is_cut {
        return Ok(false);
    }
    session.write_response_body(Bytes::new(), true).await?;
    Ok(true)
}
