//! The decision is held against a naive model and told as stories; the edge is dropped at every point where it waits.

mod desk;
mod edge;
mod fairness;
mod model;
mod reload;
mod stories;
mod storm;

use std::time::Duration;

use crate::config::{LaneLimits, Lanes};

/// Places and queue of both lanes.
fn lanes(interactive: (u32, u32), batch: (u32, u32)) -> Lanes {
    let lane = |(streams, queue)| LaneLimits {
        streams,
        queue,
        patience: Duration::from_secs(5),
    };
    Lanes {
        interactive: lane(interactive),
        batch: lane(batch),
    }
}

const MIB: u64 = 1 << 20;
