//! What an inspector hears, and what its word does.

use std::sync::{Arc, Mutex};

use super::*;
use crate::gate::Inspect;

/// Keeps what it hears and says what the test wants.
#[derive(Debug)]
struct Inspector {
    heard: Arc<Mutex<String>>,
    fits: bool,
}

impl Inspect for Inspector {
    fn plain(&mut self, piece: &[u8]) {
        self.event(piece);
    }

    fn event(&mut self, data: &[u8]) {
        self.heard
            .lock()
            .unwrap()
            .push_str(std::str::from_utf8(data).unwrap());
    }

    fn give_up(self: Box<Self>) -> Vec<u8> {
        b"too much".to_vec()
    }

    fn finish(self: Box<Self>) -> Result<(), Vec<u8>> {
        if self.fits {
            return Ok(());
        }
        Err(b"what it said".to_vec())
    }
}

/// An answer that is inspected, and what the inspector hears of it.
fn inspected(fits: bool, commit: Commit) -> (Play, Arc<Mutex<String>>) {
    let heard = Arc::new(Mutex::new(String::new()));
    let inspector = Inspector {
        heard: Arc::clone(&heard),
        fits,
    };
    let play = Play::of(|order| order.inspector = Some(Box::new(inspector)), commit);
    (play, heard)
}

const PLAIN: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n{\"choices\": []}";

#[test]
fn a_plain_answer_waits_for_its_inspector() {
    let (mut play, heard) = inspected(true, Commit::FirstToken);
    let (head, last) = PLAIN.split_at(PLAIN.len() - 1);
    play.send(head);
    assert!(play.seen.is_empty(), "held although nothing else holds it");
    play.send(last);
    assert!(play.seen.ends_with(b"{\"choices\": []}"));
    assert_eq!(*heard.lock().unwrap(), "{\"choices\": []}");
    assert!(!play.answer.into_report().is_misfit);
}

#[test]
fn a_plain_answer_that_does_not_fit_never_leaves() {
    let (mut play, _) = inspected(false, Commit::FirstToken);
    play.send(PLAIN);
    assert!(play.seen.is_empty());
    let report = play.answer.into_report();
    assert_eq!(report.fault, Some(Fault::Misfit));
    assert!(report.is_misfit && !report.committed);
    let evidence = report.evidence.unwrap();
    assert_eq!(
        (evidence.status, &*evidence.body),
        (200, &b"what it said"[..])
    );
}

#[test]
fn a_stream_that_is_held_until_it_is_whole_is_judged_before_it_leaves() {
    let (mut play, heard) = inspected(false, Commit::Whole);
    play.send(HEAD)
        .chunk(ROLE)
        .chunk(TEXT)
        .chunk(STOP)
        .chunk(DONE);
    play.send(LAST_CHUNK);
    assert!(play.seen.is_empty());
    assert_eq!(play.answer.into_report().fault, Some(Fault::Misfit));
    assert!(heard.lock().unwrap().contains("\"content\":\"a\""));
}

#[test]
fn a_stream_that_is_out_ends_well_and_is_marked() {
    let (mut play, _) = inspected(false, Commit::FirstToken);
    play.send(HEAD).chunk(TEXT).chunk(STOP).chunk(DONE);
    play.send(LAST_CHUNK);
    assert!(play.seen.ends_with(LAST_CHUNK));
    let report = play.answer.into_report();
    assert!(report.finished && report.is_misfit);
    assert_eq!(report.fault, None);
}

#[test]
fn a_stream_that_is_over_without_a_word_is_judged_before_it_leaves() {
    let (mut play, _) = inspected(false, Commit::FirstToken);
    play.send(HEAD).chunk(ROLE).chunk(STOP).chunk(DONE);
    play.send(LAST_CHUNK);
    assert!(play.seen.is_empty());
    assert_eq!(play.answer.into_report().fault, Some(Fault::Misfit));
}

#[test]
fn an_event_without_its_blank_line_is_heard_too() {
    let (mut play, heard) = inspected(true, Commit::Whole);
    play.send(HEAD).chunk(TEXT).chunk(STOP.trim_end());
    play.send(LAST_CHUNK);
    assert!(heard.lock().unwrap().contains("finish_reason\":\"stop\""));
    assert!(!play.seen.is_empty());
}

#[test]
fn an_answer_too_large_to_be_held_is_refused_where_it_has_to_be_judged() {
    let heard = Arc::default();
    let inspector = Inspector { heard, fits: true };
    let small = |order: &mut Order| {
        order.inspector = Some(Box::new(inspector));
        order.held_limit = 200;
    };
    let mut play = Play::of(small, Commit::Whole);
    play.send(HEAD);
    for _ in 0..10 {
        play.chunk(TEXT);
    }
    assert!(play.seen.is_empty());
    assert_eq!(play.answer.into_report().fault, Some(Fault::Misfit));
}

#[test]
fn a_cut_answer_is_cut_whatever_its_inspector_would_say() {
    let (mut play, _) = inspected(false, Commit::Whole);
    play.send(HEAD).chunk(TEXT).close();
    let report = play.answer.into_report();
    assert_eq!(report.fault, Some(Fault::Cut));
    assert!(!report.is_misfit);
}
