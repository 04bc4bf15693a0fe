//! A stream that breaks at any place: before its first token it is repaired elsewhere, after it never.

use super::*;
use crate::support::wire::chunk;

const TOKENS: usize = 50;

/// One event of `a`'s answer: where its JSON ends in the wire, and where its blank line does.
struct Place {
    json: usize,
    whole: usize,
}

/// Every byte of `a`'s answer, framing included, and its events: the role, the tokens, what ends them.
fn wire() -> (Vec<u8>, Vec<Place>) {
    let mut wire = sse::head(("transfer-encoding", "chunked")).into_bytes();
    let mut events = Vec::new();
    for event in sse::chat_saying("A", TOKENS).text().split_inclusive("\n\n") {
        wire.extend_from_slice(&chunk(event.as_bytes()));
        // Behind the blank line stands the chunk's own line end.
        let whole = wire.len() - "\r\n".len();
        events.push(Place {
            json: whole - "\n\n".len(),
            whole,
        });
    }
    (wire, events)
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
    let (wire, events) = wire();
    let first_token = events[1].whole;
    let early = (0..first_token + 40).step_by(17);
    let edge = first_token - 4..first_token + 4;
    let late = (first_token..wire.len()).step_by(331);
    let places = early.chain(edge).chain(late);
    places.filter(|at| *at < wire.len()).collect()
}

#[tokio::test]
async fn nothing_is_tried_again_after_a_byte_has_gone_out() {
    let (_, events) = wire();
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
            repaired += usize::from(judge(&told, *at, tokens_before(&events, *at)));
        }
    }
    assert!(
        repaired > 10 && repaired < places.len() - 10,
        "{repaired} were repaired"
    );
    stage.end().await;
}

/// Tokens whose events are whole by then. Behind the first of them the last one may lack its blank line, as some servers'
/// last events do.
fn tokens_before(events: &[Place], at: usize) -> usize {
    let tokens = &events[1..=TOKENS];
    let whole = tokens.iter().filter(|token| token.whole <= at).count();
    let json = tokens.iter().filter(|token| token.json <= at).count();
    if whole == 0 {
        0
    } else {
        json
    }
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
