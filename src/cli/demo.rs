//! `sidegate demo`: the gateway with stand-in upstreams, to try without anything to set up.

use std::net::{Ipv4Addr, SocketAddr};

use super::output::show;
use super::{random, serve, Exit};
use crate::demo::{self, Wishes};
use crate::server::{self, StartError};

/// The ports of the real gateway, where they are free.
const LISTEN: u16 = 8787;
const ADMIN: u16 = 8788;

/// Between our looking for a free port and our taking it somebody else may take it.
const TRIES: usize = 3;

#[derive(clap::Args)]
pub struct Arguments {}

pub fn run(_arguments: &Arguments) -> Exit {
    let mut tries = 1;
    loop {
        match start() {
            Ok(()) => return Exit::Done,
            Err(StartError::Taken(_)) if tries < TRIES => tries += 1,
            Err(error) => return serve::explain(&error),
        }
    }
}

fn start() -> Result<(), StartError> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let wishes = Wishes {
        listen: at(LISTEN),
        admin: at(ADMIN),
        temporary: &std::env::temp_dir(),
        random: random::secret_bytes().map_err(StartError::System)?,
    };
    let start = demo::prepare(&wishes, show)
        .map_err(|error| StartError::System(format!("the demo: {error}")))?;
    server::run(start)
}
