//! The skill gate on the way in: which skill a request belongs to, and whether it may send this.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use pingora::http::RequestHeader;
use tokio::time::timeout_at;

use crate::caller::Caller;
use crate::config::{Config, Lane};
use crate::context::RequestContext;
use crate::failure::{Code, Failure, Pointer, Segment};
use crate::route::{self, Unknown};
use crate::skill::{self, Manifest, NoSkill, Step, Violation};
use crate::snapshot::Shared;

/// The skill that the token is bound to, where there is one of that name.
pub fn bound(ctx: &RequestContext) -> Option<Arc<Manifest>> {
    let name = ctx.caller.as_ref()?.skill.as_ref()?;
    ctx.snapshot.skills.get(name).cloned()
}

/// The skill that the token or the header names; the request keeps it, whatever becomes of it.
///
/// # Errors
/// There is no such skill, or the token is bound to another.
pub fn pick(header: &RequestHeader, ctx: &mut RequestContext) -> Result<(), Failure> {
    let bound = ctx.caller.as_ref().and_then(|caller| caller.skill.clone());
    let mut named = header.headers.get_all("x-sidegate-skill").iter();
    let name = named.next().map(|value| value.as_bytes());
    // One that stands there twice names nothing.
    let name = name.map(|name| match named.next() {
        Some(_) => &b""[..],
        None => name,
    });
    let picked = skill::pick_skill(&ctx.snapshot.skills, bound.as_deref(), name);
    let skill = picked.map_err(|why| match why {
        NoSkill::Unknown => Failure::new(Code::SkillUnknown),
        NoSkill::Bound => Failure::new(Code::InsufficientScope),
    })?;
    ctx.skill = skill.cloned();
    Ok(())
}

/// The route of a request, its skill's where it names none itself.
///
/// # Errors
/// It names an unknown one, or names none and its skill has none either.
pub fn pick_route<'c>(
    config: &'c Config,
    skill: Option<&Manifest>,
    model: Option<&str>,
    header: Option<&str>,
) -> Result<usize, Unknown<'c>> {
    let own = skill.and_then(|skill| skill.route);
    match (route::pick(config, model, header), own) {
        (Err(Unknown::Nameless), Some(own)) => Ok(own),
        (picked, _) => picked,
    }
}

/// Holds a request against its skill: route, tools, schema.
///
/// # Errors
/// What it may not send; or its time was up before all those were checked that came before it.
pub async fn check(
    shared: &Shared,
    skill: &Arc<Manifest>,
    route: usize,
    body: &Bytes,
    until: Instant,
) -> Result<(), Failure> {
    skill::check_route(skill, route).map_err(|violation| refusal(&violation))?;
    if skill::is_quick(skill, body.len()) {
        return skill::check_request(skill, body).map_err(|violation| refusal(&violation));
    }
    let (skill, body) = (Arc::clone(skill), body.clone());
    let turn = Arc::clone(&shared.large_checks).acquire_owned();
    let Ok(place) = timeout_at(until.into(), turn).await else {
        return Err(Failure::new(Code::DeadlineExceeded));
    };
    let checked = tokio::task::spawn_blocking(move || {
        // It goes on to its end even when the client has left, and holds its place for as long.
        let _place = place;
        skill::check_request(&skill, &body)
    });
    match checked.await {
        Ok(checked) => checked.map_err(|violation| refusal(&violation)),
        Err(_) => Err(Failure::new(Code::Internal)),
    }
}

/// The lane of a request: the skill's where it has one, as far as the caller may use it.
///
/// # Errors
/// The request orders another, or the caller may not use it.
pub fn pick_lane(
    skill: &Manifest,
    route: Lane,
    ordered: Option<Lane>,
    wished: Option<Lane>,
    caller: &Caller,
) -> Result<Lane, Failure> {
    let wish = skill::pick_lane(skill, route, ordered, wished);
    let wish = wish.map_err(|violation| refusal(&violation))?;
    let lane = caller.pick_lane(wish.own, wish.asked, wish.is_order);
    // The only lane of a skill is no wish that a caller's own lane could take the place of.
    lane.ok()
        .filter(|lane| skill.lane.is_none_or(|own| own == *lane))
        .ok_or(Failure::new(Code::InsufficientScope))
}

/// What a client is told of a rule that it broke.
pub fn refusal(violation: &Violation) -> Failure {
    Failure::new(Code::SchemaViolation)
        .pointer(pointer([], violation))
        .rule(violation.rule)
}

/// The place that a violation is about, below another one.
pub fn pointer(above: impl IntoIterator<Item = Segment>, violation: &Violation) -> Pointer {
    let steps = violation.steps.iter().map(|step| match step {
        Step::Key(key) => Segment::Key(key),
        Step::SchemaKey(key) => Segment::SchemaKey(Arc::clone(key)),
        Step::Index(index) => Segment::Index(*index),
        Step::Other => Segment::Other,
    });
    Pointer::new(above.into_iter().chain(steps))
}
