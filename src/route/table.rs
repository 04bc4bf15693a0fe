//! What a name means: the route of an alias, of `*`, or the one that a header names.
//!
//! Names are compared byte for byte, because authorisation goes by the route and the upstream by the name:
//! nothing may be the same to one and different to the other.

use crate::config::Config;

/// A longer name is never a slip of the pen, in bytes; it also bounds what the comparison costs.
const LONGEST_SLIP: usize = 128;
/// From here on two names look alike (Jaro–Winkler, where 1 is equal): it forgives a letter and a missing
/// suffix.
const ALIKE: f64 = 0.85;

/// Why there is no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown<'a> {
    /// Neither the body nor the header names anything.
    Nameless,
    /// No route has the model as an alias; `nearest` is one that looks like it.
    Model { nearest: Option<&'a str> },
    /// The header names no route; `nearest` is one that looks like it.
    Route { nearest: Option<&'a str> },
}

/// The index of the route that a request means. The header counts only where the body names no model.
pub fn pick<'a>(
    config: &'a Config,
    model: Option<&str>,
    route_header: Option<&str>,
) -> Result<usize, Unknown<'a>> {
    match (model, route_header) {
        (Some(model), _) => by_model(config, model),
        (None, Some(name)) => by_name(config, name),
        (None, None) => Err(Unknown::Nameless),
    }
}

fn by_model<'a>(config: &'a Config, model: &str) -> Result<usize, Unknown<'a>> {
    if let Some(&route) = config.aliases.get(model) {
        return Ok(route);
    }
    // In the order of the file, not of the map, so that the same mistake gets the same answer.
    let aliases = config
        .routes
        .iter()
        .flat_map(|route| &route.aliases)
        .filter(|alias| *alias != "*");
    config.wildcard.ok_or_else(|| Unknown::Model {
        nearest: nearest(model, aliases),
    })
}

fn by_name<'a>(config: &'a Config, name: &str) -> Result<usize, Unknown<'a>> {
    let found = config.routes.iter().position(|route| route.name == name);
    let names = config.routes.iter().map(|route| &route.name);
    found.ok_or_else(|| Unknown::Route {
        nearest: nearest(name, names),
    })
}

/// The first of the names that look most like the one that was meant.
fn nearest<'a>(meant: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    if meant.len() > LONGEST_SLIP {
        return None;
    }
    let meant = meant.to_lowercase();
    let mut best = None;
    let mut best_likeness = ALIKE;
    for name in names.filter(|name| name.len() <= LONGEST_SLIP) {
        let likeness = strsim::jaro_winkler(&meant, &name.to_lowercase());
        if likeness > best_likeness {
            best = Some(name.as_str());
            best_likeness = likeness;
        }
    }
    best
}

#[cfg(test)]
mod tests;
