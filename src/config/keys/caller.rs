//! Keys about callers and what they may use up.

use crate::config::kind::{Key, Kind, Table};
use crate::config::model::Window;
use crate::config::rules;
use crate::config::words::words;

pub static CALLERS: Table = Table {
    title: "`callers`",
    keys: &[
        Key::or(
            "token_file",
            Kind::Path,
            "~/.openclaw/token",
            "The callers' tokens. Mode 0400 (0600 is accepted with a warning), owned by us, no symlink.",
        ),
        Key::or(
            "allowed_hosts",
            Kind::List(&Kind::Text(&rules::HOST)),
            "[]",
            "Host names that clients may use for us, beside the built-in ones.",
        ),
        Key::or(
            "allowed_origins",
            Kind::List(&Kind::Text(&rules::ORIGIN)),
            "[]",
            "Browser origins that may call.",
        ),
        Key::optional(
            "limits",
            Kind::Named(&CALLER_LIMITS),
            "What single callers may use up, by the name in the token file.",
        ),
    ],
};

static CALLER_LIMITS: Table = Table {
    title: "a caller's limits",
    keys: &[
        BUDGET,
        Key::optional(
            "rate",
            Kind::Section(&RATE),
            "Requests in a fixed window in UTC.",
        ),
        Key::optional(
            "streams",
            Kind::Count(1, 10_000),
            "Requests in flight at most.",
        ),
    ],
};

/// Of a caller or of a route.
pub const BUDGET: Key = Key::optional(
    "budget",
    Kind::Section(&BUDGET_TABLE),
    "Tokens in a fixed window in UTC.",
);

static BUDGET_TABLE: Table = Table {
    title: "a budget",
    keys: &[
        Key::required(
            "tokens",
            Kind::Count(1, 1_000_000_000_000_000),
            "Prompt and completion tokens together.",
        ),
        PER,
    ],
};

static RATE: Table = Table {
    title: "a rate",
    keys: &[
        Key::required(
            "requests",
            Kind::Count(1, 1_000_000_000),
            "Requests at most.",
        ),
        PER,
    ],
};

const PER: Key = Key::required(
    "per",
    Kind::Choice(words::<Window>),
    "The window, which begins with the minute, hour or day in UTC.",
);
