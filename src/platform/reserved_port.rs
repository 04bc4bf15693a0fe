//! A port that the system chose, kept for us until we listen there.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

/// Bound and not listening: the system gives the port to nobody who asks for any, and we can still bind it.
pub struct ReservedPort {
    address: SocketAddr,
    /// None where the system would keep it from us as well.
    _kept: Option<Socket>,
}

impl ReservedPort {
    /// Takes any free port at the address of `wanted`, whose own is 0.
    ///
    /// # Errors
    /// The system has no port to give.
    pub fn choose(wanted: SocketAddr) -> io::Result<ReservedPort> {
        let socket = Socket::new(Domain::for_address(wanted), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&wanted.into())?;
        let address = socket.local_addr()?.as_socket();
        let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
        // Linux lets two sockets with this option have an address while none listens; macOS doesn't.
        let is_ours = TcpListener::bind(address).is_ok();
        Ok(ReservedPort {
            address,
            _kept: is_ours.then_some(socket),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    #[test]
    fn nobody_else_is_given_the_port_and_we_can_listen_there() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let reserved: Vec<_> = (0..200)
            .map(|_| ReservedPort::choose(any).unwrap())
            .collect();
        let addresses: BTreeSet<_> = reserved.iter().map(ReservedPort::address).collect();
        assert!(addresses.len() == 200 || !cfg!(target_os = "linux"));
        let others: Vec<_> = (0..200).map(|_| TcpListener::bind(any).unwrap()).collect();
        for other in others {
            let taken = addresses.contains(&other.local_addr().unwrap());
            assert!(!taken || !cfg!(target_os = "linux"));
        }
        assert!(TcpListener::bind(reserved[0].address()).is_ok());
    }
}
