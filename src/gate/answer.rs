//! One attempt's answer: from the upstream's bytes to what Pingora may see, and when.
//!
//! Bytes, the end of the connection and the passing of time come in; bytes that may leave, or a fault, come out. No
//! socket and no clock here, so that every case can be played through by a test.

use std::time::{Duration, Instant};

use super::clocks::{Marks, Phase};
use super::framing::Framing;
use super::head::{self, Content, Head};
use super::inspect::Inspect;
use super::outbox::Outbox;
use super::watch::{Commit, Evidence, Fault, Order, Report};
use crate::stream::{Dialect, Judge, PlainReader, Ruling, Splitter};

/// Of an error answer this much is read: enough for every server's own errors, too little for an echoed prompt.
pub const EVIDENCE_BYTES: usize = 64 * 1024;

const DONE_EVENT: &[u8] = b"data: [DONE]\n\n";

#[derive(Debug)]
pub struct Answer {
    order: Box<Order>,
    marks: Marks,
    body: Body,
    framing: Framing,
    keep_alive: bool,
    outbox: Outbox,
    inspector: Option<Box<dyn Inspect>>,
    /// What one read lets through; empty between two.
    batch: Vec<u8>,
    next_beat: Option<Instant>,
    /// Bytes came behind the answer's end: the connection can't be trusted again.
    surplus: bool,
    report: Report,
}

/// What is being read.
#[derive(Debug)]
enum Body {
    /// Still the head; its bytes so far.
    Head(Vec<u8>),
    Events {
        splitter: Splitter,
        judge: Box<Judge>,
    },
    Plain {
        reader: Box<PlainReader>,
        chunked: bool,
    },
    Error(Box<Evidence>),
    /// Complete, or ended by a fault.
    Over,
}

impl Answer {
    pub fn new(mut order: Box<Order>, now: Instant) -> Answer {
        Answer {
            marks: Marks {
                started: now,
                head: None,
                last_read: now,
            },
            body: Body::Head(Vec::new()),
            framing: Framing::until_close(),
            keep_alive: false,
            outbox: Outbox::default(),
            inspector: order.inspector.take(),
            batch: Vec::new(),
            next_beat: order.heartbeat.map(|every| now + every),
            surplus: false,
            report: Report::default(),
            order,
        }
    }

    /// Bytes from the upstream.
    pub fn feed(&mut self, bytes: &[u8], now: Instant) {
        self.marks.last_read = now;
        let Body::Head(so_far) = &mut self.body else {
            return self.take_body(bytes, now);
        };
        let mut bytes_so_far = std::mem::take(so_far);
        bytes_so_far.extend_from_slice(bytes);
        match self.take_heads(&mut bytes_so_far, now) {
            Some(length) => self.take_body(bytes_so_far.get(length..).unwrap_or_default(), now),
            None => self.body = Body::Head(bytes_so_far),
        }
    }

    /// Reads heads from the front of `bytes` until the final one; returns its length then. Interim ones are dropped.
    fn take_heads(&mut self, bytes: &mut Vec<u8>, now: Instant) -> Option<usize> {
        loop {
            match head::read(bytes) {
                Ok(None) => return None,
                Ok(Some((head, length))) if head.status == 101 || head.status < 100 => {
                    self.fail(Fault::Protocol);
                    return Some(length);
                }
                Ok(Some((head, length))) if head.status < 200 => {
                    bytes.drain(..length);
                }
                Ok(Some((head, length))) => {
                    self.begin_body(head, now);
                    return Some(length);
                }
                Err(head::Broken) => {
                    self.fail(Fault::Protocol);
                    return Some(bytes.len());
                }
            }
        }
    }

    fn begin_body(&mut self, head: Head, now: Instant) {
        self.marks.head = Some(now);
        self.report.head_at = Some(now);
        self.report.status = Some(head.status);
        self.framing = head.framing.clone();
        self.keep_alive = head.keep_alive;
        let is_answer = (200..300).contains(&head.status) && head.content != Content::Html;
        if !is_answer {
            self.body = Body::Error(Box::new(evidence(&head)));
        } else if head.encoded {
            // `identity` was asked for: what can't be read can't be judged.
            return self.fail(Fault::Protocol);
        } else if head.content == Content::EventStream {
            self.begin_events(&head);
        } else {
            self.begin_plain(&head);
        }
        if self.framing.is_done() {
            self.end_of_body();
        }
    }

    fn begin_events(&mut self, head: &Head) {
        self.report.is_stream = true;
        self.outbox.hold_head(head, None);
        let judge = Box::new(Judge::new(self.order.wishes));
        self.body = Body::Events {
            splitter: Splitter::new(),
            judge,
        };
    }

