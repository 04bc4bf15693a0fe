//! Keys about retries and breakers, for all routes and for one.

use super::{hours, millis, minutes};
use crate::config::kind::{Fallback, Key, Kind, Table};
use std::time::Duration;

/// No breaker stays open for longer: a later deadline in the shared file is corruption.
pub const COOL_DOWN_MAX: Duration = hours(24);

pub static RETRY: Table = Table {
    title: "`retry`",
    keys: &retry(
        [
            Fallback::Value("3"),
            Fallback::Value("250ms"),
            Fallback::Value("8s"),
            Fallback::Value("[429, 503, 529]"),
            Fallback::Value("60s"),
        ],
        &RETRY_BUDGET,
    ),
};

pub static ROUTE_RETRY: Table = Table {
    title: "a route's `retry`",
    keys: &retry([INHERITED_RETRY; 5], &ROUTE_RETRY_BUDGET),
};

static RETRY_BUDGET: Table = Table {
    title: "`retry.budget`",
    keys: &budget([
        Fallback::Value("20"),
        Fallback::Value("10"),
        Fallback::Value("10s"),
    ]),
};

static ROUTE_RETRY_BUDGET: Table = Table {
    title: "a route's `retry.budget`",
    keys: &budget([INHERITED_RETRY; 3]),
};

pub static BREAKER: Table = Table {
    title: "`breaker`",
    keys: &[
        threshold(Fallback::Value("5")),
        cool_down(Fallback::Value("5m")),
        Key::depends(
            "file",
            Kind::Path,
            "`run/breakers.v1` below `state_dir`",
            "The breakers' shared memory: all gateways of one user that name the same file share them.",
        ),
    ],
};

pub static ROUTE_BREAKER: Table = Table {
    title: "a route's `breaker`",
    keys: &[threshold(INHERITED_BREAKER), cool_down(INHERITED_BREAKER)],
};

const INHERITED_RETRY: Fallback = Fallback::Depends("the top-level `retry`");
const INHERITED_BREAKER: Fallback = Fallback::Depends("the top-level `breaker`");

const fn retry(fallbacks: [Fallback; 5], budget: &'static Table) -> [Key; 6] {
    let [max, base, cap, statuses, retry_after_cap] = fallbacks;
    [
        Key::new(
            "max",
            Kind::Count(0, 20),
            max,
            "Retries after the first attempt, at most.",
        ),
        Key::new(
            "base",
            Kind::Duration(millis(1), minutes(1)),
            base,
            "The first backoff; each next one doubles, with jitter.",
        ),
        Key::new(
            "cap",
            Kind::Duration(millis(1), minutes(10)),
            cap,
            "The longest backoff.",
        ),
        Key::new(
            "statuses",
            Kind::List(&Kind::Count(400, 599)),
            statuses,
            "Upstream statuses that are worth another attempt.",
        ),
        Key::new(
            "retry_after_cap",
            Kind::Duration(Duration::ZERO, hours(1)),
            retry_after_cap,
            "The longest `retry-after` of an upstream that is waited for.",
        ),
        Key::optional(
            "budget",
            Kind::Section(budget),
            "Bounds retries per upstream, so that they can't become the load.",
        ),
    ]
}

const fn budget(fallbacks: [Fallback; 3]) -> [Key; 3] {
    let [percent, floor, window] = fallbacks;
    [
        Key::new(
            "percent",
            Kind::Count(0, 100),
            percent,
            "Retries as a share of the requests in the window.",
        ),
        Key::new(
            "floor",
            Kind::Count(0, 100_000),
            floor,
            "Retries in the window that are always allowed.",
        ),
        Key::new(
            "window",
            Kind::Duration(millis(100), minutes(10)),
            window,
            "How far back is counted.",
        ),
    ]
}

const fn threshold(fallback: Fallback) -> Key {
    Key::new(
        "threshold",
        Kind::Count(1, 1000),
        fallback,
        "Consecutive failures that open a breaker.",
    )
}

const fn cool_down(fallback: Fallback) -> Key {
    Key::new(
        "cool_down",
        Kind::Duration(millis(1), COOL_DOWN_MAX),
        fallback,
        "How long it stays open before one request probes.",
    )
}
