use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::gate::framing::{self, LAST_CHUNK};
use crate::gate::Clocks;
use crate::stream::{Dialect, Wishes};

mod cuts;
mod inspection;

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const ROLE: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n";
const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const STOP: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
const ERROR: &str = "data: {\"error\":{\"message\":\"secret\"}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// An answer played without socket or clock.
pub struct Play {
    pub answer: Answer,
    now: Instant,
    seen: Vec<u8>,
}

fn order(commit: Commit, now: Instant) -> Order {
    Order {
        body: Bytes::new(),
        commit,
        clocks: Clocks {
            header: Duration::from_secs(1),
            first_token: Duration::from_secs(2),
            idle: Duration::from_secs(3),
            plain: Duration::from_secs(4),
            total_at: now + Duration::from_secs(60),
        },
        wishes: Wishes {
            dialect: Dialect::Chat,
            choices: 1,
            hide_usage: false,
        },
        wants_stream: true,
        held_limit: 1 << 20,
        heartbeat: None,
        head_is_out: false,
        closing: Bytes::from_static(b": over\n\n"),
        on_content: None,
        inspector: None,
    }
}

impl Play {
    fn new(commit: Commit) -> Play {
        Play::of(|_| (), commit)
    }

    pub fn of(change: impl FnOnce(&mut Order), commit: Commit) -> Play {
        let now = crate::clock::now();
        let mut order = order(commit, now);
        change(&mut order);
        Play {
            answer: Answer::new(Box::new(order), now),
            now,
            seen: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Play {
        self.answer.feed(bytes.as_ref(), self.now);
        self.drain()
    }

    fn chunk(&mut self, data: &str) -> &mut Play {
        let mut wire = Vec::new();
        framing::write_chunk(data.as_bytes(), &mut wire);
        self.send(wire)
    }

    fn pass(&mut self, seconds: u64) -> &mut Play {
        self.now += Duration::from_secs(seconds);
        while !self.answer.is_over() && self.answer.deadline() <= self.now {
            self.answer.tick(self.now);
        }
        self.drain()
    }

    pub fn close(&mut self) -> &mut Play {
        self.answer.end_of_input(true);
        self.drain()
    }

    fn drain(&mut self) -> &mut Play {
        self.seen.extend_from_slice(self.answer.ready());
        let count = self.answer.ready().len();
        self.answer.took(count);
        self
    }

    /// Head and decoded body, as Pingora's parser would see them; whether the body ended.
    pub fn client(&self) -> (u16, String, bool) {
        let (head, length) = head::read(&self.seen).unwrap().expect("a head");
        let mut framing = head.framing;
        let mut body = Vec::new();
        framing
            .decode(&self.seen[length..], |piece| body.extend_from_slice(piece))
            .unwrap();
        (
            head.status,
            String::from_utf8(body).unwrap(),
            framing.is_done(),
        )
    }

    pub fn nothing_seen(&self) -> bool {
        self.seen.is_empty()
    }
}

#[test]
fn a_role_is_held_and_content_commits() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD).chunk(ROLE);
    assert!(play.nothing_seen());
    play.chunk(TEXT);
    assert_eq!(play.client(), (200, [ROLE, TEXT].concat(), false));
    play.chunk(STOP).chunk(DONE).send("0\r\n\r\n");
    assert_eq!(
        play.client(),
        (200, [ROLE, TEXT, STOP, DONE].concat(), true)
    );
    assert!(play.answer.leaves_connection_usable());
    assert!(play.answer.into_report().finished);
}

#[test]
fn silence_has_a_clock_in_each_phase() {
    let mut play = Play::new(Commit::FirstToken);
    assert_eq!(play.pass(1).answer.fault(), Some(Fault::HeaderTimeout));

    let mut play = Play::new(Commit::FirstToken);
    assert_eq!(
        play.send(HEAD).chunk(ROLE).pass(2).answer.fault(),
        Some(Fault::FirstTokenTimeout)
    );
    assert!(play.nothing_seen());

    let mut play = Play::new(Commit::FirstToken);
    assert_eq!(
        play.send(HEAD).chunk(TEXT).pass(3).answer.fault(),
        Some(Fault::IdleTimeout)
    );
}

#[test]
fn comments_count_for_idle_only() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD);
    play.pass(1).chunk(": ping\n\n").pass(1);
    assert_eq!(play.answer.fault(), Some(Fault::FirstTokenTimeout));

    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD).chunk(TEXT);
    for _ in 0..5 {
        play.pass(2).chunk(": ping\n\n");
    }
    assert_eq!(play.answer.fault(), None);
}

