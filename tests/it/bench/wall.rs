//! The provider that breaks on purpose: which fault, the model's name says.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use crate::support::wire::{chunk, LAST_CHUNK};
use crate::support::{plain, sse, Answer, Ask, Script};

/// The answer that every healthy stream gives has so many tokens.
pub const TOKENS: usize = 60;

/// Between two of them.
const PACE: Duration = Duration::from_millis(15);

/// Sixty tokens, so that each one that is missing or doubled is seen.
pub fn answer_text() -> String {
    crate::gate::text_of("w", TOKENS)
}

/// The model with the fault, and how often it was asked before.
struct Faults {
    asked: Mutex<HashMap<String, usize>>,
    /// `s15` answers nothing but 503 before this.
    down_until: Instant,
}

pub fn primary(down: Duration) -> Script {
    let faults = Faults {
        asked: Mutex::default(),
        down_until: Instant::now() + down,
    };
    Script::by(move |ask| faults.answer(ask))
}

/// Refuses what ends with an assistant's words where its name says so.
pub fn fallback() -> Script {
    Script::by(|ask| {
        let model = ask.model().unwrap_or_default();
        let messages = ask.json()["messages"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let prefill = messages
            .last()
            .is_some_and(|last| last["role"] == "assistant");
        match prefill && model == "ok-noprefill" {
            true => plain::error(
                400,
                "invalid_request_error",
                "invalid_prefill",
                "no prefill",
            ),
            false => Stream::of(ask).whole(),
        }
    })
}

impl Faults {
    fn answer(&self, ask: &Ask) -> Answer {
        let model = ask.model().unwrap_or_default();
        let first = {
            let mut asked = self.asked.lock().expect("no panic held it");
            let times = asked.entry(model.clone()).or_default();
            *times += 1;
            *times == 1
        };
        let stream = Stream::of(ask);
        match model.as_str() {
            "s01" if first => limited(&[("retry-after", "2")]),
            "s02" => limited(&[]),
            "s03" if first => plain::error(500, "server_error", "internal", "an error"),
            "s04" | "s16" => overloaded(),
            "s05" if first => Answer::new().close_reset(),
            "s06" => Answer::new().hang(),
            "s07" => stream
                .head()
                .wait(Duration::from_secs(20))
                .then(stream.body()),
            "s08" | "s14" => stream.head().then(stream.tokens(40)).close_fin(),
            "s09" => {
                let stalled = stream.head().then(stream.tokens(20));
                stalled.wait(Duration::from_secs(30)).close_fin()
            }
            "s10" => stream.with_broken_event().whole(),
            "s11" => stream.without_done().whole(),
            "s12" => plain::context_length_exceeded(),
            "s13" => plain::content_policy_violation(),
            "s15" if Instant::now() < self.down_until => overloaded(),
            _ => stream.whole(),
        }
    }
}

fn limited(headers: &[(&str, &str)]) -> Answer {
    let body = plain::error_body(
        "rate_limit_error",
        json!("rate_limit_exceeded"),
        "slow down",
    );
    plain::status(429, headers, body.to_string())
}

fn overloaded() -> Answer {
    plain::error(
        503,
        "server_error",
        "overloaded",
        "the engine is overloaded",
    )
}

/// A stream that names the model that was asked for, with usage where it was asked for.
struct Stream {
    events: Vec<String>,
}

impl Stream {
    fn of(ask: &Ask) -> Stream {
        let stream = sse::chat_saying("w", TOKENS);
        let wants_usage = ask.json()["stream_options"]["include_usage"] == Value::Bool(true);
        let stream = if wants_usage {
            stream
        } else {
            stream.without_usage()
        };
        let text = stream.text();
        let text = text.replace("the-upstreams-own-name", &ask.model().unwrap_or_default());
        Stream {
            events: text.split_inclusive("\n\n").map(str::to_string).collect(),
        }
    }

    /// The tenth of them is no JSON.
    fn with_broken_event(mut self) -> Stream {
        self.events.insert(10, sse::BROKEN_JSON.to_string());
        self
    }

    fn without_done(mut self) -> Stream {
        self.events.pop();
        self
    }

    fn head(&self) -> Answer {
        Answer::new().send(sse::head(("transfer-encoding", "chunked")))
    }

    /// The role and so many tokens.
    fn tokens(&self, count: usize) -> Answer {
        paced(&self.events[..=count])
    }

    fn body(&self) -> Answer {
        paced(&self.events).send(LAST_CHUNK)
    }

    fn whole(&self) -> Answer {
        self.head().then(self.body())
    }
}

fn paced(events: &[String]) -> Answer {
    let send = |answer: Answer, event: &String| answer.send(chunk(event.as_bytes())).wait(PACE);
    events.iter().fold(Answer::new(), send)
}
