//! What each scenario wants of a gateway, in the words of its catalogue; whatever a gateway misses is said.

use std::time::Duration;

use super::wall::{answer_text, TOKENS};
use super::Observed;
use crate::support::End;

/// Everything that was wrong with what was seen in the scenario; nothing where it passes.
pub fn complaints(seen: &Observed) -> Vec<String> {
    let mut wrong = Wrong(Vec::new());
    match seen.id.as_str() {
        "S13" => wrong.unless_clean_error(seen),
        _ => wrong.unless_complete(seen),
    }
    wrong.by_scenario(seen);
    wrong.0
}

struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, fine: bool, what: impl Into<String>) {
        if !fine {
            self.0.push(what.into());
        }
    }

    /// The whole answer, once, and its end.
    fn unless_complete(&mut self, seen: &Observed) {
        let reply = &seen.reply;
        let whole = reply.status == 200 && reply.end == End::Whole && reply.has_done();
        self.unless(whole, format!("no whole answer: {reply:?}"));
        self.unless(
            reply.text() == answer_text(),
            format!("another answer: {}", reply.text()),
        );
    }

    fn unless_clean_error(&mut self, seen: &Observed) {
        let reply = &seen.reply;
        let clean = reply.end == End::Whole && (400..600).contains(&reply.status);
        self.unless(
            clean && !reply.is_stream(),
            format!("no clean error: {reply:?}"),
        );
    }

    fn by_scenario(&mut self, seen: &Observed) {
        let (primary, took) = (&seen.primary, seen.took());
        let within = |seconds| took < Duration::from_secs_f64(seconds);
        match seen.id.as_str() {
            "S01" => {
                let gap = seen.first_gap().unwrap_or_default();
                self.unless(primary.len() >= 2, "not retried there");
                self.unless(
                    gap >= Duration::from_millis(1800),
                    format!("retried after {gap:?}"),
                );
            }
            "S02" => {
                let early = seen.primary_within(Duration::from_secs(3));
                self.unless(early <= 4, format!("{early} attempts in 3 s"));
                self.unless(primary.len() <= 6, format!("{} attempts", primary.len()));
            }
            "S03" => self.unless(primary.len() >= 2, "not retried there"),
            "S04" => self.unless(primary.len() <= 6, format!("{} attempts", primary.len())),
            "S06" => {
                self.unless(primary.len() == 1, "a silent provider was asked again");
                self.unless(within(100.0), format!("took {took:?}"));
            }
            "S07" => self.unless(within(15.0), format!("took {took:?}")),
            "S09" => self.unless(within(45.0), format!("took {took:?}")),
            "S11" => {
                self.unless(within(8.0), format!("took {took:?}"));
                self.unless(seen.usage() == Some(TOKENS as u64), "no usage");
            }
            "S12" => self.unless(primary.len() == 1, "the same model again"),
            "S13" => {
                self.unless(primary.len() == 1, "the same model again");
                self.unless(seen.fallback.is_empty(), "failed over");
                let code = seen.reply.code();
                let kept = code.as_deref() == Some("content_policy_violation");
                self.unless(kept, format!("the reason is lost: {code:?}"));
            }
            "S16" => {
                let model = seen.model();
                self.unless(model.as_deref() == Some("ok"), format!("reports {model:?}"));
                self.unless(seen.usage() == Some(TOKENS as u64), "no usage");
                self.unless(primary.len() <= 6, format!("{} attempts", primary.len()));
            }
            _ => {}
        }
    }
}
