//! What this caller or this operator can do about a failure, from constant tables.
//!
//! A text of an upstream or a client never gets in: the places in `{}` take numbers, configured names, the
//! correlation id and checked pointers only.

mod families;
mod general;

use std::collections::HashMap;
use std::time::SystemTime;

use jiff::Timestamp;
use once_cell::sync::Lazy;

use super::{About, Code, Failure};
use crate::config::Family;

/// What was seen: usually just the code, or something that tells more than the code does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Case {
    Code(Code),
    /// An HTML page answered.
    HtmlPage,
    /// The model is still loading.
    Loading,
}

/// One hint: the first step, which the message has too, and what else helps.
///
/// Places to fill: `{wait}` `{key}` `{id}` `{renews}` `{place}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Advice {
    pub act: &'static str,
    pub more: &'static str,
}

static ADVICE: Lazy<HashMap<(Case, Option<Family>), Advice>> = Lazy::new(|| {
    let general = general::ADVICE
        .iter()
        .map(|&(case, advice)| ((case, None), advice));
    let families = families::ADVICE
        .iter()
        .map(|&(case, family, advice)| ((case, Some(family)), advice));
    general.chain(families).collect()
});

/// For a code without an entry, which a test rules out.
const LAST_RESORT: Advice = Advice {
    act: "Resend later",
    more: "`sidegate explain {id}` tells more about this request",
};

/// A longer pointer stands in `param` only, so that a hint stays a line.
const MAX_PLACE: usize = 60;

/// What to do about the failure, in at most 300 characters.
///
/// The advice is for the family of the failure, or else of `about`; where a family differs in nothing, for all.
pub fn hint(failure: &Failure, about: &About<'_>) -> String {
    let failure = failure.public();
    let advice = advice(&failure, about);
    let act = filled(advice.act, &failure, about);
    let more = filled(advice.more, &failure, about);
    format!("{act}; {more}.")
}

/// The most telling advice: of the case before the code, of the family before all.
pub(super) fn advice(failure: &Failure, about: &About<'_>) -> Advice {
    let case = match (failure.is_html_page(), failure.is_loading()) {
        (true, _) => Case::HtmlPage,
        (false, true) => Case::Loading,
        (false, false) => Case::Code(failure.code()),
    };
    let family = failure.upstream_family().or_else(|| named(about));
    family
        .and_then(|family| of(case, Some(family)))
        .or_else(|| of(case, None))
        .unwrap_or(LAST_RESORT)
}

/// One entry of the tables.
pub(super) fn of(case: Case, family: Option<Family>) -> Option<Advice> {
    ADVICE.get(&(case, family)).copied()
}

/// The key of every entry as written, for the test that none is there twice.
#[cfg(test)]
pub(super) fn cases() -> Vec<(Case, Option<Family>)> {
    let general = general::ADVICE.iter().map(|&(case, _)| (case, None));
    let families = families::ADVICE
        .iter()
        .map(|&(case, family, _)| (case, Some(family)));
    general.chain(families).collect()
}

fn named(about: &About<'_>) -> Option<Family> {
    let name = about.provider_family;
    Family::ALL
        .into_iter()
        .find(|family| family.as_str() == name)
}

/// The template with the facts of this failure in its places.
pub(super) fn filled(template: &str, failure: &Failure, about: &About<'_>) -> String {
    let key = failure.deciding_key().or(default_key(failure.code()));
    template
        .replace("{wait}", &format!("{} s", failure.wait_seconds()))
        .replace("{renews}", &renewal(failure))
        .replace("{place}", &place(failure))
        .replace("{key}", key.unwrap_or("the limit"))
        .replace("{id}", about.correlation_id)
}

fn place(failure: &Failure) -> String {
    match failure.place().map(ToString::to_string) {
        Some(place) if !place.is_empty() && place.len() <= MAX_PLACE => format!(" at {place}"),
        _ => String::new(),
    }
}

/// In whole seconds of UTC.
fn renewal(failure: &Failure) -> String {
    let since_epoch = failure
        .renewal()
        .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
        .and_then(|since| i64::try_from(since.as_secs()).ok());
    match since_epoch.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
        Some(at) => format!(" at {at}"),
        None => String::new(),
    }
}

/// The configuration key that usually decides, where the failure names none.
pub(super) fn default_key(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::HostDenied => "callers.allowed_hosts",
        Code::OriginDenied => "callers.allowed_origins",
        Code::BodyTooLarge => "limits.request_body",
        Code::HeadersTooLarge => "limits.header_bytes",
        Code::BudgetExhausted => "callers.limits",
        Code::LaneFull => "lanes.<lane>.queue",
        Code::QueueTimeout => "lanes.<lane>.patience",
        Code::CircuitOpen => "breaker.cool_down",
        Code::RetryBudgetExhausted => "retry.budget",
        Code::UpstreamConnectTimeout => "timeouts.connect",
        Code::UpstreamHeaderTimeout => "timeouts.header",
        Code::UpstreamFirstTokenTimeout => "timeouts.first_token",
        Code::UpstreamIdleTimeout => "timeouts.idle",
        Code::UpstreamPlainTimeout => "timeouts.plain",
        Code::DeadlineExceeded => "timeouts.total",
        Code::TooManyConnections => "limits.connections",
        _ => return None,
    })
}
