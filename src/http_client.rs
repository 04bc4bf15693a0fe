//! A small HTTP/1.1 client on Pingora's connector, for the gateway's own questions: model lists, the control socket, smoke.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use pingora::connectors::http::v1::Connector;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

/// An answer this long is no list of models and no status.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Where to ask.
pub enum Server<'a> {
    Address(SocketAddr),
    /// A Unix socket.
    Socket(&'a Path),
    /// Ready made, with its TLS.
    Peer(Box<HttpPeer>),
}

/// A question.
pub struct Question<'a> {
    pub method: &'static str,
    pub path: &'a str,
    pub host: &'a str,
    pub headers: Vec<(&'static str, http::HeaderValue)>,
    pub body: &'a [u8],
}

/// The whole answer.
pub struct Reply {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

/// Asks, each time on a connection of its own. Made once: making it reads the system's certificates.
pub struct Client {
    connector: Connector,
}

impl Client {
    #[allow(clippy::new_without_default)] // There is one for each process; none is made in passing.
    pub fn new() -> Client {
        Client {
            connector: Connector::new(None),
        }
    }

    pub async fn ask(
        &self,
        server: Server<'_>,
        question: &Question<'_>,
        patience: Duration,
    ) -> Result<Reply> {
        let asked = exchange(&self.connector, server, question, patience);
        match tokio::time::timeout(patience, asked).await {
            Ok(reply) => reply,
            Err(_) => Error::e_explain(ErrorType::ReadTimedout, "no answer in time"),
        }
    }
}

/// Asks once, for a command that asks no more.
pub async fn ask(server: Server<'_>, question: &Question<'_>, patience: Duration) -> Result<Reply> {
    Client::new().ask(server, question, patience).await
}

async fn exchange(
    connector: &Connector,
    server: Server<'_>,
    question: &Question<'_>,
    patience: Duration,
) -> Result<Reply> {
    let mut peer = match server {
        Server::Address(address) => Box::new(HttpPeer::new(address, false, String::new())),
        Server::Socket(path) => Box::new(HttpPeer::new_uds(
            &path.to_string_lossy(),
            false,
            String::new(),
        )?),
        Server::Peer(peer) => peer,
    };
    peer.options.connection_timeout = Some(patience);
    peer.options.read_timeout = Some(patience);
    let (mut session, _) = connector.get_http_session(&*peer).await?;
    let mut head = RequestHeader::build(question.method, question.path.as_bytes(), Some(8))?;
    head.insert_header("host", question.host)?;
    head.insert_header("connection", "close")?;
    for (name, value) in &question.headers {
        head.insert_header(*name, value.clone())?;
    }
    if !question.body.is_empty() || question.method == "POST" {
        head.insert_header("content-length", question.body.len().to_string())?;
    }
    session.write_request_header(Box::new(head)).await?;
    if !question.body.is_empty() {
        session.write_body(question.body).await?;
    }
    session.finish_body().await?;
    session.read_response().await?;
    let (status, headers) = match session.resp_header() {
        Some(head) => (head.status.as_u16(), head.headers.clone()),
        None => return Error::e_explain(ErrorType::InvalidHTTPHeader, "no head"),
    };
    let mut body = BytesMut::new();
    while let Some(piece) = session.read_body_bytes().await? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_ANSWER {
            return Error::e_explain(ErrorType::ReadError, "the answer is too long");
        }
    }
    Ok(Reply {
        status,
        headers,
        body: body.to_vec(),
    })
}