    fn begin_plain(&mut self, head: &Head) {
        if self.outbox.gave_head() || self.order.head_is_out {
            // The client was promised an event stream.
            return self.fail(Fault::Protocol);
        }
        self.next_beat = None;
        let length = self.framing.known_length();
        self.outbox.hold_head(head, length);
        self.body = Body::Plain {
            reader: Box::default(),
            chunked: length.is_none(),
        };
    }

    fn take_body(&mut self, bytes: &[u8], now: Instant) {
        if matches!(self.body, Body::Over | Body::Head(_)) {
            self.surplus |= !bytes.is_empty();
            return;
        }
        let mut framing = std::mem::replace(&mut self.framing, Framing::until_close());
        let mut batch = std::mem::take(&mut self.batch);
        let decoded = framing.decode(bytes, |piece| self.take_payload(piece, &mut batch, now));
        let surplus = decoded.map(|rest| !rest.is_empty());
        self.framing = framing;
        self.after_payload(&batch);
        batch.clear();
        self.batch = batch;
        match surplus {
            _ if matches!(self.body, Body::Over) => {}
            Ok(surplus) => {
                self.surplus |= surplus;
                if self.framing.is_done() {
                    self.end_of_body();
                }
            }
            Err(head::Broken) => self.cut(Fault::Protocol),
        }
    }

