//! Asks the upstreams that have `pressure` configured how busy they are, for the choice among targets and the metrics.

use std::sync::Arc;
use std::time::Duration;

use super::prober::get;
use super::rounds::ask_in_turns;
use super::{Shared, Snapshot, Upstream};
use crate::attempt::{read_pressure, NoReading, Reading};
use crate::clock;
use crate::config::Probe;
use crate::http_client::Reply;

/// llama.cpp answers between two batches of a prompt; what comes later than this is old when it comes.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks for as long as the process lives.
pub async fn read_pressure_for_ever(shared: Arc<Shared>) {
    ask_in_turns(
        shared,
        |upstream| upstream.pressure.as_ref(),
        |runtime| runtime.pressure.forget(),
        ask_one,
    )
    .await;
}

async fn ask_one(snapshot: Arc<Snapshot>, index: usize, upstream: Arc<Upstream>, probe: Probe) {
    let before = snapshot.in_flight(index);
    let reply = get(&upstream, &probe.path, PATIENCE.min(probe.every)).await;
    // Whether it answers at all is the health probe's business.
    let Ok(reply) = reply else { return };
    let ours = before.max(snapshot.in_flight(index));
    let (name, pressure) = (&upstream.config.name, &upstream.runtime.pressure);
    match judge(&upstream, &reply) {
        Ok(reading) => {
            if pressure.saw(reading, ours, clock::now()) {
                log::info!("upstream {name} tells how busy it is again");
            }
        }
        Err(why) if pressure.failed(why) => {
            log::warn!("upstream {name} answers its metrics path, but {why}");
        }
        Err(_) => {}
    }
}

fn judge(upstream: &Upstream, reply: &Reply) -> Result<Reading, NoReading> {
    match reply.status {
        200 => read_pressure(upstream.config.family, &reply.body),
        status => Err(NoReading::Status(status)),
    }
}
