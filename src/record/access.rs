//! The access line: one for every request that reached us, whatever became of it.
//!
//! Keys are always all there and in the same order; what isn't known is null. Names come from the
//! configuration or a closed set, never from the wire: the path is the API's name, not the raw target.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Lane;

use super::json::Object;
use super::labels::{self, Phase, UsageSource};
use super::waits::Wait;

/// A line with usual names is about 600 bytes; this spares the growing.
const USUAL_LINE_BYTES: usize = 768;

/// What is known of one request at its end.
#[derive(Debug, Clone)]
pub struct AccessLine<'a> {
    /// When the request's first byte was read; the line's `ts`.
    pub started: SystemTime,
    /// The one value that may come from the client: it matched `^[A-Za-z0-9._-]{1,64}$`.
    pub correlation_id: &'a str,
    /// None when no token of ours was presented; one that has expired is still somebody's.
    pub caller: Option<&'a str>,
    /// None when none was chosen.
    pub route: Option<&'a str>,
    pub lane: Option<Lane>,
    /// The upstream of the last attempt.
    pub upstream: Option<&'a str>,
    /// What the client was sent, or 499 when it had left.
    pub status: u16,
    /// `ok`, or the code of the failure.
    pub code: &'static str,
    /// Attempts begun, 0 when the request never left us.
    pub attempts: u32,
    /// Time in the lane's queue; none when it never reached the lane.
    pub queue: Option<Duration>,
    /// From the first byte read to the first event with content; none when there was none.
    pub first_token: Option<Duration>,
    /// From the first byte read to the last written.
    pub duration: Duration,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub usage_source: UsageSource,
    /// A name of our own table, never the upstream's text.
    pub finish_reason: Option<&'static str>,
    pub config_generation: u64,
    /// From [`Sequence`], so that a line that was dropped leaves a gap.
    pub seq: u64,
    /// `GET`, `POST` and the like; none for a method we don't know.
    pub method: Option<&'static str>,
    /// The API's name such as `chat/completions`; none for a path we don't know.
    pub path: Option<&'static str>,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The tier of the last attempt's target.
    pub tier: Option<u32>,
    /// The client's own count of its retries (`x-stainless-retry-count`).
    pub client_retry: Option<u32>,
    /// Where the request was when its client left.
    pub phase: Option<Phase>,
    /// The last status seen from the upstream.
    pub upstream_status: Option<u16>,
    /// Events of the stream that were left out because they were no JSON.
    pub dropped_events: u64,
    /// The skill that the request belongs to.
    pub skill: Option<&'a str>,
    /// Whether the last answer was what the skill accepts; none where nothing was judged.
    pub answer_fits: Option<bool>,
    /// Answers that the skill didn't accept and the client didn't get.
    pub refused_answers: u32,
    /// Tokens of those of them that another attempt followed.
    pub discarded_tokens: u64,
    /// Each attempt, in order.
    pub tries: &'a [Try],
    /// Reading the request's body; none when it never came to its end.
    pub upload: Option<Duration>,
    /// Each wait before an attempt, in order.
    pub waits: &'a [Wait],
    /// What its client was told to do about a failure, in our own words.
    pub hint: Option<&'a str>,
}

/// What one attempt came to.
#[derive(Debug, Clone)]
pub struct Try {
    pub upstream: Arc<str>,
    pub outcome: labels::Outcome,
    pub status: Option<u16>,
    /// From the first byte read of the request to the attempt's start.
    pub began: Duration,
    pub took: Duration,
    /// On a connection that had carried another request before.
    pub reused: bool,
}

impl Try {
    fn write(&self, object: &mut Object) {
        object.text("upstream", &self.upstream);
        object.text("outcome", self.outcome.as_str());
        object.number_or_null("status", self.status.map(u64::from));
        object.seconds_or_null("began_seconds", Some(self.began));
        object.seconds_or_null("took_seconds", Some(self.took));
        object.flag("reused", self.reused);
    }
}

impl AccessLine<'_> {
    /// The line, with its newline.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(USUAL_LINE_BYTES);
        self.write(&mut line);
        line
    }

    /// Appends the line, with its newline, to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut line = Object::begin(out);
        self.write_who(&mut line);
        self.write_measures(&mut line);
        self.write_usage(&mut line);
        self.write_particulars(&mut line);
        line.end();
    }

    fn write_who(&self, line: &mut Object) {
        line.time("ts", self.started);
        line.text("correlation_id", self.correlation_id);
        line.text_or_null("caller", self.caller);
        line.text_or_null("route", self.route);
        line.text_or_null("lane", self.lane.map(Lane::as_str));
        line.text_or_null("upstream", self.upstream);
        line.number("status", u64::from(self.status));
        line.text("code", self.code);
    }

    fn write_measures(&self, line: &mut Object) {
        line.number("attempts", u64::from(self.attempts));
        line.seconds_or_null("queue_seconds", self.queue);
        line.seconds_or_null("first_token_seconds", self.first_token);
        line.seconds_or_null("duration_seconds", Some(self.duration));
        line.number("bytes_in", self.bytes_in);
        line.number("bytes_out", self.bytes_out);
    }

    fn write_usage(&self, line: &mut Object) {
        line.number_or_null("prompt_tokens", self.prompt_tokens);
        line.number_or_null("completion_tokens", self.completion_tokens);
        line.text("usage_source", self.usage_source.as_str());
        line.text_or_null("finish_reason", self.finish_reason);
        line.number("config_generation", self.config_generation);
    }

    fn write_particulars(&self, line: &mut Object) {
        line.number("seq", self.seq);
        line.text_or_null("method", self.method);
        line.text_or_null("path", self.path);
        line.flag("stream", self.stream);
        line.number_or_null("tier", self.tier.map(u64::from));
        line.number_or_null("client_retry", self.client_retry.map(u64::from));
        line.text_or_null("phase", self.phase.map(Phase::as_str));
        line.number_or_null("upstream_status", self.upstream_status.map(u64::from));
        line.number("dropped_events", self.dropped_events);
        line.text_or_null("skill", self.skill);
        line.flag_or_null("answer_fits", self.answer_fits);
        line.number("refused_answers", u64::from(self.refused_answers));
        line.number("discarded_tokens", self.discarded_tokens);
        line.objects("tries", self.tries, Try::write);
        line.seconds_or_null("upload_seconds", self.upload);
        line.objects("waits", self.waits, Wait::write);
        line.text_or_null("hint", self.hint);
    }
}

/// Numbers lines from 1 on for the life of the process.
///
/// The files are in order of sending, not of number: two requests may end at the same time.
#[derive(Debug, Default)]
pub struct Sequence(AtomicU64);

impl Sequence {
    /// The next number; no two calls get the same.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(test)]
mod tests;
