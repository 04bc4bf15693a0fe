//! From a stream in the making to the steps that send it.

use super::{head, Ending, Framed, Item, Stream};
use crate::support::script::Answer;
use crate::support::wire::{chunk, LAST_CHUNK};

impl Stream {
    /// The steps that send it.
    pub fn answer(&self) -> Answer {
        let answer = Answer {
            steps: self.before_head.clone(),
        };
        let mut answer = answer.then(self.head());
        for (i, item) in self.items.iter().enumerate() {
            if i > 0 && !self.gap.is_zero() {
                answer = answer.wait(self.gap);
            }
            answer = answer
                .then(Answer {
                    steps: item.before.clone(),
                })
                .then(self.event(item));
        }
        self.end(answer)
    }

    fn head(&self) -> Answer {
        let length = self.text().len().to_string();
        let head = match self.framed {
            Framed::Chunked => head(("transfer-encoding", "chunked")),
            Framed::CloseDelimited => head(("connection", "close")),
            Framed::Length => head(("content-length", &length)),
        };
        match self.split_head {
            Some((every, gap)) => Answer::new().send_split(head, every, gap),
            None => Answer::new().send(head),
        }
    }

    fn event(&self, item: &Item) -> Answer {
        let text = self.on_the_wire(item);
        let bytes = match self.framed {
            Framed::Chunked => chunk(text.as_bytes()),
            Framed::CloseDelimited | Framed::Length => text.into(),
        };
        match self.split_events {
            Some((pieces, gap)) => {
                let every = bytes.len().div_ceil(pieces);
                Answer::new().send_split(bytes, every, gap)
            }
            None => Answer::new().send(bytes),
        }
    }

    fn end(&self, answer: Answer) -> Answer {
        match (&self.ending, self.framed) {
            (Ending::Polite, Framed::Chunked) => answer.send(LAST_CHUNK),
            (Ending::Polite, Framed::Length) => answer,
            (Ending::Polite, Framed::CloseDelimited) | (Ending::Fin, _) => answer.close_fin(),
            (Ending::Reset, _) => answer.close_reset(),
            (Ending::Hang, _) => answer.hang(),
        }
    }
}
