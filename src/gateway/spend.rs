//! What the request may spend: reserved in its caller's, its route's and its skill's account before it asks for a place,
//! settled at its end with what it really used.

use std::time::Duration;

use pingora::Result;

use super::finish;
use crate::attempt::Outcome;
use crate::budget::{Account, Exhausted, Kind, Scope};
use crate::clock;
use crate::context::{Call, RequestContext, Spending};
use crate::failure::{Code, Failure};
use crate::snapshot::Shared;

/// English prose has about four bytes a token in the vocabularies in use; good enough for a reserve, and for a number that
/// is marked `estimated`.
pub const BYTES_PER_TOKEN: u64 = 4;

/// What an answer without any limit reserves: neither the client nor the route has one, nor is the model's window known.
const UNLIMITED_ANSWER: u64 = 4096;

/// No answer is longer, whatever a client asks for: a limit that no model can reach must not reserve everybody's budget.
/// The longest answers on offer have 128 Ki tokens.
const LONGEST_ANSWER: u64 = 128 * 1024;

/// What a client is told while a budget is only held by requests under way.
const HELD: Duration = Duration::from_secs(1);

/// OpenAI's own ceiling of `n`; more would be refused by whoever serves it.
const MOST_CHOICES: u64 = 128;

/// Reserves for the whole request, with all its attempts; a refused one has used nothing.
///
/// # Errors
/// The budget or the rate that is used up.
pub async fn reserve(shared: &Shared, ctx: &mut RequestContext) -> Result<(), Failure> {
    let (Some(call), true) = (&ctx.call, is_limited(ctx)) else {
        return Ok(());
    };
    let accounts = accounts(ctx);
    let tokens = tokens_at_most(ctx, call);
    let now = clock::wall();
    let reserved = shared.budgets.reserve(&accounts, tokens, now).await;
    let remaining = shared.budgets.remaining(&accounts, now);
    let (reservation, refused) = match reserved {
        Ok(reservation) => (Some(reservation), None),
        Err(exhausted) => (None, Some(exhausted)),
    };
    ctx.spending = Some(Spending {
        reservation,
        reserved: tokens,
        remaining,
    });
    refused.map_or(Ok(()), |exhausted| Err(failure(&exhausted)))
}

/// Who pays.
fn accounts(ctx: &RequestContext) -> Vec<Account<'_>> {
    let caller = ctx
        .caller
        .as_ref()
        .map(|caller| (Scope::Caller, &*caller.name));
    let route = ctx.route().map(|route| (Scope::Route, &*route.name));
    let skill = ctx.skill.as_ref().map(|skill| (Scope::Skill, &*skill.name));
    let all = [caller, route, skill].into_iter().flatten();
    all.map(|(scope, name)| Account { scope, name }).collect()
}

fn is_limited(ctx: &RequestContext) -> bool {
    let of_caller = ctx.caller.as_ref().is_some_and(|caller| {
        let limits = ctx.snapshot.config.callers.limits.get(&*caller.name);
        limits.is_some_and(|limits| limits.budget.is_some() || limits.rate.is_some())
    });
    let of_route = ctx.route().is_some_and(|route| route.budget.is_some());
    let of_skill = ctx
        .skill
        .as_ref()
        .is_some_and(|skill| skill.budget.is_some());
    of_caller || of_route || of_skill
}

/// Whether all its accounts have enough for what its refused answers used beside what is reserved for one.
pub fn has_room_for_another(shared: &Shared, ctx: &RequestContext) -> bool {
    let used = used(ctx, finish::tokens(ctx).spent()) + ctx.attempts.discarded_tokens;
    let remaining = shared.budgets.remaining(&accounts(ctx), clock::wall());
    remaining.tokens.is_none_or(|left| left.remaining >= used)
}

/// What an answer used: where it says nothing of it, what was reserved for it.
pub fn used(ctx: &RequestContext, said: Option<u64>) -> u64 {
    let reserved = ctx
        .spending
        .as_ref()
        .map_or(0, |spending| spending.reserved);
    said.unwrap_or(reserved)
}

/// An attempt begins: from now on the request counts, whatever becomes of it.
pub fn sent(ctx: &mut RequestContext) {
    let spending = ctx.spending.as_mut();
    if let Some(reservation) = spending.and_then(|spending| spending.reservation.as_mut()) {
        reservation.sent();
    }
}

/// Books what was used, with all answers that the client didn't get. A failure uses nothing.
pub fn settle(ctx: &mut RequestContext, said: Option<u64>) {
    let is_whole = matches!(ctx.attempts.last, Some(Outcome::Ok | Outcome::Misfit));
    let has_used = is_whole || said.is_some();
    let used = if has_used { used(ctx, said) } else { 0 };
    let discarded = ctx.attempts.discarded_tokens;
    let Some(spending) = &mut ctx.spending else {
        return;
    };
    if !has_used && discarded == 0 {
        return;
    }
    if let Some(reservation) = spending.reservation.take() {
        reservation.settle(used.saturating_add(discarded));
    }
}

/// The prompt by its bytes, and for each answer the most that it may have.
fn tokens_at_most(ctx: &RequestContext, call: &Call) -> u64 {
    let prompt = call.peek.body_bytes as u64 / BYTES_PER_TOKEN;
    if !call.peek.api.generates() {
        return prompt;
    }
    let Some(route) = ctx.route() else {
        return prompt;
    };
    let windows = route.targets.iter().filter_map(|target| target.context);
    let window = windows.max();
    let limit = match (call.peek.most_asked(), ctx.most_tokens()) {
        (Some(asked), Some(most)) => asked.min(most),
        (Some(limit), None) | (None, Some(limit)) => limit,
        (None, None) => window.unwrap_or(UNLIMITED_ANSWER),
    };
    let limit = limit.min(window.unwrap_or(LONGEST_ANSWER));
    let answers = call.peek.choices.min(MOST_CHOICES) * call.peek.prompts;
    prompt.saturating_add(limit.saturating_mul(answers))
}

fn failure(exhausted: &Exhausted) -> Failure {
    let key = match (exhausted.scope, exhausted.kind) {
        (Scope::Caller, Kind::Tokens) => "callers.limits.<caller>.budget",
        (Scope::Caller, Kind::Requests) => "callers.limits.<caller>.rate",
        (Scope::Route, _) => "routes.<route>.budget",
        (Scope::Skill, _) => "the skill's budget",
    };
    let failure = Failure::new(Code::BudgetExhausted).config_key(key);
    if exhausted.is_held {
        return failure.retry_after(HELD);
    }
    failure
        .renews_at(exhausted.ends)
        .retry_after(exhausted.retry_in(clock::wall()))
}
