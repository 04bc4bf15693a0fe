//! The one table of what spans and their attributes are called; no other file spells such a name.
//!
//! | prefix | from | version |
//! |---|---|---|
//! | `gen_ai.` | OpenTelemetry GenAI semantic conventions, `open-telemetry/semantic-conventions-genai` | `main` of autumn 2026, which has no release yet |
//! | `http.`, `url.`, `server.`, `error.`, `service.` | OpenTelemetry semantic conventions | 1.44.0, stable |
//! | `sidegate.` | this project | as documented here |
//!
//! All of GenAI is in *development*: names move. The last text inside the general conventions is 1.41.1. Since then
//!
//! - `gen_ai.usage.cache_creation.input_tokens` is `gen_ai.usage.cache_write.input_tokens`; neither is sent;
//! - the metric `gen_ai.client.token.usage` is gone: counters `gen_ai.client.inference.usage.input_tokens` and
//!   `.output_tokens` take its place, and `gen_ai.client.operation.duration` is `gen_ai.client.inference.duration` for
//!   inference; no such metric is sent;
//! - `gen_ai.system` has been `gen_ai.provider.name` since 1.37.
//!
//! What is sent means the same in 1.41.1 and in `main`. The scope has no schema URL: none is published for these names.

/// What is being asked for; required.
pub const OPERATION: &str = "gen_ai.operation.name";
/// The server's family; required. `openai` and `anthropic` are well-known, the others are our configuration's words.
pub const PROVIDER: &str = "gen_ai.provider.name";
/// The model as configured: an alias on the request, the target's own on an attempt. Absent where names pass through.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// Set only when it is true.
pub const STREAM: &str = "gen_ai.request.stream";
/// One of our own words, in a list of one.
pub const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// Seconds from the attempt's start.
pub const FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Reported by the upstream, never estimated: these are what is billed.
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// The part of the input that the upstream had cached.
pub const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";

pub const HTTP_METHOD: &str = "http.request.method";
/// A path of our own list; absent for any other.
pub const HTTP_ROUTE: &str = "http.route";
pub const URL_PATH: &str = "url.path";
pub const URL_SCHEME: &str = "url.scheme";
/// What went out, so absent when the client had left.
pub const HTTP_STATUS: &str = "http.response.status_code";
/// From 1 on; absent on the first attempt.
pub const HTTP_RESEND: &str = "http.request.resend_count";
pub const SERVER_ADDRESS: &str = "server.address";
pub const SERVER_PORT: &str = "server.port";
/// A failure code on the request, an outcome on an attempt; there exactly when the status is an error.
pub const ERROR_TYPE: &str = "error.type";

/// Who asked, by the token file.
pub const CALLER: &str = "sidegate.caller";
pub const ROUTE: &str = "sidegate.route";
/// The skill that the request belongs to; absent where there is none.
pub const SKILL: &str = "sidegate.skill";
pub const LANE: &str = "sidegate.lane";
/// `ok`, or the failure's code: also of failures that are the client's own, which are no error of ours.
pub const CODE: &str = "sidegate.code";
/// The same as in the access line and in `x-correlation-id`.
pub const CORRELATION: &str = "sidegate.correlation_id";
pub const ATTEMPTS: &str = "sidegate.attempts";
pub const QUEUE_SECONDS: &str = "sidegate.queue_seconds";
/// From the request's first byte, the wait and the attempts that failed included.
pub const FIRST_TOKEN_SECONDS: &str = "sidegate.first_token_seconds";
pub const GENERATION: &str = "sidegate.config_generation";
pub const UPSTREAM: &str = "sidegate.upstream";
pub const OUTCOME: &str = "sidegate.outcome";
pub const TIER: &str = "sidegate.tier";
/// On a connection that had carried another request before.
pub const REUSED: &str = "sidegate.connection_reused";

pub const SERVICE_NAME: &str = "service.name";
pub const SERVICE_VERSION: &str = "service.version";
/// This process among all gateways.
pub const SERVICE_INSTANCE: &str = "service.instance.id";

/// The name of the service and of the scope.
pub const SIDEGATE: &str = "sidegate";
/// Where the general conventions want a method that isn't one of the known.
pub const OTHER_METHOD: &str = "_OTHER";
/// The span of a request whose method is unknown is called this.
pub const UNKNOWN_METHOD_SPAN: &str = "HTTP";

/// Every attribute, for tests and documentation.
#[cfg(test)]
pub const ATTRIBUTES: [&str; 35] = [
    OPERATION,
    PROVIDER,
    REQUEST_MODEL,
    STREAM,
    FINISH_REASONS,
    FIRST_CHUNK,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    CACHED_TOKENS,
    HTTP_METHOD,
    HTTP_ROUTE,
    URL_PATH,
    URL_SCHEME,
    HTTP_STATUS,
    HTTP_RESEND,
    SERVER_ADDRESS,
    SERVER_PORT,
    ERROR_TYPE,
    CALLER,
    ROUTE,
    SKILL,
    LANE,
    CODE,
    CORRELATION,
    ATTEMPTS,
    QUEUE_SECONDS,
    FIRST_TOKEN_SECONDS,
    GENERATION,
    UPSTREAM,
    OUTCOME,
    TIER,
    REUSED,
    SERVICE_NAME,
    SERVICE_VERSION,
    SERVICE_INSTANCE,
];
