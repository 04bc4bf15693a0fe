//! Every key that may be written, with its kind, its default and its words for people.
//!
//! This is the only list: the checker reads by it, the JSON Schema is made of it, and a test holds the
//! shipped configuration against it.

mod admission;
mod caller;
mod host;
mod recovery;
mod route;
mod upstream;

use super::kind::{Key, Kind, Table};
use std::time::Duration;

pub use caller::BUDGET;
pub use recovery::COOL_DOWN_MAX;
pub use route::TOKENS;

/// The whole file.
pub static FILE: Table = Table {
    title: "the file",
    keys: &[
        host::LISTEN,
        host::TLS,
        host::ADMIN,
        host::STATE_DIR,
        host::THREADS,
        host::DRAIN,
        Key::optional(
            "callers",
            Kind::Section(&caller::CALLERS),
            "Who may call, and how much.",
        ),
        Key::required(
            "upstreams",
            Kind::Named(&upstream::UPSTREAM),
            "The servers behind the gateway, by name.",
        ),
        Key::required(
            "routes",
            Kind::Named(&route::ROUTE),
            "What the model names of clients mean, by name of the route.",
        ),
        Key::optional(
            "lanes",
            Kind::Section(&admission::LANES),
            "Places for interactive and for batch work. Of an upstream's places a quarter, at least \
             one, stays interactive only.",
        ),
        Key::optional(
            "retry",
            Kind::Section(&recovery::RETRY),
            "When a failed attempt is repeated. A route's own `retry` wins, key by key.",
        ),
        Key::optional(
            "breaker",
            Kind::Section(&recovery::BREAKER),
            "When an upstream that keeps failing is left alone. A route's own `breaker` wins, key by key.",
        ),
        Key::optional(
            "limits",
            Kind::Section(&admission::LIMITS),
            "What bounds the memory and the connections of the gateway.",
        ),
        host::SKILLS,
        host::LOGS,
        host::DISK,
        host::TELEMETRY,
        host::SHARED,
    ],
};

/// What stands in for a table that doesn't exist.
pub static NOTHING: Table = Table {
    title: "nothing",
    keys: &[],
};

/// The titles of all tables that have such a key: for somebody who wrote it one level off.
pub fn owners(name: &str) -> Vec<&'static str> {
    let mut titles = Vec::new();
    visit(&FILE, &mut |table| {
        if table.key(name).is_some() && !titles.contains(&table.title) {
            titles.push(table.title);
        }
    });
    titles
}

/// The names of all keys.
pub fn all() -> Vec<&'static str> {
    let mut names = Vec::new();
    visit(&FILE, &mut |table| names.extend(table.names()));
    names
}

/// Whether any table has such a key.
pub fn is_known(name: &str) -> bool {
    !owners(name).is_empty()
}

/// Calls `see` with a table and every table below it.
pub fn visit(table: &'static Table, see: &mut impl FnMut(&'static Table)) {
    see(table);
    for key in table.keys {
        if let Some(below) = key.kind.table() {
            visit(below, see);
        }
    }
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

const fn hours(count: u64) -> Duration {
    Duration::from_secs(3600 * count)
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
