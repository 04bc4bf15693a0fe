//! Who may serve a route.

use super::routes::Around;
use super::upstreams;
use crate::config::error::{listed, shown};
use crate::config::model::{MaxTokensField, Target};
use crate::config::near::did_you_mean;
use crate::config::reader::{Found, Section};

/// Reads a route's targets. `takes_all` is for a route that has the alias `*`.
pub fn read(route: &Section, takes_all: bool, around: &Around) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for section in route.items("targets") {
        let Some(target) = target(&section, takes_all, around) else {
            continue;
        };
        let same =
            |other: &Target| other.upstream == target.upstream && other.model == target.model;
        if let Some(first) = targets.iter().position(same) {
            let text = format!("is the same upstream and model as target {first}");
            section.reader.warn(&section.place, &section.path, text);
        }
        targets.push(target);
    }
    targets
}

fn target(section: &Section, takes_all: bool, around: &Around) -> Option<Target> {
    let upstream = section.get::<String>("upstream");
    let model = section.optional::<String>("model");
    if model.is_none() && !takes_all && !section.is_broken() {
        let text =
            "is missing: which model this upstream is asked for (only a route with the alias \
                    \"*\" passes the client's own name through)";
        section.mistake("model", &section.place, text);
    }
    let weight = section.get("weight").value;
    let tier = section.get("tier").value;
    let context = section.optional("context").map(|found| found.value);
    let max_tokens_field = section.get::<MaxTokensField>("max_tokens_field").value;
    Some(Target {
        upstream: find(section, &upstream, around)?,
        model: model.map(|found| found.value),
        weight,
        tier,
        context,
        max_tokens_field,
    })
}

fn find(section: &Section, wanted: &Found<String>, around: &Around) -> Option<usize> {
    if !wanted.sound {
        return None;
    }
    let found = upstreams::names(around.upstreams).position(|name| name == wanted.value);
    // Without any upstream that is the mistake to mend first.
    if found.is_none() && !around.upstreams.is_empty() {
        let text = format!(
            "{} is no upstream{} (have: {})",
            shown(&wanted.value),
            did_you_mean(&wanted.value, upstreams::names(around.upstreams)),
            listed(upstreams::names(around.upstreams))
        );
        section.mistake("upstream", &wanted.place, text);
    }
    found
}