#[test]
fn a_stream_that_merely_stops_is_cut() {
    for commit in [Commit::FirstToken, Commit::Whole] {
        let mut play = Play::new(commit);
        play.send(HEAD).chunk(TEXT).send("0\r\n\r\n");
        assert_eq!(play.answer.fault(), Some(Fault::Cut), "{commit:?}");
        assert_eq!(play.nothing_seen(), commit == Commit::Whole);
    }
}

#[test]
fn a_whole_answer_without_done_gets_it() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD).chunk(TEXT).chunk(STOP).send("0\r\n\r\n");
    assert_eq!(play.client(), (200, [TEXT, STOP, DONE].concat(), true));
}

#[test]
fn after_the_finish_the_end_is_waited_for_a_second_only() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD).chunk(TEXT).chunk(STOP).pass(1);
    assert_eq!(play.client(), (200, [TEXT, STOP, DONE].concat(), true));
    assert!(
        !play.answer.leaves_connection_usable(),
        "the upstream may still send"
    );
    assert_eq!(play.answer.fault(), None);
}

#[test]
fn usage_behind_the_finish_still_arrives() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD).chunk(TEXT).chunk(STOP).chunk(USAGE).close();
    let report_text = play.client().1;
    assert_eq!(report_text, [TEXT, STOP, USAGE, DONE].concat());
    assert_eq!(play.answer.into_report().usage.completion, Some(2));
}

#[test]
fn usage_that_only_we_asked_for_is_hidden() {
    let mut play = Play::of(|order| order.wishes.hide_usage = true, Commit::FirstToken);
    play.send(HEAD)
        .chunk(TEXT)
        .chunk(STOP)
        .chunk(USAGE)
        .chunk(DONE)
        .send("0\r\n\r\n");
    assert_eq!(play.client().1, [TEXT, STOP, DONE].concat());
    assert_eq!(play.answer.into_report().usage.prompt, Some(3));
}

#[test]
fn broken_events_are_dropped_and_counted() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD)
        .chunk(TEXT)
        .chunk("data: {\"choices\":[{\n\n")
        .chunk(STOP)
        .chunk(DONE)
        .close();
    assert_eq!(play.client().1, [TEXT, STOP, DONE].concat());
    assert_eq!(play.answer.into_report().dropped_events, 1);
}

#[test]
fn an_error_event_before_content_commits_nothing() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD).chunk(ROLE).chunk(ERROR);
    assert_eq!(play.answer.fault(), Some(Fault::ErrorEvent));
    assert!(play.nothing_seen());
}

#[test]
fn no_byte_of_an_error_event_leaves_however_it_is_split() {
    for cut in 1..ERROR.len() {
        let mut play = Play::new(Commit::FirstToken);
        play.send(HEAD)
            .chunk(TEXT)
            .chunk(&ERROR[..cut])
            .chunk(&ERROR[cut..]);
        assert_eq!(play.answer.fault(), Some(Fault::ErrorEvent));
        assert_eq!(play.client(), (200, TEXT.to_owned(), false));
    }
}

#[test]
fn whole_holds_everything_until_the_end() {
    let mut play = Play::new(Commit::Whole);
    play.send(HEAD)
        .chunk(ROLE)
        .chunk(TEXT)
        .chunk(STOP)
        .chunk(DONE);
    assert!(play.nothing_seen());
    play.send("0\r\n\r\n");
    assert_eq!(
        play.client(),
        (200, [ROLE, TEXT, STOP, DONE].concat(), true)
    );
}

#[test]
fn what_grows_over_the_limit_is_committed_as_it_stands() {
    let mut play = Play::of(|order| order.held_limit = 400, Commit::Whole);
    play.send(HEAD);
    for _ in 0..10 {
        play.chunk(TEXT);
    }
    assert!(!play.nothing_seen());
    play.close();
    assert!(play.answer.into_report().committed);
}

#[test]
fn an_error_status_is_evidence_and_nothing_leaves() {
    let mut play = Play::new(Commit::FirstToken);
    play.send("HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nbu")
        .send("sy");
    assert!(play.nothing_seen());
    let report = play.answer.into_report();
    assert_eq!(report.fault, Some(Fault::Status));
    let evidence = report.evidence.unwrap();
    assert_eq!(
        (evidence.status, evidence.body.as_slice()),
        (503, &b"busy"[..])
    );
    assert_eq!(evidence.retry_after.as_deref(), Some("2"));
}

