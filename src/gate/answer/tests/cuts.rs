//! An answer that breaks at any byte: what has left can't be asked for again, and what hasn't always can.

use super::*;

const TOKENS: usize = 50;

/// A role, the tokens, a finish, usage, `[DONE]` and the framing's end.
fn wire() -> Vec<u8> {
    let mut wire = HEAD.as_bytes().to_vec();
    let tokens = std::iter::repeat_n(TEXT, TOKENS);
    let events = [ROLE].into_iter().chain(tokens).chain([STOP, USAGE, DONE]);
    for event in events {
        framing::write_chunk(event.as_bytes(), &mut wire);
    }
    wire.extend_from_slice(LAST_CHUNK);
    wire
}

/// Plays the first `at` bytes and the end of the connection, for each place in the stream.
fn at_every_byte(start: impl Fn() -> Play, judge: impl Fn(usize, &str, Report)) {
    let wire = wire();
    for at in 0..=wire.len() {
        let mut play = start();
        play.send(&wire[..at]).close();
        let seen = String::from_utf8_lossy(&play.seen).into_owned();
        judge(at, &seen, play.answer.into_report());
    }
}

/// Where the first token's event is whole.
fn first_token_ends() -> usize {
    let mut wire = HEAD.as_bytes().to_vec();
    for event in [ROLE, TEXT] {
        framing::write_chunk(event.as_bytes(), &mut wire);
    }
    wire.len() - "\r\n".len()
}

fn has_content(seen: &str) -> bool {
    seen.contains(r#""content":"a""#)
}

#[test]
fn what_is_committed_is_what_has_left() {
    at_every_byte(
        || Play::new(Commit::FirstToken),
        |at, seen, report| {
            assert_eq!(
                report.committed,
                at >= first_token_ends(),
                "{at}: {report:?}"
            );
            assert_eq!(report.committed, !seen.is_empty(), "{at}: {report:?}");
            assert_eq!(report.committed, has_content(seen), "{at}: {seen}");
            assert_ne!(report.finished, report.fault.is_some(), "{at}: {report:?}");
        },
    );
}

#[test]
fn a_whole_answer_or_nothing_of_it_leaves_a_gate_that_waits_for_all() {
    at_every_byte(
        || Play::new(Commit::Whole),
        |at, seen, report| {
            assert_eq!(report.committed, report.finished, "{at}: {report:?}");
            let tokens = seen.matches(r#""content":"a""#).count();
            let expected = if report.finished { TOKENS } else { 0 };
            assert_eq!(tokens, expected, "{at}");
        },
    );
}

/// Head and comments are no part of the answer: behind them everything can still be repaired.
#[test]
fn comments_commit_nothing() {
    let beating = || {
        let quick = |order: &mut Order| {
            order.heartbeat = Some(Duration::from_millis(400));
            order.clocks.header = Duration::from_secs(9);
            order.clocks.first_token = Duration::from_secs(9);
        };
        let mut play = Play::of(quick, Commit::FirstToken);
        play.pass(1);
        assert!(!play.nothing_seen());
        play
    };
    at_every_byte(beating, |at, seen, report| {
        assert_eq!(report.committed, has_content(seen), "{at}: {seen}");
    });
}

/// Nobody can take what broke for complete, however much of it has come.
#[test]
fn only_a_finished_answer_has_an_end() {
    at_every_byte(
        || Play::new(Commit::FirstToken),
        |at, seen, report| {
            let ends = seen.ends_with("\r\n0\r\n\r\n");
            assert_eq!(
                (ends, seen.contains("[DONE]")),
                (report.finished, report.finished),
                "{at}"
            );
        },
    );
}
