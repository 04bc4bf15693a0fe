//! How many requests a llama.cpp server runs at a time: it says so itself, and where nobody configured `streams`, that is
//! how many we send there. More would only wait in its queue, where nobody sees them.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::prober::get;
use super::rounds::Rounds;
use super::{Shared, Upstream};
use crate::clock;

/// A server may come back with another number of slots.
const EVERY: Duration = Duration::from_secs(30);

/// How soon after its start a server's slots are known.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// As many as `streams` may be configured to.
const SLOTS: std::ops::RangeInclusive<u32> = 1..=10_000;

const PATIENCE: Duration = Duration::from_secs(2);

/// Of `/props`, which needs no switch to be there.
#[derive(Deserialize)]
struct Props {
    total_slots: u32,
}

/// Asks for as long as the process lives; each reload is taken in with the next round.
pub async fn learn_slots_for_ever(shared: Arc<Shared>) {
    let mut rounds = Rounds::default();
    loop {
        let snapshot = shared.snapshot();
        let unset = |upstream: &&Arc<Upstream>| upstream.config.streams_are_its_own;
        for upstream in snapshot.upstreams.iter().filter(unset) {
            let every = match upstream.runtime.slots() {
                Some(_) => EVERY,
                None => LOOK_EVERY,
            };
            if rounds.is_due(&upstream.config.name, every, clock::now()) {
                tokio::spawn(learn(Arc::clone(&shared), Arc::clone(upstream)));
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn learn(shared: Arc<Shared>, upstream: Arc<Upstream>) {
    let Ok(reply) = get(&upstream, "/props", PATIENCE).await else {
        return;
    };
    let props = serde_json::from_slice::<Props>(&reply.body);
    let slots = props.ok().map(|props| props.total_slots);
    let Some(slots) = slots.filter(|slots| reply.status == 200 && SLOTS.contains(slots)) else {
        return;
    };
    if upstream.runtime.learn_slots(slots) {
        let name = &upstream.config.name;
        log::info!("upstream {name} has {slots} slots: so many requests are sent there at a time");
        shared.set_places();
    }
}
