//! Upstreams that can't be reached: one that refuses, one that never answers the handshake.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A port that refuses every connection for as long as this lives.
pub struct Refusing {
    addr: SocketAddr,
    /// Bound and not listening: the kernel refuses, and nobody else can take the port meanwhile.
    _holder: TcpSocket,
}

impl Refusing {
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }
}

pub fn refuse() -> Refusing {
    let holder = TcpSocket::new_v4().expect("a socket");
    holder
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a free port");
    Refusing {
        addr: holder.local_addr().expect("its address"),
        _holder: holder,
    }
}

/// A port at which a connect neither succeeds nor fails.
pub struct Blackhole {
    addr: SocketAddr,
    _listener: TcpListener,
    /// They fill the queue of connections that nobody accepts.
    _filling: Vec<TcpStream>,
}

impl Blackhole {
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }
}

/// Panics where the kernel doesn't let a connect hang (it does on Linux: a full queue drops the SYN).
pub async fn blackhole() -> Blackhole {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(([127, 0, 0, 1], 0).into())
        .expect("a free port");
    let listener = socket.listen(0).expect("a listener");
    let addr = listener.local_addr().expect("its address");
    let mut filling = Vec::new();
    for _ in 0..16 {
        match tokio::time::timeout(Duration::from_millis(100), TcpStream::connect(addr)).await {
            Ok(connection) => filling.push(connection.expect("a connection for the queue")),
            Err(_) => {
                return Blackhole {
                    addr,
                    _listener: listener,
                    _filling: filling,
                }
            }
        }
    }
    panic!("connects to a full queue still succeed here: no black hole to be had");
}
