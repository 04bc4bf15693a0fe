//! Who may call, and what each may use up.

use super::budget;
use crate::config::error::shown;
use crate::config::model::{CallerLimits, Callers, Rate};
use crate::config::reader::{Placed, Section};
use std::collections::HashSet;

pub fn read(file: &Section) -> Callers {
    let section = file.section("callers");
    let token_file = section.get("token_file").value;
    let allowed_hosts = distinct(&section, "allowed_hosts");
    let allowed_origins = distinct(&section, "allowed_origins");
    let limits = section.named("limits");
    if limits.is_empty() {
        section.explain_none("limits");
    }
    let limits = limits
        .into_iter()
        .map(|(name, section)| (name.to_string(), caller(&section)))
        .collect();
    Callers {
        token_file,
        allowed_hosts,
        allowed_origins,
        limits,
    }
}

fn caller(section: &Section) -> CallerLimits {
    CallerLimits {
        budget: budget::read(section),
        rate: section.optional_section("rate").map(|rate| Rate {
            requests: rate.get("requests").value,
            per: rate.get("per").value,
        }),
        streams: section.optional("streams").map(|found| found.value),
    }
}

/// Texts of a list of which each may stand there once.
pub fn distinct(section: &Section, name: &'static str) -> Vec<String> {
    let found = section.get::<Vec<Placed<String>>>(name);
    let mut seen = HashSet::with_capacity(found.value.len());
    let mut texts = Vec::with_capacity(found.value.len());
    for item in found.value {
        if seen.insert(item.value.clone()) {
            texts.push(item.value);
        } else {
            let text = format!("{} stands in this list twice", shown(&item.value));
            section.mistake(name, &item.place, text);
        }
    }
    texts
}
