//! Who listens on which TCP port of this host.
//!
//! Names of programs only, never their arguments: those may hold secrets.

#[cfg(any(test, not(target_os = "linux")))]
mod lsof;
#[cfg(target_os = "linux")]
mod proc;

use std::net::SocketAddr;

/// One listening socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub address: SocketAddr,
    /// None where the system doesn't tell us: the process is another user's.
    pub owner: Option<Owner>,
}

/// A process that has a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub pid: u32,
    /// The program's name.
    pub name: String,
}

/// Every listening socket that the system tells of; none at all where it tells of none.
pub fn listeners() -> Vec<Listener> {
    system::listeners()
}

#[cfg(target_os = "linux")]
mod system {
    use super::*;

    pub fn listeners() -> Vec<Listener> {
        proc::listeners(std::path::Path::new("/proc"))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;
    use crate::platform::outside::said_by;

    pub fn listeners() -> Vec<Listener> {
        let said = said_by(
            "/usr/sbin/lsof",
            &["-nP", "-w", "-iTCP", "-sTCP:LISTEN", "-FpcnT", "+c0"],
        );
        lsof::listeners(&said.unwrap_or_default())
    }
}
