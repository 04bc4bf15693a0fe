//! Judges a streamed answer event by event: may it be committed, is it whole, what may the client see.

use super::dialect::{meaning, Dialect, Meaning};
use super::event::fields;
use super::{FinishReason, Usage};

/// What the request asked for, as far as the answer's judgement depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    pub dialect: Dialect,
    /// How many choices were asked for (`n`).
    pub choices: u32,
    /// The gateway asked for usage and the client didn't: the event that answers it is hidden.
    pub hide_usage: bool,
}

/// What to do with one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    Pass,
    /// Ours alone: the usage that the client didn't ask for.
    Hide,
    /// It is no JSON; the rest of the stream may still be fine.
    Drop,
    /// The upstream reports a failure inside its stream.
    Failed,
}

/// The answer so far.
#[derive(Debug)]
pub struct Judge {
    wishes: Wishes,
    choices: u64,
    finished: u64,
    last_event: bool,
    done_marker: bool,
    content: bool,
    content_events: u64,
    dropped: u64,
    usage: Usage,
    finish_reason: Option<FinishReason>,
}

impl Judge {
    pub fn new(wishes: Wishes) -> Judge {
        Judge {
            wishes,
            choices: 0,
            finished: 0,
            last_event: false,
            done_marker: false,
            content: false,
            content_events: 0,
            dropped: 0,
            usage: Usage::default(),
            finish_reason: None,
        }
    }

    /// Judges one event as [`super::Splitter`] cuts it.
    pub fn event(&mut self, raw: &[u8]) -> Ruling {
        let fields = fields(raw);
        let Some(data) = fields.data else {
            return Ruling::Pass;
        };
        if data.trim_ascii() == b"[DONE]" {
            self.done_marker = true;
            return Ruling::Pass;
        }
        match meaning(self.wishes.dialect, &data) {
            None if fields.name == Some(b"error") => Ruling::Failed,
            None => {
                self.dropped += 1;
                Ruling::Drop
            }
            Some(said) if said.error || fields.name == Some(b"error") => Ruling::Failed,
            Some(said) => self.learn(said),
        }
    }

    fn learn(&mut self, said: Meaning) -> Ruling {
        self.choices |= said.choices;
        self.finished |= said.finished;
        self.last_event |= said.last;
        self.content |= said.content;
        self.content_events += u64::from(said.content);
        self.finish_reason = said.finish_reason.or(self.finish_reason);
        let answers_usage = said.usage.is_some() && said.no_choices;
        match said.usage {
            // llama.cpp reports the usage of each choice in an event of its own.
            Some(usage) if answers_usage && self.wishes.choices > 1 => self.usage.add(usage),
            Some(usage) => self.usage.update(usage),
            None => {}
        }
        if answers_usage && self.wishes.hide_usage {
            return Ruling::Hide;
        }
        Ruling::Pass
    }

    /// Something of the answer itself is here.
    pub fn has_content(&self) -> bool {
        self.content
    }

    /// Something of the answer itself is here, or the answer is over without anything: from now on it can't be taken back.
    pub fn may_commit(&self) -> bool {
        self.content || self.is_whole()
    }

    /// The dialect's own signs say that nothing of the answer is missing.
    pub fn is_whole(&self) -> bool {
        match self.wishes.dialect {
            Dialect::Chat | Dialect::Completions => {
                self.done_marker || self.every_choice_finished()
            }
            Dialect::Responses | Dialect::Messages => self.last_event,
            Dialect::Opaque => true,
        }
    }

    /// Everything has come, the end marker included: nothing is worth waiting for but the framing's end.
    pub fn is_over(&self) -> bool {
        match self.wishes.dialect {
            Dialect::Chat | Dialect::Completions => self.done_marker,
            Dialect::Responses | Dialect::Messages => self.last_event,
            Dialect::Opaque => false,
        }
    }

    /// A whole answer of a dialect that ends in `[DONE]`, without it: clients wait for it.
    pub fn lacks_done_marker(&self) -> bool {
        let marked = matches!(self.wishes.dialect, Dialect::Chat | Dialect::Completions);
        marked && !self.done_marker && self.every_choice_finished()
    }

    fn every_choice_finished(&self) -> bool {
        self.choices != 0
            && self.finished == self.choices
            && self.finished.count_ones() >= self.wishes.choices.clamp(1, 64)
    }

    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Events with content: an estimate of the tokens where no usage was reported.
    pub fn content_events(&self) -> u64 {
        self.content_events
    }

    /// Events that were no JSON.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.finish_reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &[u8] =
        b"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
    const TEXT: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    const STOP: &[u8] =
        b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    const USAGE: &[u8] =
        b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n";
    const DONE: &[u8] = b"data: [DONE]\n\n";

    fn chat(choices: u32, hide_usage: bool) -> Judge {
        Judge::new(Wishes {
            dialect: Dialect::Chat,
            choices,
            hide_usage,
        })
    }

    #[test]
    fn content_commits_and_a_role_does_not() {
        let mut judge = chat(1, false);
        judge.event(b": comment\n\n");
        judge.event(ROLE);
        assert!(!judge.may_commit());
        judge.event(TEXT);
        assert!(judge.may_commit());
        assert!(!judge.is_whole());
    }

    #[test]
    fn every_choice_has_to_finish() {
        let mut judge = chat(2, false);
        judge.event(TEXT);
        judge.event(STOP);
        assert!(!judge.is_whole(), "the second choice hasn't begun");
        judge.event(
            b"data: {\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
        );
        assert!(judge.is_whole());
        assert!(judge.lacks_done_marker());
        judge.event(DONE);
        assert!(judge.is_over() && !judge.lacks_done_marker());
    }

    #[test]
    fn an_answer_without_content_commits_at_its_end() {
        let mut judge = chat(1, false);
        judge.event(ROLE);
        judge.event(STOP);
        assert!(judge.may_commit());
    }

    #[test]
    fn only_the_usage_event_that_we_asked_for_is_hidden() {
        let mut asked_by_us = chat(1, true);
        assert_eq!(asked_by_us.event(USAGE), Ruling::Hide);
        let with_choice = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1}}\n\n";
        assert_eq!(asked_by_us.event(with_choice), Ruling::Pass);
        assert_eq!(asked_by_us.usage().completion, Some(2));
        let mut asked_by_client = chat(1, false);
        assert_eq!(asked_by_client.event(USAGE), Ruling::Pass);
    }

    #[test]
    fn broken_events_are_dropped_and_errors_fail() {
        let mut judge = chat(1, false);
        assert_eq!(judge.event(b"data: {\"choices\":[{\n\n"), Ruling::Drop);
        assert_eq!(judge.dropped(), 1);
        assert_eq!(
            judge.event(b"data: {\"error\":{\"message\":\"x\"}}\n\n"),
            Ruling::Failed
        );
        assert_eq!(
            judge.event(b"event: error\ndata: whatever\n\n"),
            Ruling::Failed
        );
    }
}
