//! What a token allows, read from its comma-separated column.
//!
//! An unknown scope is not repeated in a message: when columns are swapped, it is the secret.

use super::spelling::{did_you_mean, is_name, nearest, resembles_secret, NAME_ACCEPTS};
use crate::config::Lane;
use std::collections::BTreeSet;
use std::fmt;

const KNOWN: [&str; 6] = [
    "invoke:*",
    "lane:*",
    "lane:interactive",
    "lane:batch",
    "models",
    "admin",
];
const ACCEPTED: &str =
    "scopes are `invoke:<route>`, `invoke:*`, `lane:interactive`, `lane:batch`, `lane:*`, `models`, `admin`";

/// What one caller may do; nothing, by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    every_route: bool,
    routes: BTreeSet<String>,
    /// Empty where the caller takes each route's own lane.
    lanes: BTreeSet<Lane>,
    models: bool,
    admin: bool,
}

impl Scopes {
    /// Every route and nothing else.
    pub fn every_route() -> Scopes {
        Scopes {
            every_route: true,
            ..Scopes::default()
        }
    }

    /// Reads a column such as `invoke:chat,lane:batch`.
    ///
    /// # Errors
    /// A text for each scope that is none.
    pub fn parse(column: &str) -> Result<Scopes, Vec<String>> {
        let mut scopes = Scopes::default();
        let mut wrong = Vec::new();
        for (index, scope) in column.split(',').enumerate() {
            if let Err(why) = scopes.add(scope) {
                wrong.push(format!("scope {}: {why}", index + 1));
            }
        }
        if wrong.is_empty() {
            Ok(scopes)
        } else {
            Err(wrong)
        }
    }

    fn add(&mut self, scope: &str) -> Result<(), String> {
        match scope.split_once(':') {
            Some(("invoke", "*")) => self.every_route = true,
            Some(("invoke", route)) => {
                self.routes.insert(route_name(route)?);
            }
            Some(("lane", "*")) => self.lanes.extend(Lane::ALL),
            Some(("lane", lane)) => {
                self.lanes.insert(lane_name(lane)?);
            }
            None if scope == "models" => self.models = true,
            None if scope == "admin" => self.admin = true,
            _ => return Err(unknown(scope)),
        }
        Ok(())
    }

    pub fn invokes(&self, route: &str) -> bool {
        self.every_route || self.routes.contains(route)
    }

    pub fn invokes_any(&self) -> bool {
        self.every_route || !self.routes.is_empty()
    }

    /// The routes that are named; `invoke:*` names none.
    pub fn routes(&self) -> impl Iterator<Item = &str> {
        self.routes.iter().map(String::as_str)
    }

    /// The whole list of its lanes, or nothing where it takes each route's own.
    pub fn lanes(&self) -> impl Iterator<Item = Lane> + '_ {
        self.lanes.iter().copied()
    }

    pub fn lists_models(&self) -> bool {
        self.models
    }

    pub fn is_admin(&self) -> bool {
        self.admin
    }

    /// Whether a token with these scopes is good for anything.
    pub fn allow_something(&self) -> bool {
        self.invokes_any() || self.models || self.admin
    }
}

/// As the token file writes them, in one order.
impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut scopes: Vec<String> = Vec::new();
        scopes.extend(self.every_route.then(|| "invoke:*".to_string()));
        scopes.extend(self.routes.iter().map(|route| format!("invoke:{route}")));
        if Lane::ALL.iter().all(|lane| self.lanes.contains(lane)) {
            scopes.push("lane:*".to_string());
        } else {
            scopes.extend(
                self.lanes
                    .iter()
                    .map(|lane| format!("lane:{}", lane.as_str())),
            );
        }
        scopes.extend(self.models.then(|| "models".to_string()));
        scopes.extend(self.admin.then(|| "admin".to_string()));
        out.write_str(&scopes.join(","))
    }
}

fn route_name(route: &str) -> Result<String, String> {
    if route.is_empty() {
        return Err("`invoke:` names no route; every route is `invoke:*`".to_string());
    }
    if !is_name(route) || resembles_secret(route) {
        return Err(format!(
            "what follows `invoke:` is no route's name ({NAME_ACCEPTS}) and not `*`"
        ));
    }
    Ok(route.to_string())
}

fn lane_name(lane: &str) -> Result<Lane, String> {
    let known = Lane::ALL.into_iter().find(|known| known.as_str() == lane);
    known.ok_or_else(|| {
        let near = did_you_mean(&format!("lane:{lane}"), KNOWN);
        format!("what follows `lane:` is no lane (interactive, batch or *){near}")
    })
}

fn unknown(scope: &str) -> String {
    if scope.is_empty() {
        return "nothing stands between two commas, or after the last one".to_string();
    }
    if matches!(scope, "*" | "invoke") {
        return format!("`{scope}` is no scope; every route is `invoke:*`, and nothing gives `admin` but `admin`");
    }
    if let Some((kind, _)) = scope.split_once(':') {
        if let Some(near) = nearest(kind, ["invoke", "lane"]) {
            return format!("unknown; did you mean `{near}:…`? {ACCEPTED}");
        }
    }
    match nearest(scope, KNOWN) {
        Some(near) => format!("unknown; did you mean `{near}`?"),
        None => format!("unknown; {ACCEPTED}"),
    }
}

#[cfg(test)]
mod tests;
