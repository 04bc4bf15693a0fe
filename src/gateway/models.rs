//! `/v1/models`: the aliases that the caller may use, answered by the gateway itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use pingora::Result;
use pingora_proxy::Session;
use serde::Serialize;

use super::accept::Accepted;
use super::respond;
use crate::caller::Caller;
use crate::context::RequestContext;
use crate::failure::{Code, Failure};
use crate::snapshot::Shared;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    /// When the configuration that names it was read.
    created: u64,
    owned_by: &'static str,
}

/// The list.
pub async fn list(
    shared: &Arc<Shared>,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<Accepted> {
    ctx.asks_models = true;
    let Some(names) = names(shared, ctx).await else {
        return Ok(Code::InsufficientScope.into());
    };
    let data = names.iter().map(|name| model(name, ctx)).collect();
    answer(
        session,
        ctx,
        &List {
            object: "list",
            data,
        },
    )
    .await
}

/// One of them.
pub async fn one(
    shared: &Arc<Shared>,
    session: &mut Session,
    ctx: &mut RequestContext,
    id: &str,
) -> Result<Accepted> {
    ctx.asks_models = true;
    let Some(names) = names(shared, ctx).await else {
        return Ok(Code::InsufficientScope.into());
    };
    match names.get(id) {
        Some(name) => {
            let one = model(name, ctx);
            answer(session, ctx, &one).await
        }
        None => Ok(Code::UnknownModel.into()),
    }
}

/// What the caller may put into `model`; none when it may not even ask.
async fn names(shared: &Arc<Shared>, ctx: &RequestContext) -> Option<BTreeSet<String>> {
    let caller = ctx
        .caller
        .as_ref()
        .filter(|caller| caller.may_list_models())?;
    let mut names = BTreeSet::new();
    for (index, route) in ctx.snapshot.config.routes.iter().enumerate() {
        // A caller with `models` alone may look at everything: it can't call any of it.
        let is_shown = caller.may_invoke(&route.name) || !caller.may_invoke_any();
        if !is_shown || !is_of_its_skill(ctx, caller, index) {
            continue;
        }
        names.extend(route.aliases.iter().filter(|alias| *alias != "*").cloned());
        if route.aliases.iter().any(|alias| alias == "*") {
            for target in &route.targets {
                match &target.model {
                    Some(model) => names.extend([model.clone()]),
                    None => {
                        names.extend(shared.listed_models(&ctx.snapshot, target.upstream).await)
                    }
                }
            }
        }
    }
    Some(names)
}

/// A token that is bound to a skill knows no more than the skill's route.
fn is_of_its_skill(ctx: &RequestContext, caller: &Caller, route: usize) -> bool {
    let Some(bound) = &caller.skill else {
        return true;
    };
    let skill = ctx.snapshot.skills.get(bound);
    skill.is_some_and(|skill| skill.route.is_none_or(|own| own == route))
}

fn model<'a>(id: &'a str, ctx: &RequestContext) -> Model<'a> {
    Model {
        id,
        object: "model",
        created: ctx.snapshot.made_at,
        owned_by: "sidegate",
    }
}

async fn answer(
    session: &mut Session,
    ctx: &mut RequestContext,
    value: &impl Serialize,
) -> Result<Accepted> {
    match serde_json::to_vec(value) {
        Ok(body) => {
            respond::json(session, ctx, body).await?;
            Ok(Accepted::Answered)
        }
        Err(_) => Ok(Accepted::Refused(Failure::new(Code::Internal))),
    }
}
