//! The clocks of a route.

use super::below::{below, Ceiling};
use crate::config::model::Timeouts;
use crate::config::reader::{Found, Section};
use std::time::Duration;

/// Reads a route's `timeouts`.
pub fn read(section: &Section) -> Timeouts {
    let total = section.get::<Duration>("total");
    let most = section.get::<Duration>("first_token_max");
    Timeouts {
        connect: within(section, "connect", &[("total", &total)]),
        header: within(
            section,
            "header",
            &[("first_token_max", &most), ("total", &total)],
        ),
        first_token: within(
            section,
            "first_token",
            &[("first_token_max", &most), ("total", &total)],
        ),
        first_token_max: most.value,
        idle: within(section, "idle", &[("total", &total)]),
        plain: within(section, "plain", &[("total", &total)]),
        total: total.value,
    }
}

fn within(
    section: &Section,
    name: &'static str,
    ceilings: &[(&'static str, &Found<Duration>)],
) -> Duration {
    let ceilings: Vec<_> = ceilings
        .iter()
        .map(|(key, found)| Ceiling { key, found })
        .collect();
    below(section, name, "longer", &ceilings).value
}
