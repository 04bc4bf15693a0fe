//! A stream that breaks at any place: before its first token it is repaired elsewhere, after it never.

use super::*;
use crate::support::wire::chunk;

const TOKENS: usize = 50;

/// Every byte of `a`'s answer, framing included, and how many of them come before anything can be committed.
fn wire() -> (Vec<u8>, usize) {
    let head = sse::head(("transfer-encoding", "chunked")).into_bytes();
    let whole = sse::chat_saying("A", TOKENS).text();
    let events = whole
        .split_inclusive("\n\n")
        .map(|event| chunk(event.as_bytes()))
        .collect::<Vec<_>>();
    let role_and_token = events[..2].iter().map(|event| event.len()).sum::<usize>();
    let commits_at = head.len() + role_and_token;
    ([head, events.concat()].concat(), commits_at)
}

/// The request says in its own body where its answer breaks.
fn cut_where_asked() -> Script {
    let (wire, _) = wire();
    Script::by(move |ask| {
        let user = ask.json()["user"].as_str().unwrap_or_default().to_string();
        let at = user
            .trim_start_matches("cut-")
            .parse::<usize>()
            .expect("a place");
        Answer::new().send(wire[..at].to_vec()).close_fin()
    })
}

/// Head, first events, the end, and places of every sort in between.
fn places() -> Vec<usize> {
    let (wire, commits_at) = wire();
    let early = (0..commits_at + 40).step_by(17);
    let edge = commits_at - 4..commits_at + 4;
    let late = (commits_at..wire.len()).step_by(331);
    early
        .chain(edge)
        .chain(late)
        .filter(|at| *at < wire.len())
        .collect()
}

#[tokio::test]
async fn nothing_is_tried_again_after_a_byte_has_gone_out() {
    let (wire, _) = wire();
    let stage = Stage::start(cut_where_asked(), sse::chat_saying("B", TOKENS)).await;
    let places = places();
    assert!(places.len() > 60, "{} places", places.len());
    let mut repaired = 0;
    for round in places.chunks(16) {
        let requests = round
            .iter()
            .map(|at| stage.chat().field("user", format!("cut-{at}")));
        let requests = requests.collect::<Vec<_>>();
        let replies = many(requests.len(), |number| {
            let request = requests[number].clone();
            async move { request.send().await }
        });
        for (reply, at) in replies.await.into_iter().zip(round) {
            let told = stage.told(reply).await;
            repaired += usize::from(judge(&told, *at, tokens_before(&wire[..*at])));
        }
    }
    assert!(
        repaired > 10 && repaired < places.len() - 10,
        "{repaired} were repaired"
    );
    stage.end().await;
}

/// Tokens whose events are whole: those whose blank line has come, but for the role's.
fn tokens_before(wire: &[u8]) -> usize {
    let whole = String::from_utf8_lossy(wire).matches("\n\n").count();
    whole.saturating_sub(1).min(TOKENS)
}

/// Whether it was repaired.
fn judge(told: &Told, at: usize, tokens: usize) -> bool {
    if tokens == 0 {
        told.expect_whole("B", TOKENS).expect_attempts(2);
        return true;
    }
    let finished = told.reply.code().is_none();
    told.expect_attempts(1);
    match finished {
        // Its finish was here: the rest is form.
        true => assert_eq!(told.reply.text(), text_of("A", TOKENS), "cut at {at}"),
        false => {
            told.expect_interrupted(tokens, "stream_interrupted");
        }
    }
    false
}
