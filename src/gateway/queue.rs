//! The way in: a place in the lane and one at an upstream, and the wait for both.
//!
//! A request that waits here holds neither. Every [`LOOK`] it looks again at what is open, for breakers open and models
//! finish loading meanwhile. When its patience with the first tier ends, a free place of a later one will do.

use std::pin::Pin;
use std::time::{Duration, Instant};

use pingora::{Error, Result};
use pingora_proxy::Session;

use super::forward::{refused, total_at};
use super::refuse;
use super::turn::{self, Open};
use super::wait::{self, Came};
use crate::admit::{Candidate, Entry, Places, Refused, Ticket};
use crate::clock;
use crate::context::RequestContext;
use crate::failure::{Code, Failure};
use crate::record::labels::WaitFor;
use crate::snapshot::Shared;

/// So long after the end of its patience a place of a later tier may still be had.
const LAST_LOOK: Duration = Duration::from_millis(20);

/// How often a waiting request looks whether other targets are open now.
const LOOK: Duration = Duration::from_millis(250);

/// Waits for a place at one of the open targets; which one it is.
pub async fn enter(
    shared: &Shared,
    session: &mut Session,
    ctx: &mut RequestContext,
    open: Open,
) -> Result<usize> {
    let asked_at = clock::now();
    let candidates = candidates(ctx, &open.first);
    let (what, target) = match (open.first.is_empty(), open.paced) {
        (false, _) => (WaitFor::Place, None),
        (true, Some((target, _))) => (WaitFor::Pace, Some(target)),
        (true, None) => (WaitFor::Model, None),
    };
    let patience = patience(ctx, asked_at);
    // The last moments are the later tiers' (see below).
    let mut entry = ask(shared, ctx, &candidates, patience + LAST_LOOK)?;
    let waits = entry.waits();
    let told = wait_in_line(session, ctx, &mut entry, open, asked_at + patience).await;
    drop(entry);
    if waits {
        ctx.waited(what, target, asked_at);
        waited(ctx, clock::now().saturating_duration_since(asked_at));
    } else {
        ctx.attempts.queued.get_or_insert_default();
    }
    match told? {
        Ok(places) => let_in(shared, ctx, places),
        Err(why) => Err(turned_away(shared, ctx, why)),
    }
}

/// The place at the upstream comes back; the one in the lane stays with the request.
pub fn step_back(ctx: &mut RequestContext) {
    if let Some(places) = &mut ctx.places {
        places.leave_upstream();
    }
}

/// Puts the request in line, with its lane place if it has one from an earlier attempt.
fn ask(
    shared: &Shared,
    ctx: &mut RequestContext,
    candidates: &[Candidate],
    patience: Duration,
) -> Result<Entry> {
    let places = ctx.places.take();
    let (Some(call), Some(caller)) = (&ctx.call, &ctx.caller) else {
        return Err(refused(ctx, Failure::new(Code::Internal)));
    };
    let prompt_bytes = call.peek.body_bytes as u64;
    let now = clock::now();
    Ok(match places {
        Some(places) => places.enter_again(candidates, prompt_bytes, now, patience),
        None => {
            let ticket = Ticket {
                lane: call.lane,
                caller: &caller.name,
                candidates,
                prompt_bytes,
            };
            shared.admission.enter(&ticket, now, patience)
        }
    })
}

/// What came of it. When its patience ends, `until`, a later tier will do.
async fn wait_in_line(
    session: &mut Session,
    ctx: &mut RequestContext,
    entry: &mut Entry,
    mut open: Open,
    until: Instant,
) -> Result<Result<Places, Refused>> {
    let mut takes_any = false;
    loop {
        let now = clock::now();
        if now >= until && !takes_any {
            // It keeps its turn and its lane place, and takes whatever is free.
            takes_any = true;
            open.first.append(&mut open.later);
            entry.reconsider(&candidates(ctx, &open.first));
        }
        let look = match takes_any {
            true => now + LOOK,
            false => next_look(&open, now).min(until),
        };
        match wait::first(session, ctx, look, Pin::new(&mut *entry)).await? {
            Came::It(told) => return Ok(told),
            Came::Beat => {
                let wants_position = ctx.route().is_some_and(|route| route.queue_position);
                let position = entry.position().filter(|_| wants_position);
                wait::comment(session, ctx, wait::queue_comment(position)).await?;
            }
            Came::Time if takes_any || clock::now() >= until => {}
            Came::Time => {
                let now_open = turn::look_again(ctx)?;
                if now_open.first != open.first {
                    entry.reconsider(&candidates(ctx, &now_open.first));
                }
                open = now_open;
            }
        }
    }
}

