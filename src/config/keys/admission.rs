//! Keys about places, queues and memory.

use super::{hours, millis, GIB, KIB, MIB, TIB};
use crate::config::kind::{Key, Kind, Table};

pub static LANES: Table = Table {
    title: "`lanes`",
    keys: &[
        Key::optional(
            "interactive",
            Kind::Section(&INTERACTIVE),
            "For somebody who waits.",
        ),
        Key::optional(
            "batch",
            Kind::Section(&BATCH),
            "For work that nobody waits for.",
        ),
    ],
};

static INTERACTIVE: Table = Table {
    title: "a lane",
    keys: &lane("32", "64", "5s"),
};

static BATCH: Table = Table {
    title: "a lane",
    keys: &lane("8", "512", "5m"),
};

const fn lane(streams: &'static str, queue: &'static str, patience: &'static str) -> [Key; 3] {
    [
        Key::or(
            "streams",
            Kind::Count(1, 10_000),
            streams,
            "Requests in flight at most.",
        ),
        Key::or(
            "queue",
            Kind::Count(0, 1_000_000),
            queue,
            "Requests that may wait; one more is refused at once.",
        ),
        Key::or(
            "patience",
            Kind::Duration(millis(1), hours(24)),
            patience,
            "How long each may wait.",
        ),
    ]
}

pub static LIMITS: Table = Table {
    title: "`limits`",
    keys: &[
        Key::or(
            "request_body",
            Kind::Size(KIB, 4 * GIB),
            "32MiB",
            "A larger request is refused.",
        ),
        Key::or(
            "bodies_in_flight",
            Kind::Size(KIB, TIB),
            "512MiB",
            "All request bodies in memory together.",
        ),
        Key::or(
            "held_answer",
            Kind::Size(KIB, GIB),
            "16MiB",
            "As much of an answer as is held back; beyond it, it is committed as it stands.",
        ),
        Key::or(
            "header_bytes",
            Kind::Size(KIB, MIB),
            "32KiB",
            "The head of a request.",
        ),
        Key::or(
            "headers",
            Kind::Count(10, 256),
            "100",
            "Header lines of a request.",
        ),
        Key::or(
            "connections",
            Kind::Or("auto", &Kind::Count(1, 1_000_000)),
            "auto",
            "Client connections at a time. `auto` is half of the file-descriptor limit.",
        ),
    ],
};
