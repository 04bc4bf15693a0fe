//! What the model names of clients mean.

use super::below::{below, Ceiling};
use super::recovery::{self, BreakerFound, RetryFound};
use super::upstreams::Checked;
use super::{budget, targets, timeouts};
use crate::config::error::{shown, Place};
use crate::config::model::{Commit, Lane, Route};
use crate::config::reader::{Found, Placed, Section};
use crate::config::words::Word;
use std::collections::HashMap;

/// What routes are checked against.
pub struct Around<'a> {
    pub upstreams: &'a [Checked<'a>],
    pub retry: &'a RetryFound,
    pub breaker: &'a BreakerFound,
    pub request_body: &'a Found<u64>,
}

/// The routes, and which alias means which of them.
#[derive(Default)]
pub struct Routes {
    pub routes: Vec<Route>,
    pub aliases: HashMap<String, usize>,
    pub wildcard: Option<usize>,
    /// Where each alias was seen first.
    seen: HashMap<String, (String, Place)>,
}

const WILDCARD: &str = "*";

pub fn read(file: &Section, around: &Around) -> Routes {
    let mut routes = Routes::default();
    for (name, section) in file.named("routes") {
        let aliases = section.get::<Vec<Placed<String>>>("alias");
        routes.claim(name, &section, &aliases);
        routes.routes.push(route(name, &section, &aliases, around));
    }
    routes
}

impl Routes {
    /// Gives the aliases to the route that is about to be added; the first who asks has them.
    fn claim(&mut self, name: &str, section: &Section, aliases: &Found<Vec<Placed<String>>>) {
        let index = self.routes.len();
        if aliases.sound && aliases.value.is_empty() {
            let text = "is empty: clients reach a route by what they put into `model` \
                        (accepted: a list of model names, or [\"*\"] for all others)";
            section.mistake("alias", &aliases.place, text);
        }
        for alias in &aliases.value {
            if let Some((other, place)) = self.seen.get(&alias.value) {
                let alias_text = shown(&alias.value);
                let text = match other == name {
                    true => format!("{alias_text} stands in this list twice"),
                    false => {
                        format!("{alias_text} is already an alias of route `{other}` ({place})")
                    }
                };
                section.mistake("alias", &alias.place, text);
                continue;
            }
            let first = (name.to_string(), alias.place.clone());
            self.seen.insert(alias.value.clone(), first);
            if alias.value == WILDCARD {
                self.wildcard = Some(index);
            } else {
                self.aliases.insert(alias.value.clone(), index);
            }
        }
    }
}

fn route(
    name: &str,
    section: &Section,
    aliases: &Found<Vec<Placed<String>>>,
    around: &Around,
) -> Route {
    let lane = section.get::<Lane>("lane");
    let takes_all = aliases.value.iter().any(|alias| alias.value == WILDCARD);
    let commit = commit(section, &lane);
    let ceiling = Ceiling {
        key: "limits.request_body",
        found: around.request_body,
    };
    Route {
        name: name.to_string(),
        aliases: aliases
            .value
            .iter()
            .map(|alias| alias.value.clone())
            .collect(),
        targets: targets::read(section, takes_all || !aliases.sound, around),
        balance: section.get("balance").value,
        affinity: section.optional("affinity").map(|found| found.value),
        max_tokens: section.optional("max_tokens").map(|found| found.value),
        max_prompt_bytes: below(section, "max_prompt_bytes", "larger", &[ceiling]).value,
        timeouts: timeouts::read(&section.section("timeouts")),
        retry: recovery::route_retry(&section.section("retry"), around.retry),
        breaker: recovery::route_breaker(&section.section("breaker"), around.breaker),
        keepalive: keepalive(section, commit),
        queue_position: section.get("queue_position").value,
        resend_with_idempotency_key: section.get("resend_with_idempotency_key").value,
        budget: budget::read(section),
        commit,
        lane: lane.value,
    }
}

fn commit(section: &Section, lane: &Found<Lane>) -> Commit {
    let (usual, why) = match lane.value {
        Lane::Interactive => (Commit::FirstToken, "of lane interactive"),
        Lane::Batch => (Commit::Whole, "of lane batch"),
    };
    section.get_or("commit", usual.word(), why).value
}

fn keepalive(section: &Section, commit: Commit) -> Option<std::time::Duration> {
    let (usual, why) = match commit {
        Commit::FirstToken => ("off", ""),
        Commit::Whole => ("10s", "with commit whole"),
    };
    section.get_or("keepalive", usual, why).value
}
