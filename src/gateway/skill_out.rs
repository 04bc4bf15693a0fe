//! The skill gate on the way out: whether an answer is what its skill accepts, and what follows where it isn't.

use std::sync::{Arc, OnceLock};

use crate::context::{Call, RequestContext};
use crate::failure::{Code, Failure, Segment};
use crate::gate::Inspect;
use crate::record::labels::SkillResult;
use crate::record::SkillSeries;
use crate::route::Api;
use crate::skill::{self, rule, Claim, Form, Listener, Manifest, Verdict, Violation, Where};
use crate::snapshot::Shared;

use super::{finish, skill_in, spend};

/// Hears an answer for its skill.
#[derive(Debug)]
struct Inspector {
    listener: Listener,
    skill: Arc<Manifest>,
    claim: Claim,
    found: Arc<OnceLock<Verdict>>,
}

impl Inspect for Inspector {
    fn plain(&mut self, piece: &[u8]) {
        self.listener.plain(piece);
    }

    fn event(&mut self, data: &[u8]) {
        self.listener.event(data);
    }

    fn give_up(self: Box<Self>) -> Vec<u8> {
        let _ = self.found.set(Verdict::Breaks {
            at: Where::Content,
            violation: Violation::new(rule::TOO_LARGE, []),
        });
        let answer = self.listener.finish();
        answer.map(|answer| answer.to_json()).unwrap_or_default()
    }

    fn finish(self: Box<Self>) -> Result<(), Vec<u8>> {
        let answer = self.listener.finish();
        let verdict = skill::judge(&self.skill, self.claim, answer.as_ref());
        let fits = verdict == Verdict::Fits;
        // A second word would be another attempt's, which has an inspector of its own.
        let _ = self.found.set(verdict);
        if fits {
            return Ok(());
        }
        Err(answer.map(|answer| answer.to_json()).unwrap_or_default())
    }
}

/// Who hears the answer of the attempt that begins; none where there is no skill, or nothing that a model says.
pub fn inspector(ctx: &RequestContext) -> Option<Box<dyn Inspect>> {
    let (skill, call, attempt) = (
        ctx.skill.as_ref()?,
        ctx.call.as_ref()?,
        ctx.attempts.current.as_ref()?,
    );
    Some(Box::new(Inspector {
        listener: Listener::new(form(call.peek.api)?),
        skill: Arc::clone(skill),
        claim: call.claim,
        found: Arc::clone(attempt.judged.as_ref()?),
    }))
}

/// What the request says of its answer; nothing is read for one without a skill.
pub fn claim(ctx: &RequestContext, body: &[u8]) -> Claim {
    match ctx.skill {
        Some(_) => skill::claim(body),
        None => Claim::Text,
    }
}

fn form(api: Api) -> Option<Form> {
    match api {
        Api::Chat => Some(Form::Chat),
        Api::Completions => Some(Form::Completions),
        Api::Responses => Some(Form::Responses),
        Api::Messages => Some(Form::Messages),
        Api::CountTokens | Api::Embeddings | Api::Rerank | Api::Score => None,
    }
}

/// An answer was refused here. A second try is in vain where the same bytes would come, and not to be had where the budget
/// has nothing left for it.
pub fn refused(shared: &Shared, ctx: &mut RequestContext) {
    let repeats = |call: &Call| skill::would_repeat(call.peek.temperature, call.peek.seed);
    let is_in_vain = ctx.call.as_ref().is_some_and(repeats);
    ctx.attempts.misfits += 1;
    ctx.attempts.misfit_stays = is_in_vain || !spend::has_room_for_another(shared, ctx);
}

/// Another attempt takes the place of a refused one, whose tokens were used all the same.
pub fn set_aside(ctx: &mut RequestContext) {
    let used = finish::tokens(ctx);
    finish::count_tokens(ctx, used);
    ctx.attempts.discarded_tokens += spend::used(ctx, used.spent());
    if let Some(series) = series(ctx) {
        series.retried();
    }
}

/// The request has ended: what became of it, for its skill.
pub fn count(ctx: &RequestContext) {
    let result = match ctx.failure.as_ref().map(Failure::code) {
        None if is_misfit(ctx) => SkillResult::MisfitSent,
        None => SkillResult::Ok,
        Some(Code::SchemaViolation) => SkillResult::Refused,
        Some(Code::ResponseSchemaViolation) => SkillResult::Misfit,
        Some(_) => SkillResult::Failed,
    };
    if let Some(series) = series(ctx) {
        series.ended(result);
    }
}

/// Whether the last answer is what the skill accepts; none where nobody asked, or it never became whole.
pub fn fits(ctx: &RequestContext) -> Option<bool> {
    Some(*verdict(ctx)? == Verdict::Fits)
}

fn verdict(ctx: &RequestContext) -> Option<&Verdict> {
    let attempt = ctx.attempts.current.as_ref()?;
    attempt.judged.as_ref()?.get()
}

fn is_misfit(ctx: &RequestContext) -> bool {
    fits(ctx) == Some(false)
}

fn series(ctx: &RequestContext) -> Option<&SkillSeries> {
    let skill = ctx.skill.as_ref()?;
    let handles = ctx.snapshot.handles.skill(&skill.name)?;
    Some(handles.on(ctx.call.as_ref().map(|call| call.route)))
}

/// What the client is told of an answer that its skill doesn't accept.
pub fn failure(ctx: &RequestContext) -> Failure {
    let failure = Failure::new(Code::ResponseSchemaViolation);
    let (at, violation) = match verdict(ctx) {
        None | Some(Verdict::Fits) => return failure,
        Some(Verdict::NotJson(at)) => (at.clone(), Violation::new(rule::JSON, [])),
        Some(Verdict::Breaks { at, violation }) => (at.clone(), violation.clone()),
    };
    let above = match at {
        Where::Content => vec![Segment::Key("content")],
        Where::Arguments(None) => vec![Segment::Key("tool_calls"), Segment::Other],
        Where::Arguments(Some(tool)) => vec![Segment::Key("tool_calls"), Segment::SchemaKey(tool)],
    };
    failure
        .pointer(skill_in::pointer(above, &violation))
        .rule(violation.rule)
}
