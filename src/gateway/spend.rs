//! What the request may spend: reserved in its caller's and its route's account before it asks for a place, settled at its
//! end with what it really used.

use std::time::Duration;

use pingora::Result;

use crate::attempt::Outcome;
use crate::budget::{Account, Exhausted, Kind, Scope};
use crate::clock;
use crate::config::Config;
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
    let (Some(call), Some(caller), Some(route)) = (&ctx.call, &ctx.caller, ctx.route()) else {
        return Ok(());
    };
    let config = &ctx.snapshot.config;
    let account = |scope, name| Account { scope, name };
    let accounts = [
        account(Scope::Caller, &*caller.name),
        account(Scope::Route, &*route.name),
    ];
    if !is_limited(config, &caller.name) && route.budget.is_none() {
        return Ok(());
    }
    let tokens = tokens_at_most(config, call);
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

/// An attempt begins: from now on the request counts, whatever becomes of it.
pub fn sent(ctx: &mut RequestContext) {
    let spending = ctx.spending.as_mut();
    if let Some(reservation) = spending.and_then(|spending| spending.reservation.as_mut()) {
        reservation.sent();
    }
}

/// Books what was used. An answer that says nothing of it is charged what was reserved for it; a failure, nothing.
pub fn settle(ctx: &mut RequestContext, used: Option<u64>) {
    let is_whole = ctx.attempts.last == Some(Outcome::Ok);
    let Some(spending) = &mut ctx.spending else {
        return;
    };
    let reserved = Some(spending.reserved).filter(|_| is_whole);
    if let (Some(reservation), Some(tokens)) = (spending.reservation.take(), used.or(reserved)) {
        reservation.settle(tokens);
    }
}

fn is_limited(config: &Config, caller: &str) -> bool {
    let limits = config.callers.limits.get(caller);
    limits.is_some_and(|limits| limits.budget.is_some() || limits.rate.is_some())
}

/// The prompt by its bytes, and for each answer the most that it may have.
fn tokens_at_most(config: &Config, call: &Call) -> u64 {
    let prompt = call.peek.body_bytes as u64 / BYTES_PER_TOKEN;
    if !call.peek.api.generates() {
        return prompt;
    }
    let Some(route) = config.routes.get(call.route) else {
        return prompt;
    };
    let windows = route.targets.iter().filter_map(|target| target.context);
    let window = windows.max();
    let limit = match (call.peek.asked_limit(), route.max_tokens) {
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
        (Scope::Skill, _) => "budget",
    };
    let failure = Failure::new(Code::BudgetExhausted).config_key(key);
    if exhausted.is_held {
        return failure.retry_after(HELD);
    }
    failure
        .renews_at(exhausted.ends)
        .retry_after(exhausted.retry_in(clock::wall()))
}
