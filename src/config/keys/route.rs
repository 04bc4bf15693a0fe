//! Keys of a route and its targets.

use super::{caller, hours, millis, minutes, recovery, GIB, KIB};
use crate::config::kind::{Key, Kind, Table};
use crate::config::model::{Balance, Commit, Lane, MaxTokensField};
use crate::config::rules;
use crate::config::words::words;

/// More tokens than any window or answer has.
pub const TOKENS: u64 = 100_000_000;

pub static ROUTE: Table = Table {
    title: "a route",
    keys: &[
        Key::required(
            "alias",
            Kind::List(&Kind::Text(&rules::ALIAS)),
            "What clients put into `model`. \"*\" takes every other name through unchanged.",
        ),
        Key::or(
            "lane",
            Kind::Choice(words::<Lane>),
            "interactive",
            "Whose places its requests take.",
        ),
        Key::required("targets", Kind::Items(&TARGET), "Who may serve it."),
        Key::or(
            "balance",
            Kind::Choice(words::<Balance>),
            "least_busy",
            "How one of the targets of a tier is chosen. `prefix` keeps equal beginnings of prompts \
             on one target, for its cache.",
        ),
        Key::optional(
            "affinity",
            Kind::Text(&rules::REQUEST_HEADER),
            "A request header whose value keeps a conversation on one target while that is well.",
        ),
        Key::optional(
            "max_tokens",
            Kind::Count(1, TOKENS),
            "Clamps what the client asks for, and is filled in when it asks for nothing.",
        ),
        Key::or(
            "max_prompt_bytes",
            Kind::Size(KIB, 4 * GIB),
            "8MiB",
            "A larger request body is refused.",
        ),
        Key::optional("timeouts", Kind::Section(&TIMEOUTS), "How long each part may take."),
        Key::optional(
            "retry",
            Kind::Section(&recovery::ROUTE_RETRY),
            "Any key of the top-level `retry`, for this route.",
        ),
        Key::optional(
            "breaker",
            Kind::Section(&recovery::ROUTE_BREAKER),
            "Any key of the top-level `breaker` but `file`, for this route.",
        ),
        Key::depends(
            "commit",
            Kind::Choice(words::<Commit>),
            "by lane: interactive first_token, batch whole",
            "Up to where an answer is held back, so that a failure can be repaired unseen.",
        ),
        Key::depends(
            "keepalive",
            Kind::Or("off", &Kind::Duration(millis(100), minutes(5))),
            "off, or 10s with commit whole",
            "SSE comments while a stream waits.",
        ),
        Key::or(
            "queue_position",
            Kind::Flag,
            "false",
            "Says in those comments how many are ahead in the queue.",
        ),
        Key::or(
            "resend_with_idempotency_key",
            Kind::Flag,
            "false",
            "Repeats requests with side effects too, where the client sent `idempotency-key`.",
        ),
        caller::BUDGET,
    ],
};

static TARGET: Table = Table {
    title: "a target",
    keys: &[
        Key::required(
            "upstream",
            Kind::Text(&rules::MODEL),
            "The name of an upstream.",
        ),
        Key::optional(
            "model",
            Kind::Text(&rules::MODEL),
            "The name that this upstream knows the model by. Only a target of a \"*\" route may go \
             without: then the client's own name passes through.",
        ),
        Key::or(
            "weight",
            Kind::Count(1, 1000),
            "1",
            "Its share among the targets of its tier.",
        ),
        Key::or(
            "tier",
            Kind::Count(0, 100),
            "0",
            "A later tier is used when the earlier ones can't serve.",
        ),
        Key::optional("context", Kind::Count(1, TOKENS), "The model's context window in tokens."),
        Key::or(
            "max_tokens_field",
            Kind::Choice(words::<MaxTokensField>),
            "max_tokens",
            "The field that a missing limit of a chat is filled into.",
        ),
    ],
};

static TIMEOUTS: Table = Table {
    title: "`timeouts`",
    keys: &[
        Key::or(
            "connect",
            Kind::Duration(millis(1), minutes(5)),
            "2s",
            "To connect, TLS included.",
        ),
        timeout(
            "header",
            "30s",
            "For the head of a stream, at least; grows with the prompt.",
        ),
        timeout(
            "first_token",
            "60s",
            "For the first token of a stream, at least; grows with the prompt.",
        ),
        timeout(
            "first_token_max",
            "10m",
            "What the two above grow to at most.",
        ),
        timeout("idle", "30s", "Of silence in a stream."),
        timeout("plain", "9m", "For an answer that is no stream."),
        timeout(
            "total",
            "9m30s",
            "For everything, the queue and the retries included.",
        ),
    ],
};

const fn timeout(name: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key::or(name, Kind::Duration(millis(1), hours(24)), default, doc)
}