fn next_look(open: &Open, now: Instant) -> Instant {
    let usual = now + LOOK;
    let paced = open.paced.map(|(_, at)| at);
    paced
        .filter(|at| *at > now)
        .map_or(usual, |at| at.min(usual))
}

fn let_in(shared: &Shared, ctx: &mut RequestContext, places: Places) -> Result<usize> {
    let target = places.target();
    ctx.places = Some(places);
    if let (Some(call), Some(queued)) = (&ctx.call, ctx.attempts.queued) {
        shared.queue_waits.of(call.lane).passed(queued);
    }
    target.ok_or_else(|| refused(ctx, Failure::new(Code::Internal)))
}

fn waited(ctx: &mut RequestContext, time: Duration) {
    *ctx.attempts.queued.get_or_insert_default() += time;
    ctx.attempts.elsewhere += time;
}

/// What is left of the lane's patience with this request, over all its attempts.
pub fn patience(ctx: &RequestContext, now: Instant) -> Duration {
    let Some(call) = &ctx.call else {
        return Duration::ZERO;
    };
    let patience = ctx.snapshot.config.lanes.of(call.lane).patience;
    let left = total_at(ctx).map_or(patience, |end| end.saturating_duration_since(now));
    patience
        .saturating_sub(ctx.attempts.queued.unwrap_or_default())
        .min(left)
}

fn candidates(ctx: &RequestContext, targets: &[usize]) -> Vec<Candidate> {
    let Some(route) = ctx.route() else {
        return Vec::new();
    };
    let candidate = |&target: &usize| {
        let upstream = route.targets.get(target)?.upstream;
        let upstream = ctx.snapshot.upstreams.get(upstream)?.places.id();
        Some(Candidate { target, upstream })
    };
    targets.iter().filter_map(candidate).collect()
}

fn turned_away(shared: &Shared, ctx: &mut RequestContext, why: Refused) -> Box<Error> {
    if ctx.attempts.last.is_some() {
        // It had its turn, and what came of that tells more than that there was no second one.
        let failure = refuse::last_failure(ctx);
        return refused(ctx, failure);
    }
    let is_late = total_at(ctx).is_some_and(|end| clock::now() >= end);
    let failure = match why {
        Refused::Closed => Failure::new(Code::Draining),
        Refused::LaneFull => Failure::new(Code::LaneFull).retry_after(usual_wait(shared, ctx)),
        Refused::QueueTimeout if is_late => Failure::new(Code::DeadlineExceeded),
        Refused::QueueTimeout if turn::waits_for_a_model(ctx) => {
            refuse::with_family(ctx, Failure::new(Code::UpstreamOverloaded).loading())
        }
        Refused::QueueTimeout => match turn::left_alone_for(ctx) {
            Some(rest) => Failure::new(Code::RateLimited).retry_after(rest),
            None => Failure::new(Code::QueueTimeout).retry_after(usual_wait(shared, ctx)),
        },
    };
    refused(ctx, failure)
}

/// How long those who got in last had waited, or those who wait now have, whichever is more.
fn usual_wait(shared: &Shared, ctx: &RequestContext) -> Duration {
    let Some(call) = &ctx.call else {
        return Duration::ZERO;
    };
    let status = shared.admission.status(clock::now());
    let oldest = status.lanes.of(call.lane).oldest.unwrap_or_default();
    // Nobody got in for as long as this one has waited.
    let own = ctx.attempts.queued.unwrap_or_default();
    shared.queue_waits.of(call.lane).get().max(oldest).max(own)
}
