//! Puts the gate into Pingora's connections, and lets a client that leaves end a connect.

use std::net::{self, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use once_cell::sync::Lazy;
use pingora::connectors::http::custom::{Connection, Connector};
use pingora::connectors::l4::Connect;
use pingora::connectors::{ConnectorOptions, TransportConnector};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream as L4Stream;
use pingora::protocols::tls::CustomALPN;
use pingora::protocols::ALPN;
use pingora::upstreams::peer::Peer;
use pingora::{Error, ErrorType, Result};
use tokio::net::TcpStream;

use super::io::Gate;
use super::watch::Watches;
use crate::platform;

/// The mark on a peer by which Pingora asks [`GateConnector`]; it never goes over the wire.
pub fn gate_alpn() -> ALPN {
    static MARK: Lazy<ALPN> = Lazy::new(|| ALPN::Custom(CustomALPN::new(b"gate".to_vec())));
    MARK.clone()
}

/// Makes connections with a gate in front. Pooling stays Pingora's own.
pub struct GateConnector {
    transport: TransportConnector,
    watches: Arc<Watches>,
}

impl GateConnector {
    /// `watches` gets to know every connection that is made.
    pub fn new(watches: Arc<Watches>) -> GateConnector {
        // The pool of this one is never used: connections go back to Pingora's HTTP/1 pool.
        let options = ConnectorOptions::new(0);
        GateConnector {
            transport: TransportConnector::new(Some(options)),
            watches,
        }
    }
}

#[async_trait]
impl Connector for GateConnector {
    /// Never made: every connection speaks HTTP/1 through Pingora's own session.
    type Session = ();

    async fn get_http_session<P: Peer + Send + Sync + 'static>(
        &self,
        peer: &P,
    ) -> Result<(Connection<()>, bool)> {
        // A TLS handshake has to offer http/1.1, not the mark.
        self.transport.prefer_h1(peer);
        let stream = tokio::select! {
            stream = self.transport.new_stream(peer) => stream?,
            () = client_leaves(peer) => {
                return Error::e_explain(ErrorType::ConnectionClosed, "the client left");
            }
            () = self.watches.interrupted() => return Error::err(INTERRUPTED),
        };
        let gate = Gate::try_new(stream, self.watches.add())?;
        Ok((Connection::Stream(Box::new(gate)), false))
    }

    async fn reused_http_session<P: Peer + Send + Sync + 'static>(&self, _peer: &P) -> Option<()> {
        None
    }

    async fn release_http_session<P: Peer + Send + Sync + 'static>(
        &self,
        _session: (),
        _peer: &P,
        _idle_timeout: Option<Duration>,
    ) {
    }
}

/// What a connection that the end of the process has interrupted fails with.
pub const INTERRUPTED: ErrorType = ErrorType::Custom("interrupted");

/// How often a connect looks whether its client is still there.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// No upstream's address, and the way to ask [`WhileClientStays`] for its other half: of what a hook puts into a peer,
/// only this trait object reaches the connector.
const NOWHERE: SocketAddr = SocketAddr::Inet(net::SocketAddr::V4(SocketAddrV4::new(
    Ipv4Addr::UNSPECIFIED,
    0,
)));

/// Ends when the client for whom the connection is made has left. Making it, TLS included, is the one phase in which
/// Pingora doesn't watch the client.
async fn client_leaves<P: Peer>(peer: &P) {
    let options = peer.get_peer_options();
    match options.and_then(|options| options.custom_l4.as_ref()) {
        Some(watching) => drop(watching.connect(&NOWHERE).await),
        None => std::future::pending().await,
    }
}

/// Connects, and knows whether the client is still there.
#[derive(Debug)]
pub struct WhileClientStays {
    client: platform::SocketWatch,
}

impl WhileClientStays {
    pub fn new(client: platform::SocketWatch) -> WhileClientStays {
        WhileClientStays { client }
    }

    async fn until_client_leaves(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.client.is_closed() {
                return;
            }
        }
    }
}

#[async_trait]
impl Connect for WhileClientStays {
    async fn connect(&self, address: &SocketAddr) -> Result<L4Stream> {
        if *address == NOWHERE {
            self.until_client_leaves().await;
            return Error::err(ErrorType::ConnectionClosed);
        }
        let address = address
            .as_inet()
            .ok_or_else(|| Error::new(ErrorType::InternalError))?;
        let connected = TcpStream::connect(address).await;
        connected.map(L4Stream::from).map_err(connect_error)
    }
}

fn connect_error(error: std::io::Error) -> Box<Error> {
    let kind = match error.kind() {
        std::io::ErrorKind::ConnectionRefused => ErrorType::ConnectRefused,
        std::io::ErrorKind::TimedOut => ErrorType::ConnectTimedout,
        _ => ErrorType::ConnectError,
    };
    Error::because(kind, "connecting", error)
}
