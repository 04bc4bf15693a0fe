//! Asks the upstreams that have `health` configured how they are, with a GET that costs no tokens.

use std::sync::Arc;
use std::time::Duration;

use super::rounds::ask_in_turns;
use super::{Runtime, Shared, Snapshot, Upstream};
use crate::attempt::{classify, ErrorClass, Probed};
use crate::clock;
use crate::config::Probe;
use crate::http_client::{Question, Reply, Server};

/// A healthy server answers a health check in milliseconds; one in prefill may take longer than this and is busy then.
const PATIENCE: Duration = Duration::from_secs(2);

/// Probes for as long as the process lives.
pub async fn probe_for_ever(shared: Arc<Shared>) {
    ask_in_turns(
        shared,
        |upstream| upstream.health.as_ref(),
        Runtime::forget_probes,
        probe_one,
    )
    .await;
}

async fn probe_one(snapshot: Arc<Snapshot>, index: usize, upstream: Arc<Upstream>, probe: Probe) {
    let patience = PATIENCE.min(probe.every);
    let reply = get(&upstream, &probe.path, patience).await;
    let busy = snapshot.in_flight(index) > 0
        && upstream
            .runtime
            .progressed_within(probe.every.max(PATIENCE) * 2, clock::now());
    let probed = match reply {
        Ok(reply) => judge(&reply),
        Err(error) if is_timeout(&error) && busy => Probed::Busy,
        Err(_) => Probed::Bad,
    };
    let (before, after) = upstream.runtime.probed(probed);
    if before.is_fit() != after.is_fit() {
        let state = match (after.is_loading(), after.is_behind()) {
            (true, _) => "is loading its model",
            (false, true) => "does not answer its health check",
            (false, false) => "is healthy",
        };
        log::info!("upstream {} {state}", upstream.config.name);
    }
}

fn judge(reply: &Reply) -> Probed {
    let kind = reply
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok());
    match reply.status {
        // It lives and asks for a key: that is not a probe's business.
        200..=499 => Probed::Good,
        status => match classify(status, kind.unwrap_or_default(), &reply.body) {
            ErrorClass::Loading => Probed::Loading,
            _ => Probed::Bad,
        },
    }
}

fn is_timeout(error: &pingora::Error) -> bool {
    *error.etype() == pingora::ErrorType::ReadTimedout
}

/// A GET at the upstream's host, with its key; `path` begins at the root.
pub async fn get(upstream: &Upstream, path: &str, patience: Duration) -> pingora::Result<Reply> {
    let address = upstream
        .resolver
        .address(clock::now())
        .await
        .map_err(|_| pingora::Error::new(pingora::ErrorType::ConnectError))?;
    let question = Question {
        method: "GET",
        path,
        host: upstream.host.to_str().unwrap_or_default(),
        headers: upstream.key().into_iter().collect(),
        body: &[],
    };
    let peer = Box::new(upstream.peer(address));
    let server = Server::Peer(peer);
    upstream.client.ask(server, &question, patience).await
}
