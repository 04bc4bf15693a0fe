//! One byte stream for both sides, plain or TLS, that still lets go of its socket on request.

use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What client and upstream read and write.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket below, whatever lies between.
    fn tcp(&self) -> &TcpStream;
}

pub type Stream = Box<dyn Transport>;

impl Transport for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Transport for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Transport for tokio_rustls::client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A second handle of the socket, for use while the stream itself is lent out in halves.
///
/// The connection closes when the last handle is dropped: drop this one last, or early.
pub fn second_handle(tcp: &TcpStream) -> Socket {
    SockRef::from(tcp)
        .try_clone()
        .expect("a socket can be duplicated")
}

/// From now on closing means a reset: no linger, unsent bytes thrown away.
pub fn reset_on_close(socket: &SockRef<'_>) {
    // The error is ENOTCONN after the peer's own reset: then there is nobody to send one to.
    let _ = socket.set_linger(Some(Duration::ZERO));
}
