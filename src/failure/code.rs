//! The closed list of failure codes: one flat table that holds all that is fixed about each.
//!
//! Clients, dashboards and alerts match on these names: a code may be added, never renamed.

/// The closed set of `error.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    InvalidRequest,
    Authentication,
    Permission,
    NotFound,
    RateLimit,
    Quota,
    Server,
    Upstream,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::InvalidRequest => "invalid_request_error",
            Kind::Authentication => "authentication_error",
            Kind::Permission => "permission_error",
            Kind::NotFound => "not_found_error",
            Kind::RateLimit => "rate_limit_error",
            Kind::Quota => "insufficient_quota",
            Kind::Server => "server_error",
            Kind::Upstream => "upstream_error",
        }
    }
}

/// What the table says about one code.
struct Row {
    name: &'static str,
    status: u16,
    retryable: bool,
    kind: Kind,
    message: &'static str,
    when: &'static str,
}

/// Makes the enum, its list and its rows out of one table, so that none can lack a code.
macro_rules! codes {
    ($($code:ident $name:literal $status:literal $retryable:literal $kind:ident $message:literal $when:literal;)*) => {
        /// Why a request failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $when] $code,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$code,)*];

            fn row(self) -> Row {
                match self {
                    $(Code::$code => Row {
                        name: $name,
                        status: $status,
                        retryable: $retryable,
                        kind: Kind::$kind,
                        message: $message,
                        when: $when,
                    },)*
                }
            }
        }
    };
}