#[test]
fn of_an_endless_error_only_so_much_is_read() {
    let mut play = Play::new(Commit::FirstToken);
    play.send("HTTP/1.1 400 Bad\r\n\r\n");
    let piece = vec![b'x'; EVIDENCE_BYTES];
    play.send(&piece[1..]);
    assert_eq!(play.answer.fault(), None);
    play.send(&piece);
    assert_eq!(play.answer.fault(), Some(Fault::Status));
    assert_eq!(
        play.answer.into_report().evidence.unwrap().body.len(),
        EVIDENCE_BYTES
    );
}

#[test]
fn an_error_whose_body_stalls_is_an_error_all_the_same() {
    let mut play = Play::new(Commit::FirstToken);
    play.send("HTTP/1.1 429 Slow\r\nContent-Length: 9\r\n\r\nx")
        .pass(5);
    let report = play.answer.into_report();
    assert_eq!(report.fault, Some(Fault::Status));
    assert_eq!(report.evidence.unwrap().status, 429);
}

#[test]
fn a_page_where_an_answer_should_be_is_a_failure() {
    let mut play = Play::new(Commit::FirstToken);
    play.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
    assert_eq!(play.answer.fault(), Some(Fault::Status));
    assert!(play.nothing_seen());
}

#[test]
fn interim_heads_are_dropped() {
    let mut play = Play::new(Commit::FirstToken);
    play.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n");
    assert_eq!(play.answer.fault(), None);
    play.send(HEAD).chunk(TEXT).chunk(DONE).send("0\r\n\r\n");
    assert_eq!(play.client(), (200, [TEXT, DONE].concat(), true));
}

#[test]
fn a_plain_answer_is_committed_with_its_first_byte() {
    let mut play = Play::of(|order| order.wants_stream = false, Commit::FirstToken);
    play.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n");
    assert!(play.nothing_seen());
    play.send("{} ");
    assert_eq!(play.client(), (200, "{} ".to_owned(), false));
    play.send(" ");
    assert!(play.answer.leaves_connection_usable());
}

#[test]
fn a_plain_answer_has_one_clock() {
    let mut play = Play::of(|order| order.wants_stream = false, Commit::FirstToken);
    play.pass(3);
    assert_eq!(
        play.answer.fault(),
        None,
        "header and first token don't apply"
    );
    play.pass(1);
    assert_eq!(play.answer.fault(), Some(Fault::PlainTimeout));
}

#[test]
fn a_plain_answer_that_falls_short_is_cut() {
    for commit in [Commit::FirstToken, Commit::Whole] {
        let mut play = Play::of(|order| order.wants_stream = false, commit);
        play.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\"")
            .close();
        assert_eq!(play.answer.fault(), Some(Fault::Cut));
        assert_eq!(play.nothing_seen(), commit == Commit::Whole);
    }
}

#[test]
fn a_plain_answer_that_is_no_whole_json_is_cut_as_long_as_it_can_be_taken_back() {
    let play_of = |commit, dialect, body: &str| {
        let with = |order: &mut Order| {
            order.wants_stream = false;
            order.wishes.dialect = dialect;
        };
        let mut play = Play::of(with, commit);
        let length = body.len();
        play.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        ));
        play.answer.fault()
    };
    let (whole, first) = (Commit::Whole, Commit::FirstToken);
    assert_eq!(play_of(whole, Dialect::Chat, "{\"a\":"), Some(Fault::Cut));
    assert_eq!(play_of(first, Dialect::Chat, ""), Some(Fault::Cut));
    // All of its bytes are out: its length tells the client nothing else.
    assert_eq!(play_of(first, Dialect::Chat, "{\"a\":"), None);
    assert_eq!(play_of(whole, Dialect::Opaque, "{\"a\":"), None);
    assert_eq!(play_of(whole, Dialect::Chat, "{}"), None);
}

#[test]
fn a_body_that_ends_with_the_connection_is_judged_by_its_json() {
    let play_of = |body: &str| {
        let mut play = Play::of(|order| order.wants_stream = false, Commit::Whole);
        play.send("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n")
            .send(body)
            .close();
        play.answer.fault()
    };
    assert_eq!(play_of("{\"a\":1}\n"), None);
    assert_eq!(play_of("{\"a\":1"), Some(Fault::Cut));
}

