//! The gate in: what a skill's request may ask for.
//!
//! Route, lane and limit are decided from what other stages have read already; tools and the body's schema from the bytes
//! that go upstream.

mod tools;

use super::answer::Claim;
use super::manifest::Manifest;
use super::strict::{self, Unread};
use super::violation::{rule, Step, Violation};
use crate::config::Lane;
use crate::json::{scan, unescape, Kind};
use serde_json::Value;

/// The lane that a skill's request takes, as the caller's scopes judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneWish {
    /// Stands for the route's own.
    pub own: Lane,
    pub asked: Option<Lane>,
    /// What is asked for is an order, not a wish.
    pub is_order: bool,
}

/// Whether a request may take a route.
///
/// # Errors
/// The skill has another.
pub fn check_route(manifest: &Manifest, route: usize) -> Result<(), Violation> {
    match manifest.route {
        Some(own) if own != route => Err(Violation::new(rule::ROUTE, [Step::Key("model")])),
        _ => Ok(()),
    }
}

/// The lane of a request. A skill's lane takes the place of the route's, and no wish changes it.
///
/// # Errors
/// The request orders another.
pub fn pick_lane(
    manifest: &Manifest,
    route: Lane,
    ordered: Option<Lane>,
    wished: Option<Lane>,
) -> Result<LaneWish, Violation> {
    match (manifest.lane, ordered) {
        (Some(own), Some(other)) if own != other => Err(Violation::new(rule::LANE, [])),
        (Some(own), _) => Ok(LaneWish {
            own,
            asked: None,
            is_order: false,
        }),
        (None, ordered) => Ok(LaneWish {
            own: route,
            asked: ordered.or(wished),
            is_order: ordered.is_some(),
        }),
    }
}

/// The most tokens an answer may have, of what the route and the skill say.
pub fn limit(manifest: &Manifest, route: Option<u64>) -> Option<u64> {
    match (route, manifest.max_tokens) {
        (Some(route), Some(own)) => Some(route.min(own)),
        (one, other) => one.or(other),
    }
}

/// Holds a body against the skill's tools and its schema. The body is sound: it is the one that was looked at before.
///
/// # Errors
/// The first rule that is broken.
pub fn check_request(manifest: &Manifest, body: &[u8]) -> Result<(), Violation> {
    let Some(schema) = &manifest.request else {
        return match &manifest.tools {
            Some(tools) => each_member(body, tools::is_watched, |key, value| {
                tools::check(tools, key, value)
            }),
            None => Ok(()),
        };
    };
    let read = strict::read(body).map_err(Unread::violation)?;
    if let (Some(tools), Value::Object(members)) = (&manifest.tools, &read.value) {
        for (key, value) in members {
            tools::check(tools, key, value)?;
        }
    }
    schema.check(&read)
}

/// Whether a body of so many bytes is checked without holding up others.
pub fn is_quick(manifest: &Manifest, bytes: usize) -> bool {
    let schema = manifest.request.as_ref();
    schema.is_none_or(|schema| schema.is_quick(bytes as u64))
}

/// What a request says its answer will be.
pub fn claim(body: &[u8]) -> Claim {
    let mut claim = Claim::Text;
    // Both words for it begin so; finding that out is a tenth of a scan. Who spells them with escapes claims nothing.
    if memchr::memmem::find(body, b"json_").is_none() {
        return claim;
    }
    let is_format = |key: &str, _| FORMAT_KEYS.contains(&key);
    let _ = each_member(body, is_format, |key, value| {
        let format = if key == "text" || key == "output_config" {
            value.get("format")
        } else {
            Some(value)
        };
        let kind = format
            .and_then(|format| format.get("type"))
            .and_then(Value::as_str);
        match kind {
            Some("json_object") => claim = Claim::Object,
            Some("json_schema") => claim = Claim::Json,
            Some(_) | None => {}
        }
        Ok(())
    });
    claim
}

/// Chat and completions; responses; messages, in its two spellings.
const FORMAT_KEYS: [&str; 4] = ["response_format", "text", "output_format", "output_config"];

/// Reads the wanted members at the top of a body, and nothing else of it.
fn each_member(
    body: &[u8],
    is_wanted: impl Fn(&str, Kind) -> bool,
    mut see: impl FnMut(&str, &Value) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let Ok(scanned) = scan(body) else {
        return Err(Unread::NotJson.violation());
    };
    for member in &scanned.members {
        let key = unescape(member.key.of(body)).unwrap_or_default();
        if is_wanted(&key, member.kind) {
            let read = strict::read(member.value.of(body)).map_err(Unread::violation)?;
            see(&key, &read.value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