    /// Judges one piece of payload; what may go on its way is added to `batch`.
    fn take_payload(&mut self, piece: &[u8], batch: &mut Vec<u8>, now: Instant) {
        let mut failed = None;
        let mut said = Vec::new();
        let inspector = &mut self.inspector;
        match &mut self.body {
            Body::Events { splitter, judge } => {
                let cut = splitter.feed(piece, |event| {
                    let ruling = judge.event(event);
                    show(inspector, ruling, event);
                    match ruling {
                        Ruling::Pass => batch.extend_from_slice(event),
                        Ruling::Hide | Ruling::Drop => {}
                        Ruling::Failed => {
                            failed = Some(Fault::ErrorEvent);
                            said = crate::stream::data_of(event);
                        }
                    }
                    ruling != Ruling::Failed
                });
                if cut.is_err() {
                    failed = Some(Fault::Protocol);
                }
                if judge.has_content() && self.report.first_content_at.is_none() {
                    self.report.first_content_at = Some(now);
                }
            }
            Body::Plain { reader, .. } => {
                reader.feed(piece);
                if let Some(inspector) = inspector {
                    inspector.plain(piece);
                }
                self.report.first_content_at.get_or_insert(now);
                batch.extend_from_slice(piece);
            }
            Body::Error(evidence) => {
                let room = EVIDENCE_BYTES.saturating_sub(evidence.body.len());
                evidence
                    .body
                    .extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or(piece));
                if evidence.body.len() >= EVIDENCE_BYTES {
                    failed = Some(Fault::Status);
                }
            }
            Body::Head(_) | Body::Over => {}
        }
        if let Some(fault) = failed {
            // What came before it in the same read still goes out, but commits nothing that can be had whole elsewhere.
            if self.outbox.is_open() {
                self.outbox.add(batch, true);
            }
            batch.clear();
            if fault == Fault::ErrorEvent {
                self.keep_words(said);
            }
            self.fail(fault);
        }
    }

    /// What an error event says decides, like an error answer, whether another attempt makes sense; what a misfit says is for
    /// the restricted log.
    fn keep_words(&mut self, mut body: Vec<u8>) {
        body.truncate(EVIDENCE_BYTES);
        let status = self.report.status.unwrap_or_default();
        self.report.evidence = Some(Box::new(Evidence {
            status,
            body,
            ..Evidence::default()
        }));
    }

    /// Puts what was judged where it belongs and commits when the time has come.
    fn after_payload(&mut self, batch: &[u8]) {
        let (chunked, may_commit) = match &self.body {
            // An answer that is over without anything can still be taken back: its inspector decides at its end.
            Body::Events { judge, .. } if self.inspector.is_some() => (true, judge.has_content()),
            Body::Events { judge, .. } => (true, judge.may_commit()),
            Body::Plain { chunked, .. } => (*chunked, !batch.is_empty()),
            Body::Head(_) | Body::Error(_) | Body::Over => return,
        };
        self.outbox.add(batch, chunked);
        let is_inspected = self.is_inspected();
        let wanted = may_commit && self.order.commit == Commit::FirstToken;
        let is_too_large = self.outbox.held_bytes() > self.order.held_limit;
        if is_too_large && is_inspected {
            let said = self.inspector.take().map(|inspector| inspector.give_up());
            self.report.is_misfit = true;
            self.keep_words(said.unwrap_or_default());
            self.fail(Fault::Misfit);
        } else if is_too_large || (wanted && !is_inspected) {
            self.commit();
        }
    }

    /// The answer is held until its inspector has agreed: one that was to be held anyway, and every plain one.
    fn is_inspected(&self) -> bool {
        let is_held = match &self.body {
            Body::Plain { .. } => true,
            Body::Events { .. } => self.order.commit == Commit::Whole,
            Body::Head(_) | Body::Error(_) | Body::Over => false,
        };
        is_held && self.inspector.is_some() && !self.report.committed
    }

    /// From here on the answer can't be taken back.
    fn commit(&mut self) {
        if !self.outbox.is_open() {
            self.outbox.open();
            self.report.committed = true;
            self.next_beat = None;
        }
    }

    /// The framing's end was read.
    fn end_of_body(&mut self) {
        match &self.body {
            Body::Events { .. } => self.end_of_events(),
            Body::Plain { .. } => self.end_of_plain(),
            Body::Error(_) => self.fail(Fault::Status),
            Body::Head(_) | Body::Over => {}
        }
    }

    /// A framing that ends well says nothing of the answer in it: half a JSON, or none, is none. What the client has had
    /// all bytes of can't be taken back any more.
    fn end_of_plain(&mut self) {
        let Body::Plain { reader, chunked } = &self.body else {
            return;
        };
        let is_judged = self.order.wishes.dialect != Dialect::Opaque;
        let is_out = self.report.committed && !chunked;
        if is_judged && !is_out && !reader.is_complete() {
            return self.fail(Fault::Cut);
        }
        self.finish();
    }

    fn end_of_events(&mut self) {
        let mut last = Vec::new();
        let Body::Events { splitter, judge } = &mut self.body else {
            return;
        };
        let rest = splitter.take_rest();
        // Some servers forget the blank line behind their last event.
        if !rest.trim_ascii().is_empty() {
            let ruling = judge.event(&rest);
            show(&mut self.inspector, ruling, &rest);
            match ruling {
                Ruling::Pass => {
                    last.extend_from_slice(rest.trim_ascii_end());
                    last.extend_from_slice(b"\n\n");
                }
                Ruling::Hide | Ruling::Drop => {}
                Ruling::Failed => return self.fail(Fault::ErrorEvent),
            }
        }
        let whole = judge.is_whole();
        // A token that came with the end commits nothing that can be had whole elsewhere.
        if whole || self.report.committed {
            self.after_payload(&last);
        }
        if whole {
            self.finish();
        } else {
            self.fail(Fault::Cut);
        }
    }

    /// The answer is complete: what is missing of its form is added.
    fn finish(&mut self) {
        let (chunked, lacks_done) = match &self.body {
            Body::Events { judge, .. } => (true, judge.lacks_done_marker()),
            Body::Plain { chunked, .. } => (*chunked, false),
            Body::Head(_) | Body::Error(_) | Body::Over => return,
        };
        if !self.passes_inspection() {
            return self.fail(Fault::Misfit);
        }
        self.commit();
        if lacks_done {
            self.outbox.add(DONE_EVENT, true);
        }
        if chunked && (self.order.head_is_out || self.report.beats > 0) {
            self.outbox.add(&self.order.closing, true);
        }
        if chunked {
            self.outbox.end_chunks();
        }
        self.report.finished = true;
        self.conclude();
    }

    /// What is out already can't be taken back; that it doesn't fit is reported all the same.
    fn passes_inspection(&mut self) -> bool {
        let Some(Err(said)) = self.inspector.take().map(|inspector| inspector.finish()) else {
            return true;
        };
        self.report.is_misfit = true;
        self.keep_words(said);
        self.report.committed
    }

    /// The connection ended or its framing broke.
    fn cut(&mut self, fault: Fault) {
        match &self.body {
            Body::Events { judge, .. } if judge.is_whole() => self.finish(),
            Body::Error(_) => self.fail(Fault::Status),
            _ => self.fail(fault),
        }
    }

    fn fail(&mut self, fault: Fault) {
        if matches!(self.body, Body::Over) {
            return;
        }
        self.report.fault = Some(fault);
        if let Body::Error(evidence) = &mut self.body {
            self.report.evidence = Some(std::mem::take(evidence));
        }
        self.outbox.discard();
        self.conclude();
    }

    /// Keeps what the body's reader learned.
    fn conclude(&mut self) {
        match std::mem::replace(&mut self.body, Body::Over) {
            Body::Events { judge, .. } => {
                self.report.usage = judge.usage();
                self.report.content_events = judge.content_events();
                self.report.dropped_events = judge.dropped();
                self.report.finish_reason = judge.finish_reason();
            }
            Body::Plain { reader, .. } => {
                let said = reader.finish();
                self.report.usage = said.usage;
                self.report.finish_reason = said.finish_reason;
            }
            Body::Head(_) | Body::Error(_) | Body::Over => {}
        }
    }

    /// The upstream closed its side, orderly or not.
    pub fn end_of_input(&mut self, orderly: bool) {
        self.keep_alive = false;
        let until_close = orderly && self.framing == Framing::UntilClose;
        match &self.body {
            Body::Head(so_far) if so_far.is_empty() => self.fail(Fault::NoAnswer),
            Body::Head(_) => self.fail(Fault::Cut),
            Body::Plain { reader, .. } if until_close && reader.is_complete() => self.finish(),
            // The last event may lack its blank line whatever ended the stream: look before judging.
            Body::Events { .. } => self.end_of_events(),
            _ => self.cut(Fault::Cut),
        }
    }

    /// When [`Answer::tick`] has to be called if nothing comes before.
    pub fn deadline(&self) -> Instant {
        let (clock, _) = self
            .order
            .clocks
            .next(self.phase(), self.order.wants_stream, self.marks);
        self.next_beat.map_or(clock, |beat| beat.min(clock))
    }

    /// The deadline has come.
    pub fn tick(&mut self, now: Instant) {
        let phase = self.phase();
        let (clock, fault) = self
            .order
            .clocks
            .next(phase, self.order.wants_stream, self.marks);
        if now >= clock {
            self.keep_alive = false;
            if phase == Phase::Finished {
                self.finish();
            } else {
                self.fail(fault);
            }
        } else if self.next_beat.is_some_and(|beat| now >= beat) {
            self.beat(now);
        }
    }

    /// Tells the client that somebody is at work.
    fn beat(&mut self, now: Instant) {
        self.outbox.beat();
        self.report.beats += 1;
        let every = self.order.heartbeat.unwrap_or(Duration::from_secs(10));
        self.next_beat = Some(now + every);
    }

    fn phase(&self) -> Phase {
        match &self.body {
            Body::Head(_) => Phase::Header,
            Body::Events { judge, .. } if judge.is_whole() => Phase::Finished,
            Body::Events { .. } if self.report.committed => Phase::Stream,
            Body::Events { judge, .. } if judge.may_commit() => Phase::Collecting,
            Body::Events { .. } => Phase::FirstToken,
            Body::Plain { .. } => Phase::PlainBody,
            Body::Error(_) => Phase::ErrorBody,
            Body::Over => Phase::Finished,
        }
    }

    /// The gateway gives up what still runs.
    pub fn interrupt(&mut self) {
        self.fail(Fault::Interrupted);
    }

    /// Bytes that Pingora may have now.
    pub fn ready(&self) -> &[u8] {
        self.outbox.ready()
    }

    /// Pingora took this many of them.
    pub fn took(&mut self, count: usize) {
        self.outbox.took(count);
    }

    /// Nothing more will come of it: everything is handed out, or a fault ended it.
    pub fn is_over(&self) -> bool {
        matches!(self.body, Body::Over)
    }

    /// A stream's first content is here, whether or not it may leave yet.
    pub fn has_content(&self) -> bool {
        self.report.is_stream && self.report.first_content_at.is_some()
    }

    pub fn fault(&self) -> Option<Fault> {
        self.report.fault
    }

    /// The connection may carry another request.
    pub fn leaves_connection_usable(&self) -> bool {
        self.report.finished && self.keep_alive && self.framing.is_done() && !self.surplus
    }

    /// The report, with what is known so far when the attempt was left in the middle.
    pub fn into_report(mut self) -> Report {
        if !self.is_over() {
            self.conclude();
        }
        self.report.last_read_at = Some(self.marks.last_read);
        self.report
    }
}

/// The inspector hears what belongs to the answer, whether or not the client gets to see it.
fn show(inspector: &mut Option<Box<dyn Inspect>>, ruling: Ruling, event: &[u8]) {
    match (inspector, ruling) {
        (Some(inspector), Ruling::Pass | Ruling::Hide) => {
            inspector.event(&crate::stream::data_of(event));
        }
        (Some(_), Ruling::Drop | Ruling::Failed) | (None, _) => {}
    }
}

fn evidence(head: &Head) -> Evidence {
    let value = |name| head::header_value(head.lines(), name).map(str::to_owned);
    Evidence {
        status: head.status,
        content_type: value("content-type").unwrap_or_default(),
        retry_after: value("retry-after"),
        retry_after_ms: value("retry-after-ms"),
        date: value("date"),
        body: Vec::new(),
    }
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
