//! A request's place in its trace: found at the door, told to the upstreams.

use http::{HeaderMap, HeaderValue};

use super::ids::{SpanId, TraceId};
use super::parent::{self, SAMPLED};
use super::trace_state;

/// The trace that a recorded request belongs to, and its own span in it.
#[derive(Debug, Clone)]
pub struct Trace {
    pub(super) id: TraceId,
    /// The caller's span; none when the trace begins with us.
    pub(super) parent: Option<SpanId>,
    pub(super) span: SpanId,
    pub(super) flags: u8,
    /// Other systems' entries, for the upstream only.
    state: Option<HeaderValue>,
}

impl Trace {
    /// Goes on with the caller's trace, or begins one. None when the caller says that its trace isn't recorded: then
    /// nothing is, and its headers travel on untouched.
    pub fn begin(headers: &HeaderMap) -> Option<Trace> {
        let Some(parent) = parent::read(headers) else {
            return Some(Trace::root());
        };
        parent.is_sampled().then(|| Trace {
            id: parent.trace,
            parent: Some(parent.span),
            span: SpanId::random(),
            flags: parent.flags,
            state: trace_state::read(headers),
        })
    }

    /// Without the caller's `traceparent` its `tracestate` means nothing (section 4.2).
    fn root() -> Trace {
        Trace {
            id: TraceId::random(),
            parent: None,
            span: SpanId::random(),
            flags: SAMPLED,
            state: None,
        }
    }

    /// `traceparent` for an upstream: whatever it records hangs below the span of this attempt.
    pub fn traceparent(&self, attempt: SpanId) -> HeaderValue {
        let text = format!("00-{}-{attempt}-{:02x}", self.id, self.flags);
        // Digits and hyphens are always a header's value.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }

    /// `tracestate` for an upstream.
    pub fn tracestate(&self) -> Option<HeaderValue> {
        self.state.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn the_callers_trace_goes_on_to_the_upstream() {
        let trace = Trace::begin(&headers(&[
            ("traceparent", format!("{SENT}03")),
            ("tracestate", "foo=1".to_owned()),
        ]))
        .unwrap();
        let attempt = SpanId::random();

        let sent = trace.traceparent(attempt);

        let expected = format!("00-0af7651916cd43dd8448eb211c80319c-{attempt}-03");
        assert_eq!(sent, expected);
        assert_eq!(trace.tracestate().unwrap(), "foo=1");
        assert_eq!(trace.parent.unwrap().to_string(), "b7ad6b7169203331");
        assert_ne!(trace.parent, Some(trace.span));
    }

    #[test]
    fn a_trace_that_the_caller_does_not_record_is_not_ours_to_record() {
        assert!(Trace::begin(&headers(&[("traceparent", format!("{SENT}00"))])).is_none());
        assert!(Trace::begin(&headers(&[("traceparent", format!("{SENT}02"))])).is_none());
    }

    #[test]
    fn without_a_sound_parent_a_new_trace_begins_and_its_state_is_gone() {
        let broken = headers(&[
            ("traceparent", "00-xyz".to_owned()),
            ("tracestate", "foo=1".to_owned()),
        ]);
        let (one, other) = (
            Trace::begin(&broken).unwrap(),
            Trace::begin(&broken).unwrap(),
        );
        assert_ne!(one.id, other.id);
        assert_eq!(
            (one.parent, one.flags, one.tracestate()),
            (None, SAMPLED, None)
        );
    }

    #[test]
    fn a_broken_tracestate_does_not_cost_the_parent() {
        let trace = Trace::begin(&headers(&[
            ("traceparent", format!("{SENT}01")),
            ("tracestate", "foo".to_owned()),
        ]));
        let trace = trace.unwrap();
        assert!(trace.parent.is_some() && trace.tracestate().is_none());
    }

    #[test]
    fn what_is_sent_can_be_read() {
        let trace = Trace::root();
        let attempt = SpanId::random();
        let headers: HeaderMap = [(
            http::header::HeaderName::from_static("traceparent"),
            trace.traceparent(attempt),
        )]
        .into_iter()
        .collect();
        let read = parent::read(&headers).unwrap();
        assert_eq!(
            (read.trace, read.span, read.flags),
            (trace.id, attempt, trace.flags)
        );
    }
}
