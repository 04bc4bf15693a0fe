//! The harness against itself: the raw client straight at the scripted upstream.
//!
//! What is judged wrongly here would be judged wrongly in every test of the gateway.

use std::time::Duration;

use super::client::Client;
use super::script::Script;
use super::upstream::Upstream;

mod client;
mod laws;
mod plumbing;
mod upstream;

const GAP: Duration = Duration::from_millis(20);

/// An upstream with that script, and a client of it.
async fn pair(script: impl Into<Script>) -> (Upstream, Client) {
    let upstream = Upstream::start(script).await;
    let client = Client::new(upstream.addr());
    (upstream, client)
}
