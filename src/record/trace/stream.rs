//! A connection to the collector in which every read and write ends by one deadline.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::clock;

use super::post::{problem, Problem};

/// Plain or encrypted.
pub enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// A socket that is given up when its time is over, however slowly the other side goes on.
pub struct Timed {
    socket: TcpStream,
    deadline: Instant,
}

/// Trusts whom the system trusts. A store that can't be read trusts nobody, which the first connection tells.
pub fn system_trust() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    trust(roots)
}

pub fn trust(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder =
        builder.unwrap_or_else(|_| unreachable!("ring has every version that we compile in"));
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The first of the host's addresses that answers.
pub fn connect(
    host: &str,
    port: u16,
    tls: Option<&Arc<ClientConfig>>,
    deadline: Instant,
) -> Result<Stream, Problem> {
    let addresses = (host, port)
        .to_socket_addrs()
        .map_err(|_| Problem::Unresolved)?;
    let mut last = Problem::Unresolved;
    for address in addresses {
        match open(address, deadline) {
            Ok(timed) => return encrypted(timed, host, tls),
            Err(error) => last = problem(&error),
        }
    }
    Err(last)
}

fn open(address: SocketAddr, deadline: Instant) -> io::Result<Timed> {
    let socket = TcpStream::connect_timeout(&address, left(deadline)?)?;
    socket.set_nodelay(true)?;
    Ok(Timed { socket, deadline })
}

fn encrypted(timed: Timed, host: &str, tls: Option<&Arc<ClientConfig>>) -> Result<Stream, Problem> {
    let Some(config) = tls else {
        return Ok(Stream::Plain(timed));
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Problem::Tls)?;
    let session = ClientConnection::new(Arc::clone(config), name).map_err(|_| Problem::Tls)?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(session, timed))))
}

/// The rest of the time; a timeout of zero would mean none.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(clock::now());
    match left.is_zero() {
        true => Err(ErrorKind::TimedOut.into()),
        false => Ok(left),
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.deadline)?))?;
        self.socket.read(into)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(left(self.deadline)?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(into),
            Stream::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