#[test]
fn heartbeats_bring_a_head_and_the_answer_follows_as_a_stream() {
    let mut play = Play::of(
        |order| order.heartbeat = Some(Duration::from_millis(400)),
        Commit::Whole,
    );
    play.now += Duration::from_millis(400);
    play.answer.tick(play.now);
    play.drain();
    assert_eq!(play.client(), (200, ": keep-alive\n\n".to_owned(), false));
    play.send(HEAD)
        .chunk(TEXT)
        .chunk(STOP)
        .chunk(DONE)
        .send("0\r\n\r\n");
    let expected = [": keep-alive\n\n", TEXT, STOP, DONE, ": over\n\n"].concat();
    assert_eq!(play.client(), (200, expected, true));
}

#[test]
fn a_heartbeat_after_the_upstream_head_replaces_it() {
    let mut play = Play::of(
        |order| order.heartbeat = Some(Duration::from_millis(400)),
        Commit::Whole,
    );
    play.send(HEAD).chunk(TEXT);
    play.now += Duration::from_millis(400);
    play.answer.tick(play.now);
    play.drain().chunk(STOP).chunk(DONE).send("0\r\n\r\n");
    let expected = [": keep-alive\n\n", TEXT, STOP, DONE, ": over\n\n"].concat();
    assert_eq!(play.client(), (200, expected, true));
}

#[test]
fn once_a_stream_was_promised_a_plain_answer_will_not_do() {
    let mut play = Play::of(|order| order.head_is_out = true, Commit::FirstToken);
    play.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
    assert_eq!(play.answer.fault(), Some(Fault::Protocol));
    assert!(play.nothing_seen());
}

#[test]
fn what_is_no_http_is_a_protocol_fault_and_silence_is_no_answer() {
    assert_eq!(
        Play::new(Commit::FirstToken)
            .send("SSH-2.0-OpenSSH\r\n")
            .answer
            .fault(),
        Some(Fault::Protocol)
    );
    assert_eq!(
        Play::new(Commit::FirstToken).close().answer.fault(),
        Some(Fault::NoAnswer)
    );
    assert_eq!(
        Play::new(Commit::FirstToken)
            .send("HTTP/1.1 2")
            .close()
            .answer
            .fault(),
        Some(Fault::Cut)
    );
}

#[test]
fn bytes_behind_the_end_spoil_the_connection() {
    let mut play = Play::new(Commit::FirstToken);
    play.send(HEAD)
        .chunk(TEXT)
        .chunk(DONE)
        .send("0\r\n\r\nHTTP/1.1 200 OK\r\n");
    assert!(!play.answer.leaves_connection_usable());
    assert!(play.answer.into_report().finished);
}

proptest! {
    /// For any split of any such answer the client sees the same, and only whole events.
    #[test]
    fn the_split_of_the_bytes_changes_nothing(
        texts in 0usize..6,
        ending in 0usize..4,
        whole in any::<bool>(),
        cuts in prop::collection::vec(1usize..90, 1..40),
    ) {
        let mut events = vec![ROLE.to_owned()];
        events.extend(std::iter::repeat_n(TEXT.to_owned(), texts));
        match ending {
            0 => events.extend([STOP.into(), DONE.into()]),
            1 => events.push(STOP.into()),
            2 => events.push(ERROR.into()),
            _ => {}
        }
        let mut wire = HEAD.as_bytes().to_vec();
        for event in &events {
            framing::write_chunk(event.as_bytes(), &mut wire);
        }
        wire.extend_from_slice(LAST_CHUNK);
        let commit = if whole { Commit::Whole } else { Commit::FirstToken };
        let mut play = Play::new(commit);
        let (mut rest, mut cuts) = (&wire[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            play.send(piece);
            rest = after;
        }
        match ending {
            0 | 1 => {
                let mut expected: String = events.iter().filter(|e| *e != DONE).cloned().collect();
                expected.push_str(DONE);
                prop_assert_eq!(play.client(), (200, expected, true));
            }
            _ => {
                let fault = if ending == 2 { Fault::ErrorEvent } else { Fault::Cut };
                prop_assert_eq!(play.answer.fault(), Some(fault));
                prop_assert!(!String::from_utf8_lossy(&play.seen).contains("secret"));
                if whole || texts == 0 {
                    prop_assert!(play.nothing_seen());
                }
            }
        }
    }
}
