//! One failure: its code and what is known about this very case.
//!
//! A fact that doesn't belong to the code is harmless; it is left out of what is told.

use std::time::{Duration, SystemTime};

use super::{Code, Pointer};
use crate::config::Family;

/// Why a request failed, with the facts that its answer may name.
///
/// Built by the stage that found it: `Failure::new(Code::RateLimited).retry_after(wait).upstream_status(429)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    code: Code,
    status: Option<u16>,
    upstream_status: Option<u16>,
    retry_after: Option<Duration>,
    pointer: Option<Pointer>,
    rule: Option<&'static str>,
    context_window: Option<u64>,
    renews_at: Option<SystemTime>,
    config_key: Option<&'static str>,
    allow: Option<&'static str>,
    nearest: Option<String>,
    html_page: bool,
    loading: bool,
    family: Option<Family>,
}

/// Nothing of ours is longer away than the longest budget window.
const LONGEST_WAIT_SECONDS: u64 = 86_400;

impl Failure {
    /// A failure of which nothing but the code is known.
    pub fn new(code: Code) -> Failure {
        Failure {
            code,
            status: None,
            upstream_status: None,
            retry_after: None,
            pointer: None,
            rule: None,
            context_window: None,
            renews_at: None,
            config_key: None,
            allow: None,
            nearest: None,
            html_page: false,
            loading: false,
            family: None,
        }
    }

    /// Keeps the upstream's own 4xx; taken only where [`Code::keeps_upstream_status`] and only from 400 to 499.
    ///
    /// Its 401 and 407 are never kept: they would tell the client that its own token is wrong.
    pub fn status(mut self, status: u16) -> Failure {
        self.status = Some(status);
        self
    }

    /// The last status seen from the upstream.
    pub fn upstream_status(mut self, status: u16) -> Failure {
        self.upstream_status = Some(status);
        self
    }

    /// How long the client should wait before it sends again; told on 429 and 503.
    pub fn retry_after(mut self, wait: Duration) -> Failure {
        self.retry_after = Some(wait);
        self
    }

    /// The offending place in the request.
    pub fn pointer(mut self, pointer: Pointer) -> Failure {
        self.pointer = Some(pointer);
        self
    }

    /// The rule that the place breaks: a keyword of JSON Schema, or a word of our own.
    pub fn rule(mut self, rule: &'static str) -> Failure {
        self.rule = Some(rule);
        self
    }

    /// The model's context window in tokens, as configured.
    pub fn context_window(mut self, tokens: u64) -> Failure {
        self.context_window = Some(tokens);
        self
    }

    /// When the budget renews. The wait until then is [`Failure::retry_after`]'s to say: this value knows no clock.
    pub fn renews_at(mut self, at: SystemTime) -> Failure {
        self.renews_at = Some(at);
        self
    }

    /// The configuration key that decided, such as `lanes.batch.queue`.
    pub fn config_key(mut self, key: &'static str) -> Failure {
        self.config_key = Some(key);
        self
    }

    /// The methods of the path, for the `allow` header that a 405 must have (RFC 9110, 15.5.6).
    pub fn allow(mut self, methods: &'static str) -> Failure {
        self.allow = Some(methods);
        self
    }

    /// The configured name that looks most like the one that was asked for.
    pub fn nearest(mut self, name: &str) -> Failure {
        self.nearest = Some(name.to_owned());
        self
    }

    /// What answered was an HTML page, so probably no model server.
    pub fn html_page(mut self) -> Failure {
        self.html_page = true;
        self
    }

    /// The upstream said that its model is still loading.
    pub fn loading(mut self) -> Failure {
        self.loading = true;
        self
    }

    /// The software of the upstream that had the last word.
    pub fn family(mut self, family: Family) -> Failure {
        self.family = Some(family);
        self
    }
}

impl Failure {
    /// The precise code, for logs and metrics; clients are told [`Code::public`].
    pub fn code(&self) -> Code {
        self.code
    }

    /// The status of the answer, or in a stream the one that it would have had.
    pub fn http_status(&self) -> u16 {
        match self.status {
            Some(401 | 407) | None => self.code.status(),
            Some(status @ 400..=499) if self.code.keeps_upstream_status() => status,
            Some(_) => self.code.status(),
        }
    }

    /// The last status seen from the upstream.
    pub fn seen_upstream_status(&self) -> Option<u16> {
        self.upstream_status
    }

    /// The wait that the stage named, as it was given.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The offending place in the request.
    pub fn place(&self) -> Option<&Pointer> {
        self.pointer.as_ref()
    }

    /// The rule that is broken.
    pub fn broken_rule(&self) -> Option<&'static str> {
        self.rule
    }

    /// The model's context window in tokens.
    pub fn window(&self) -> Option<u64> {
        self.context_window
    }

    /// When the budget renews.
    pub fn renewal(&self) -> Option<SystemTime> {
        self.renews_at
    }

    /// The configuration key that decided.
    pub fn deciding_key(&self) -> Option<&'static str> {
        self.config_key
    }

    /// The methods of the path.
    pub fn allowed_methods(&self) -> Option<&'static str> {
        self.allow
    }

    /// The configured name that was probably meant.
    pub fn nearest_name(&self) -> Option<&str> {
        self.nearest.as_deref()
    }

    /// Whether an HTML page answered.
    pub fn is_html_page(&self) -> bool {
        self.html_page
    }

    /// Whether the model is still loading.
    pub fn is_loading(&self) -> bool {
        self.loading
    }

    /// The software of the upstream that had the last word.
    pub fn upstream_family(&self) -> Option<Family> {
        self.family
    }

    /// The wait in the whole seconds of `retry-after`: rounded up, at least 1 and at most a day.
    ///
    /// What is over at any moment (a queue, a drain, a probe) is asked for again soon; other things get 5 s.
    pub fn wait_seconds(&self) -> u64 {
        let known = self.retry_after.map(|wait| {
            let started = u64::from(wait.subsec_nanos() > 0);
            wait.as_secs().saturating_add(started)
        });
        let seconds = known.unwrap_or(match self.code {
            Code::LaneFull | Code::Draining | Code::TooManyConnections | Code::CircuitOpen => 1,
            _ => 5,
        });
        seconds.clamp(1, LONGEST_WAIT_SECONDS)
    }

    /// What the client may know: of a refused token nothing but that.
    pub(super) fn public(&self) -> Failure {
        match self.code.public() {
            Code::InvalidToken => Failure::new(Code::InvalidToken),
            _ => self.clone(),
        }
    }
}
