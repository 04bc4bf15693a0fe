//! Spans: what one request and its attempts came to, for a collector that takes OTLP/HTTP.
//!
//! A request that is recorded has a [`Trace`] from its first look at the headers on, because its attempts name their spans
//! to the upstreams. Everything else happens at its end: one [`RequestSpan`] of plain values goes into a bounded queue, and a
//! thread makes OTLP of it ([`Spans`]). A collector that is slow or away costs a request nothing.
//!
//! The rule a reader would otherwise break: a span holds what an access line may hold. No prompt, no answer, no model name
//! or path that a client made up; `tracestate` travels to the upstream and is never exported.

mod exporter;
mod ids;
mod link;
mod names;
mod parent;
mod post;
mod queue;
#[cfg(test)]
mod sample;
mod span;
mod spans;
mod stream;
mod thread;
mod trace_state;
mod tracing;
mod wire;

pub use exporter::{Counts, Exporter, Process};
pub use ids::SpanId;
pub use post::Collector;
pub use span::{Answer, AttemptSpan, Operation, RequestSpan, Server};
pub use spans::Spans;
pub use tracing::Trace;
