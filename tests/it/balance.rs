//! Which of several equal targets gets a request: by what the servers themselves say of their load, and by how the
//! request begins.
//!
//! `a` and `b` are one pool.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use crate::gate::Stage;
use crate::support::gateway::Builder;
use crate::support::{eventually, laws, plain, Answer, Latch, Request, Script};

mod prefix;
mod pressure;

/// The upstream that answered.
async fn served_by(request: &Request) -> String {
    let reply = request.send().await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let upstream = reply.header("x-sidegate-upstream");
    upstream.expect("an answer names its upstream").to_string()
}
