//! Listens to an answer as it passes, in pieces or event by event, and keeps what the model said.

use super::chat::Chat;
use super::messages::Messages;
use super::responses::Responses;
use super::{Answer, Form};
use serde_json::Value;

/// Of a whole answer, its envelope included; what a model writes is a hundredth of this.
const BYTES: usize = 8 << 20;

/// Of a stream it keeps the text and the calls, not the envelope.
#[derive(Debug)]
pub struct Listener {
    reader: Reader,
    /// What has come of an answer that is no stream.
    body: Vec<u8>,
    bytes: usize,
    /// It was more than is kept.
    is_lost: bool,
}

#[derive(Debug)]
enum Reader {
    Chat(Chat),
    Responses(Responses),
    Messages(Messages),
}

impl Listener {
    pub fn new(form: Form) -> Listener {
        let reader = match form {
            Form::Chat | Form::Completions => Reader::Chat(Chat::default()),
            Form::Responses => Reader::Responses(Responses::default()),
            Form::Messages => Reader::Messages(Messages::default()),
        };
        Listener {
            reader,
            body: Vec::new(),
            bytes: 0,
            is_lost: false,
        }
    }

    /// Takes a piece of an answer that is no stream.
    pub fn plain(&mut self, piece: &[u8]) {
        if self.has_room(piece) {
            self.body.extend_from_slice(piece);
        }
    }

    /// Takes the data of one event; what is no JSON, such as `[DONE]`, says nothing.
    pub fn event(&mut self, data: &[u8]) {
        if !self.has_room(data) {
            return;
        }
        let Ok(event) = serde_json::from_slice::<Value>(data) else {
            return;
        };
        match &mut self.reader {
            Reader::Chat(chat) => chat.event(&event),
            Reader::Responses(responses) => responses.event(&event),
            Reader::Messages(messages) => messages.event(&event),
        }
    }

    /// What was said; none where it couldn't be read, or was more than any answer is.
    pub fn finish(mut self) -> Option<Answer> {
        if self.is_lost {
            return None;
        }
        if !self.body.is_empty() {
            let body = std::mem::take(&mut self.body);
            self.hear_whole(&serde_json::from_slice(&body).ok()?);
        }
        let turns = match self.reader {
            Reader::Chat(chat) => chat.finish()?,
            Reader::Responses(responses) => responses.finish(),
            Reader::Messages(messages) => messages.finish()?,
        };
        Some(Answer { turns })
    }

    fn has_room(&mut self, more: &[u8]) -> bool {
        self.bytes = self.bytes.saturating_add(more.len());
        self.is_lost |= self.bytes > BYTES;
        !self.is_lost
    }

    fn hear_whole(&mut self, body: &Value) {
        match &mut self.reader {
            Reader::Chat(chat) => chat.plain(body),
            Reader::Responses(responses) => responses.plain(body),
            Reader::Messages(messages) => messages.plain(body),
        }
    }
}
