//! Retries and breakers: for all routes, and what one route says instead.

use super::host::quoted;
use crate::config::error::Place;
use crate::config::model::{Breaker, Retry, RetryBudget};
use crate::config::reader::{Found, Placed, Section};
use std::path::PathBuf;
use std::time::Duration;

/// The top-level `retry`, with where each value came from.
pub struct RetryFound {
    max: Found<u32>,
    base: Found<Duration>,
    cap: Found<Duration>,
    statuses: Found<Vec<Placed<u16>>>,
    retry_after_cap: Found<Duration>,
    percent: Found<u32>,
    floor: Found<u32>,
    window: Found<Duration>,
}

/// The top-level `breaker`.
pub struct BreakerFound {
    threshold: Found<u32>,
    cool_down: Found<Duration>,
    pub file: Found<PathBuf>,
}

pub fn retry(section: &Section) -> RetryFound {
    let budget = section.section("budget");
    let found = RetryFound {
        max: section.get("max"),
        base: section.get("base"),
        cap: section.get("cap"),
        statuses: section.get("statuses"),
        retry_after_cap: section.get("retry_after_cap"),
        percent: budget.get("percent"),
        floor: budget.get("floor"),
        window: budget.get("window"),
    };
    check(section, &found);
    found
}

/// A route's own keys over the top-level ones.
pub fn route_retry(section: &Section, above: &RetryFound) -> Retry {
    let budget = section.section("budget");
    let found = RetryFound {
        max: section.inherit("max", &above.max),
        base: section.inherit("base", &above.base),
        cap: section.inherit("cap", &above.cap),
        statuses: section.inherit("statuses", &above.statuses),
        retry_after_cap: section.inherit("retry_after_cap", &above.retry_after_cap),
        percent: budget.inherit("percent", &above.percent),
        floor: budget.inherit("floor", &above.floor),
        window: budget.inherit("window", &above.window),
    };
    if ["base", "cap", "statuses"]
        .iter()
        .any(|name| section.has(name))
    {
        check(section, &found);
    }
    Retry {
        max: found.max.value,
        base: found.base.value,
        cap: found.cap.value,
        statuses: found.statuses.value.iter().map(|item| item.value).collect(),
        retry_after_cap: found.retry_after_cap.value,
        budget: RetryBudget {
            percent: found.percent.value,
            floor: found.floor.value,
            window: found.window.value,
        },
    }
}

fn check(section: &Section, found: &RetryFound) {
    let (base, cap) = (&found.base, &found.cap);
    if base.sound && cap.sound && base.value > cap.value {
        let (name, at) = match section.has("base") || matches!(base.place, Place::Variable(_)) {
            true => ("base", base),
            false => ("cap", cap),
        };
        let text = format!(
            "`base` ({}) is longer than `cap` ({})",
            base.printed, cap.printed
        );
        section.mistake(name, &at.place, text);
    }
    check_statuses(section, &found.statuses);
}

fn check_statuses(section: &Section, statuses: &Found<Vec<Placed<u16>>>) {
    if !section.has("statuses") {
        return;
    }
    let mut seen = Vec::new();
    for item in &statuses.value {
        if seen.contains(&item.value) {
            let text = format!("`{}` stands in this list twice", item.value);
            section.mistake("statuses", &item.place, text);
        }
        seen.push(item.value);
        if item.value < 500 && ![408, 409, 425, 429].contains(&item.value) {
            let text = format!(
                "{} says the request is wrong: sending it again won't help",
                item.value
            );
            section.warn("statuses", &item.place, text);
        }
    }
}

pub fn breaker(section: &Section, state_dir: &Found<PathBuf>) -> BreakerFound {
    let default = state_dir.value.join("run/breakers.v1");
    let why = if state_dir.place.is_written() {
        "below `state_dir`"
    } else {
        ""
    };
    let threshold = section.get("threshold");
    let cool_down = section.get("cool_down");
    let file = if state_dir.sound || section.has("file") {
        section.get_or("file", &quoted(&default.display().to_string()), why)
    } else {
        state_dir.clone()
    };
    BreakerFound {
        threshold,
        cool_down,
        file,
    }
}

/// A route's own keys over the top-level ones.
pub fn route_breaker(section: &Section, above: &BreakerFound) -> Breaker {
    Breaker {
        threshold: section.inherit("threshold", &above.threshold).value,
        cool_down: section.inherit("cool_down", &above.cool_down).value,
    }
}