// Code, name, status, whether SDKs should send again, error type; then the message's beginning, and when it happens.
// Clients match three messages by their first words: context_length_exceeded, rate_limited, upstream_overloaded.
// "prompt is too long" is what agents of the messages API look for before they compact a conversation.
codes! {
    MissingToken "missing_token" 401 false Authentication
        "The bearer token is missing or not valid."
        "No token came with the request; the client is told `invalid_token`.";
    InvalidToken "invalid_token" 401 false Authentication
        "The bearer token is missing or not valid."
        "The token is not in the token file, or was revoked.";
    ExpiredToken "expired_token" 401 false Authentication
        "The bearer token is missing or not valid."
        "The token's `expires=` has passed; the client is told `invalid_token`.";
    InsufficientScope "insufficient_scope" 403 false Permission
        "This token may not do that."
        "The caller lacks the scope for the route, the lane or the list of models.";
    HostDenied "host_denied" 421 false Permission
        "This Host name is not accepted."
        "The `Host` header is none of the built-in or allowed names (DNS rebinding).";
    OriginDenied "origin_denied" 403 false Permission
        "This browser origin is not accepted."
        "The `Origin` header names a page that is not allowed.";
    UnknownModel "unknown_model" 404 false NotFound
        "No route serves this model."
        "`model` is no alias of any route.";
    UnknownPath "unknown_path" 404 false NotFound
        "There is nothing at this path."
        "The path is none that the gateway serves.";
    MethodNotAllowed "method_not_allowed" 405 false InvalidRequest
        "This path takes another method."
        "The path is served, but not for this method.";
    InvalidRequest "invalid_request" 400 false InvalidRequest
        "The request is not valid."
        "The framing, the JSON, `model` or a forbidden key.";
    DuplicateKey "duplicate_key" 400 false InvalidRequest
        "A key stands twice in the request."
        "A top-level key is there more than once, equal values included.";
    SchemaViolation "schema_violation" 400 false InvalidRequest
        "The request is not what its skill may send."
        "The request breaks a rule of its skill's manifest: route, lane, tools, or the schema under `request`.";
    SkillUnknown "skill_unknown" 400 false InvalidRequest
        "There is no such skill."
        "`x-sidegate-skill` or the token names a skill that does not exist.";
    UnsupportedMediaType "unsupported_media_type" 415 false InvalidRequest
        "The request body must be plain JSON."
        "The content type is not JSON, or the body is compressed.";
    BodyTooLarge "body_too_large" 413 false InvalidRequest
        "The request body is too large."
        "The declared or actual size is over a limit.";
    HeadersTooLarge "headers_too_large" 431 false InvalidRequest
        "The request headers are too large."
        "Too many header bytes or too many headers.";
    RequestTimeout "request_timeout" 408 false InvalidRequest
        "The request did not arrive in time."
        "The head or the body came too slowly or stopped.";
    ContextLengthExceeded "context_length_exceeded" 400 false InvalidRequest
        "This model's maximum context length was exceeded: the prompt is too long."
        "The upstream says that prompt and limit do not fit the model. Keeps the upstream's 4xx.";
    ContentPolicyViolation "content_policy_violation" 400 false InvalidRequest
        "The provider's content policy refused the request."
        "The upstream says so. Keeps the upstream's 4xx.";
    UpstreamRejected "upstream_rejected" 400 false InvalidRequest
        "The model server rejected the request."
        "Any other 4xx of the upstream, which is kept.";
    RateLimited "rate_limited" 429 false RateLimit
        "Rate limit reached at the upstream."
        "The upstream's own 429, with retries spent or not worth waiting for.";
    BudgetExhausted "budget_exhausted" 429 false Quota
        "The budget of this window is used up."
        "The tokens or requests of the caller, the route or the skill are used up.";
    LaneFull "lane_full" 429 true RateLimit
        "Too many requests are waiting."
        "The lane's queue is full.";
    QueueTimeout "queue_timeout" 503 true Server
        "No place became free in time."
        "The lane's patience ended before a place was free.";
    CircuitOpen "circuit_open" 503 false Server
        "The model server is being left alone after repeated failures."
        "The breakers of all usable targets are open.";
    NoUpstream "no_upstream" 503 false Server
        "No model server can take this request."
        "Every target is drained or otherwise unusable.";
    UpstreamOverloaded "upstream_overloaded" 503 false Server
        "The model is overloaded."
        "503 or 529 after the last retry, or the model is still loading.";
    RetryBudgetExhausted "retry_budget_exhausted" 503 false Server
        "The model server fails too often to try again now."
        "The retries that all requests to this upstream share are used up.";
    UpstreamUnreachable "upstream_unreachable" 502 false Upstream
        "The model server cannot be reached."
        "The connection was refused, or TLS failed.";
    UpstreamError "upstream_error" 502 false Upstream
        "The model server failed."
        "Any other 5xx, 408 or 425 of the upstream, or its error event.";
    UpstreamProtocolError "upstream_protocol_error" 502 false Upstream
        "The model server's answer is not valid HTTP."
        "No HTTP, broken framing, or a close before the first byte.";
    UpstreamTruncated "upstream_truncated" 502 false Upstream
        "The model server's answer ended early."
        "The answer ended without the signs of a whole one, before any of it went out.";
    UpstreamAuthFailed "upstream_auth_failed" 502 false Upstream
        "The model server refuses the gateway's key."
        "401 or 403 of the upstream.";
    UpstreamModelMissing "upstream_model_missing" 502 false Upstream
        "The model server does not have this model."
        "404 of the upstream that names the model.";
    UpstreamRedirect "upstream_redirect" 502 false Upstream
        "The model server redirects elsewhere."
        "3xx of the upstream; redirects are not followed.";
    ResponseSchemaViolation "response_schema_violation" 502 false Upstream
        "The model's answer is not what the skill accepts."
        "The answer breaks a rule of its skill's manifest: tools, or a schema under `response`.";
    UpstreamConnectTimeout "upstream_connect_timeout" 504 false Upstream
        "Connecting to the model server took too long."
        "`timeouts.connect` passed.";
    UpstreamHeaderTimeout "upstream_header_timeout" 504 false Upstream
        "The model server did not begin to answer in time."
        "`timeouts.header` and the allowance for the prompt passed.";
    UpstreamFirstTokenTimeout "upstream_first_token_timeout" 504 false Upstream
        "The model's first token took too long."
        "`timeouts.first_token` and the allowance for the prompt passed.";
    UpstreamIdleTimeout "upstream_idle_timeout" 504 false Upstream
        "The model fell silent."
        "`timeouts.idle` passed between two bytes, before any of the answer went out.";
    UpstreamPlainTimeout "upstream_plain_timeout" 504 false Upstream
        "The whole answer took too long."
        "`timeouts.plain` passed for an answer that is no stream.";
    DeadlineExceeded "deadline_exceeded" 504 false Server
        "The request's time is up."
        "`timeouts.total`, or the client's own timeout less a second, passed.";
    StreamInterrupted "stream_interrupted" 502 false Upstream
        "The answer broke off and is not complete."
        "In the stream: cut or stalled after part of the answer went out.";
    Draining "draining" 503 true Server
        "The gateway is shutting down."
        "A request came while the gateway drains, or had no word of its answer yet when `drain` was over.";
    TooManyConnections "too_many_connections" 503 true Server
        "The gateway has too many connections."
        "`limits.connections` is reached.";
    LoopDetected "loop_detected" 508 false Server
        "The gateway was asked to call itself."
        "A request came back with our own `x-sidegate-hop`.";
    Internal "internal" 500 false Server
        "The gateway itself failed."
        "A fault of the gateway; the process log has it.";
    ClientClosed "client_closed" 499 false InvalidRequest
        "The client closed the connection."
        "The client left before its answer was whole. In the log only.";
}

impl Code {
    /// The name in answers, logs and metrics.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The status that this code has of itself; a [`super::Failure`] may keep the upstream's 4xx instead.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// Whether an SDK should send the request again: `x-should-retry`.
    ///
    /// It is false wherever the gateway has spent the retries already, or where they can't help.
    pub fn retryable(self) -> bool {
        self.row().retryable
    }

    /// The value of `error.type`.
    pub fn error_type(self) -> &'static str {
        self.kind().as_str()
    }

    /// The beginning of the message: a whole sentence.
    pub fn message(self) -> &'static str {
        self.row().message
    }

    /// When it happens, for the documentation.
    pub fn when(self) -> &'static str {
        self.row().when
    }

    /// What the client may know.
    ///
    /// A missing, a wrong and an expired token are told alike, so that a prober learns nothing; the precise code is
    /// for the log.
    pub fn public(self) -> Code {
        match self {
            Code::MissingToken | Code::ExpiredToken => Code::InvalidToken,
            other => other,
        }
    }

    /// Whether the answer has the upstream's own 4xx.
    pub fn keeps_upstream_status(self) -> bool {
        matches!(
            self,
            Code::ContextLengthExceeded | Code::ContentPolicyViolation | Code::UpstreamRejected
        )
    }

    pub(super) fn kind(self) -> Kind {
        self.row().kind
    }
}
