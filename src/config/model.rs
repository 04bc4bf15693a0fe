//! The checked configuration: what exists here is valid.
//!
//! These types are made only by [`super::check`]; nothing changes one after that. A request holds the
//! snapshot it started with, so two requests may see two configurations and one never sees both.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A whole, valid configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where clients connect. A non-loopback address comes with `tls`.
    pub listen: SocketAddr,
    pub tls: Option<ListenerTls>,
    /// The admin listener, always loopback.
    pub admin: SocketAddr,
    pub state_dir: PathBuf,
    /// Worker threads of the data listener.
    pub threads: usize,
    /// How long streams may go on after SIGTERM.
    pub drain: Duration,
    pub callers: Callers,
    /// In the order of the file; [`Target::upstream`] is an index into it.
    pub upstreams: Vec<Upstream>,
    /// In the order of the file; [`Config::aliases`] holds indexes into it.
    pub routes: Vec<Route>,
    /// What clients put into `model`, without `*`.
    pub aliases: HashMap<String, usize>,
    /// The route of alias `*`.
    pub wildcard: Option<usize>,
    pub lanes: Lanes,
    pub limits: Limits,
    pub breaker_file: PathBuf,
    pub skills_dir: PathBuf,
    pub logs: Logs,
    pub disk: Disk,
    /// OTLP/HTTP base address.
    pub telemetry: Option<UpstreamUrl>,
    /// Redis address for counts shared across hosts.
    pub shared_redis: Option<String>,
}

/// The data listener's certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerTls {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub client_ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Callers {
    pub token_file: PathBuf,
    /// Host names accepted beside the built-in ones, lower case, without port and trailing dot.
    pub allowed_hosts: Vec<String>,
    /// Browser origins (`scheme://host[:port]`), as written.
    pub allowed_origins: Vec<String>,
    pub limits: BTreeMap<String, CallerLimits>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallerLimits {
    pub budget: Option<Budget>,
    pub rate: Option<Rate>,
    pub streams: Option<u32>,
}

/// Tokens per fixed window in UTC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    pub tokens: u64,
    pub per: Window,
}

/// Requests per fixed window in UTC.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub requests: u64,
    pub per: Window,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Minute,
    Hour,
    Day,
}

/// The software behind an upstream: decides quirks, never trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    Vllm,
    LlamaCpp,
    Mlx,
    LmStudio,
    Ollama,
    Sglang,
    Openai,
    Anthropic,
    Other,
}

impl Family {
    pub const ALL: [Family; 9] = [
        Family::Vllm,
        Family::LlamaCpp,
        Family::Mlx,
        Family::LmStudio,
        Family::Ollama,
        Family::Sglang,
        Family::Openai,
        Family::Anthropic,
        Family::Other,
    ];

    /// The name used in the configuration, metrics and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Vllm => "vllm",
            Family::LlamaCpp => "llama.cpp",
            Family::Mlx => "mlx",
            Family::LmStudio => "lmstudio",
            Family::Ollama => "ollama",
            Family::Sglang => "sglang",
            Family::Openai => "openai",
            Family::Anthropic => "anthropic",
            Family::Other => "other",
        }
    }

    /// Whether somebody else runs it and sends rate-limit headers worth passing on.
    pub fn is_hosted(self) -> bool {
        matches!(self, Family::Openai | Family::Anthropic)
    }
}

/// One server that routes may name.
#[derive(Debug, Clone, PartialEq)]
pub struct Upstream {
    pub name: String,
    pub url: UpstreamUrl,
    pub family: Family,
    pub key_file: Option<PathBuf>,
    pub tls: UpstreamTls,
    /// Requests in flight there at most.
    pub streams: u32,
    /// Nobody configured `streams`, and the server can be asked how many it runs at a time.
    pub streams_are_its_own: bool,
    pub prompt_bytes_in_flight: u64,
    pub health: Option<Probe>,
    pub pressure: Option<Probe>,
    /// More request header names let through, lower case.
    pub request_headers: Vec<String>,
    /// More response header names let through, lower case.
    pub response_headers: Vec<String>,
}

/// `http[s]://host:port/base`, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    pub https: bool,
    /// Lower case; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
    /// Begins with `/` and doesn't end with one; empty for the root.
    pub base_path: String,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct UpstreamTls {
    pub ca_file: Option<PathBuf>,
    /// Client certificate; always together with `key_file`.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    /// SNI and the name that is verified; never empty for https.
    pub server_name: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub path: String,
    pub every: Duration,
}

/// What an alias means.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub name: String,
    /// As written, `*` included.
    pub aliases: Vec<String>,
    pub lane: Lane,
    /// At least one.
    pub targets: Vec<Target>,
    pub balance: Balance,
    pub affinity: Option<String>,
    /// Clamps what the client asks for and is filled in when absent.
    pub max_tokens: Option<u64>,
    pub max_prompt_bytes: u64,
    pub timeouts: Timeouts,
    pub retry: Retry,
    pub breaker: Breaker,
    pub commit: Commit,
    /// SSE comments while a stream waits.
    pub keepalive: Option<Duration>,
    pub queue_position: bool,
    pub resend_with_idempotency_key: bool,
    pub budget: Option<Budget>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Index into [`Config::upstreams`].
    pub upstream: usize,
    /// The name sent upstream; none passes the client's through unchanged.
    pub model: Option<String>,
    pub weight: u32,
    pub tier: u32,
    /// The context window in tokens, where the operator states it.
    pub context: Option<u64>,
    pub max_tokens_field: MaxTokensField,
}

/// The field a missing limit is filled into for chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxTokensField {
    MaxTokens,
    MaxCompletionTokens,
}

impl MaxTokensField {
    pub fn as_str(self) -> &'static str {
        match self {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    Interactive,
    Batch,
}

impl Lane {
    pub const ALL: [Lane; 2] = [Lane::Interactive, Lane::Batch];

    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Interactive => "interactive",
            Lane::Batch => "batch",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    LeastBusy,
    RoundRobin,
    Prefix,
}

/// Where an answer's commit point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    FirstToken,
    Whole,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Timeouts {
    pub connect: Duration,
    pub header: Duration,
    pub first_token: Duration,
    pub first_token_max: Duration,
    pub idle: Duration,
    pub plain: Duration,
    pub total: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Retries after the first attempt.
    pub max: u32,
    pub base: Duration,
    pub cap: Duration,
    pub statuses: Vec<u16>,
    pub retry_after_cap: Duration,
    pub budget: RetryBudget,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    pub percent: u32,
    pub floor: u32,
    pub window: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Breaker {
    pub threshold: u32,
    pub cool_down: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Lanes {
    pub interactive: LaneLimits,
    pub batch: LaneLimits,
}

impl Lanes {
    pub fn of(&self, lane: Lane) -> &LaneLimits {
        match lane {
            Lane::Interactive => &self.interactive,
            Lane::Batch => &self.batch,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct LaneLimits {
    pub streams: u32,
    pub queue: u32,
    pub patience: Duration,
}

/// Sizes in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    pub request_body: u64,
    pub bodies_in_flight: u64,
    pub held_answer: u64,
    pub header_bytes: u64,
    pub headers: u32,
    /// None: half of the file-descriptor limit.
    pub connections: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Logs {
    pub dir: PathBuf,
    pub max_bytes: u64,
    pub max_age: Duration,
    pub keep: u32,
    pub level: log::LevelFilter,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    pub watch: Vec<PathBuf>,
    pub alert_percent: u8,
}
