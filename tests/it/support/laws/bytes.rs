//! L2: what a client got is what an upstream sent, as far as it goes.

use bytes::Bytes;

use super::Facts;
use crate::support::client::{events_in, End, Event, Reply};
use crate::support::upstream::SeenRequest;

pub fn prefixes(facts: &Facts) -> Vec<String> {
    let passed_on = facts.replies.iter().filter(|reply| reply.status == 200);
    passed_on
        .filter_map(|reply| complaint(facts, reply))
        .collect()
}

fn complaint(facts: &Facts, reply: &Reply) -> Option<String> {
    let id = reply.correlation_id()?;
    let torn = reply.is_stream() && !matches!(reply.end, End::Left | End::Reset | End::NotYet);
    if torn && !reply.unfinished_event().is_empty() {
        return Some(format!(
            "{id}: the stream ends within an event: {:?}",
            reply.unfinished_event()
        ));
    }
    if !reply.surplus.is_empty() {
        return Some(format!(
            "{id}: bytes behind the answer: {:?}",
            reply.surplus
        ));
    }
    let sources = facts.attempts_of(id);
    let answers = sources
        .into_iter()
        .filter_map(SeenRequest::answered)
        .collect::<Vec<_>>();
    if answers.is_empty() {
        // The gateway answered by itself.
        return None;
    }
    let ok = facts.lines_of(id).iter().any(|line| line["code"] == "ok") && reply.end != End::Left;
    let fits = answers.iter().any(|answer| match reply.is_stream() {
        true => stream_fits(reply, answer, ok),
        false => plain_fits(reply, answer, ok),
    });
    (!fits).then(|| {
        format!("{id}: no attempt sent what the client got (all of it expected: {ok}): {reply:?}")
    })
}

fn plain_fits(reply: &Reply, answer: &Bytes, all: bool) -> bool {
    answer.starts_with(&reply.body) && (!all || answer.len() == reply.body.len())
}

/// Every event in order and none twice, but for what may be left out (an event that is no JSON, a usage event that
/// nobody asked for) or added (`[DONE]`, our own error event).
fn stream_fits(reply: &Reply, answer: &Bytes, all: bool) -> bool {
    let got = reply
        .events()
        .into_iter()
        .filter(|event| !is_ours(event))
        .collect::<Vec<_>>();
    let sent = events_in(answer)
        .into_iter()
        .filter(may_pass)
        .collect::<Vec<_>>();
    let without_usage = sent
        .iter()
        .filter(|event| !is_usage(event))
        .cloned()
        .collect::<Vec<_>>();
    [sent, without_usage].iter().any(|sent| {
        let added_done = got.len() == sent.len() + 1 && got.last().is_some_and(is_done);
        let got = if added_done {
            &got[..sent.len()]
        } else {
            &got[..]
        };
        let prefix =
            got.len() <= sent.len() && got.iter().zip(sent).all(|(got, sent)| same(got, sent));
        prefix && (!all || text(got) == text(sent))
    }) || ended_early_with_done(&got, answer, all)
}

/// After every choice has finished the rest may be cut short: then `[DONE]` stands where usage would have.
fn ended_early_with_done(got: &[Event], answer: &Bytes, all: bool) -> bool {
    let Some((last, rest)) = got.split_last() else {
        return false;
    };
    let sent = events_in(answer)
        .into_iter()
        .filter(may_pass)
        .collect::<Vec<_>>();
    let prefix =
        rest.len() <= sent.len() && rest.iter().zip(&sent).all(|(got, sent)| same(got, sent));
    is_done(last) && prefix && (!all || text(rest) == text(&sent))
}

fn same(one: &Event, other: &Event) -> bool {
    one.name == other.name && one.data == other.data
}

fn text(events: &[Event]) -> String {
    events.iter().filter_map(Event::text).collect()
}

fn is_done(event: &Event) -> bool {
    event.data == "[DONE]"
}

fn is_ours(event: &Event) -> bool {
    let has_id = |value: &serde_json::Value| value.pointer("/error/correlation_id").is_some();
    event.is_error() && event.json().as_ref().is_some_and(has_id)
}

fn may_pass(event: &Event) -> bool {
    !event.is_comment() && (is_done(event) || event.json().is_some())
}

fn is_usage(event: &Event) -> bool {
    let Some(value) = event.json() else {
        return false;
    };
    let no_choices = value["choices"].as_array().is_some_and(Vec::is_empty);
    no_choices && value["usage"].is_object()
}
