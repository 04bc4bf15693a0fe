//! The barest pass-through that Pingora can be: one hook, no modules but its own, the product's allocator and profile.
//!
//! What sidegate costs beyond this is sidegate's own doing, so this is what its figures are divided by.
//!
//!     bare-pingora LISTEN BACKEND

use std::net::SocketAddr;

use async_trait::async_trait;
use pingora::server::configuration::ServerConf;
use pingora::server::Server;
use pingora::upstreams::peer::HttpPeer;
use pingora::Result;
use pingora_proxy::{http_proxy_service, ProxyHttp, Session};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many idle upstream connections as sidegate keeps.
const POOL_SIZE: usize = 64;

struct Bare {
    backend: SocketAddr,
}

#[async_trait]
impl ProxyHttp for Bare {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.backend, false, String::new())))
    }
}

fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let mut address = |what| -> Result<SocketAddr, String> {
        let text = arguments.next().ok_or(format!("{what} is missing"))?;
        text.parse().map_err(|error| format!("{what}: {error}"))
    };
    let listen = address("LISTEN")?;
    let backend = address("BACKEND")?;
    let conf = ServerConf {
        threads: 1,
        upstream_keepalive_pool_size: POOL_SIZE,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let mut proxy = http_proxy_service(&server.configuration, Bare { backend });
    proxy.add_tcp(&listen.to_string());
    server.add_service(proxy);
    server.run_forever()
}
