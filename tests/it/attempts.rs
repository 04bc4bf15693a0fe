//! What follows an attempt that failed: the same target again, another one, a wait, or the last word.
//!
//! Attempts are counted and timed where they arrive, at the scripted upstreams; what the gateway says of them has to agree.
//! `a` stands before `b` (see [`crate::gate::Stage`]); the route `alone` has `a` only.

use std::time::Duration;

use serde_json::json;

use crate::gate::{stream_head, text_of, Stage, Told};
use crate::support::gateway::Builder;
use crate::support::upstream::SeenRequest;
use crate::support::{
    blackhole, laws, many, open_loop, plain, sse, Answer, End, Gateway, Metrics, Request, Script,
    Upstream,
};

mod budget;
mod cuts;
mod deadline;
mod order;
mod pacing;
mod resend;
mod table;
mod waits;

/// A 429 with these headers.
fn limited(headers: &[(&str, &str)]) -> Answer {
    let body = plain::error_body(
        "rate_limit_error",
        json!("rate_limit_exceeded"),
        "Slow down",
    );
    plain::status(429, headers, body.to_string())
}

/// A 503 with these headers.
fn overloaded(headers: &[(&str, &str)]) -> Answer {
    let body = plain::error_body("server_error", json!("overloaded"), "The engine is busy");
    plain::status(503, headers, body.to_string())
}

/// An error that names nothing but itself.
fn status(code: u16) -> Answer {
    plain::error(code, "server_error", "boom", "it broke")
}

/// From the end of the upstream's answer to the next request there, for each but the last.
fn gaps(requests: &[SeenRequest]) -> Vec<Duration> {
    let answered = |request: &SeenRequest| request.sent.last().expect("an answer").0;
    let pairs = requests.windows(2);
    pairs
        .map(|pair| pair[1].at.saturating_duration_since(answered(&pair[0])))
        .collect()
}
