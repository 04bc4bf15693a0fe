//! Load for a profiler: one scenario's requests to whatever listens on a port, without measuring its process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use crate::arguments::DriveOptions;
use crate::client::{closed_loop, paced_streams};
use crate::numbers::percentile;
use crate::scenario::Kind;
use crate::Fallible;

pub async fn drive(options: &DriveOptions) -> Fallible<()> {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let request = options.scenario.request();
    let connections = options.connections.max(1);
    let started = Instant::now();
    let times = match options.scenario {
        Kind::Small | Kind::Large => {
            closed_loop(to, &request, connections, options.requests).await?
        }
        Kind::Paced => {
            let each = options.requests.div_ceil(connections);
            paced_streams(to, &request, connections, each).await?
        }
        Kind::Idle => return Err("idle streams are for `run`".to_owned()),
    };
    let microseconds = |percent| percentile(&times, percent).unwrap_or_default();
    println!(
        "{} in {:.2} s, p50 {:.0} µs, p99 {:.0} µs",
        options.requests,
        started.elapsed().as_secs_f64(),
        microseconds(50.0),
        microseconds(99.0),
    );
    Ok(())
}
