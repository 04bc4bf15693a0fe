//! A port that refuses every connection, for as long as somebody holds it.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// Bound and not listening: the kernel refuses, and nobody else can take the port meanwhile.
pub struct ClosedPort(Socket);

impl ClosedPort {
    /// # Errors
    /// The system has no socket to give, or the address is taken.
    pub fn bind(address: SocketAddr) -> io::Result<ClosedPort> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())?;
        Ok(ClosedPort(socket))
    }

    /// Where it is, with the port that the system chose.
    ///
    /// # Errors
    /// The system doesn't say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        let address = self.0.local_addr()?.as_socket();
        address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    #[test]
    fn nobody_gets_in_and_nobody_else_gets_the_port() {
        let port = ClosedPort::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = port.address().unwrap();
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(TcpListener::bind(address).is_err());
    }
}
