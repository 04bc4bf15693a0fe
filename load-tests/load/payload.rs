//! Every byte that goes over the wire, rendered once: the requests, and the backend's answers.

use std::sync::OnceLock;

use crate::prompt;

/// The caller's secret. It opens nothing but the gateway that a run starts for itself.
pub const TOKEN: &str = "load-tests-only-this-opens-nothing-else";

/// Of every answer's usage.
pub const PROMPT_TOKENS: u64 = 211;
pub const COMPLETION_TOKENS: u64 = 47;

/// Events of a stream, the usage and the end marker included.
pub const EVENTS: usize = 51;

/// By this the backend tells what is asked of it; it stands at the end of each body.
pub const PACED: &[u8] = b"\"user\":\"load-paced\"";
pub const HELD: &[u8] = b"\"user\":\"load-held\"";

pub const END_OF_CHUNKS: &[u8] = b"0\r\n\r\n";

/// A whole request: head and body.
pub fn request(body_bytes: usize, user: &str, stream: bool) -> Vec<u8> {
    let tail = if stream {
        r#""stream":true,"stream_options":{"include_usage":true},"#
    } else {
        ""
    };
    let front = r#"{"model":"default","messages":"#;
    let back = format!(r#","temperature":0.7,"max_tokens":512,{tail}"user":"{user}"}}"#);
    let messages = prompt::messages(body_bytes.saturating_sub(front.len() + back.len()));
    let body = format!("{front}{messages}{back}");
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\naccept: application/json\r\nuser-agent: load-tests\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head, body].concat().into_bytes()
}

/// The body of a plain answer.
pub fn plain_body() -> &'static [u8] {
    static BODY: OnceLock<Vec<u8>> = OnceLock::new();
    BODY.get_or_init(|| {
        let text = "Retries are spent only before the first token has left the gateway. ".repeat(5);
        // JSON, so that one contender can hold it against a schema.
        let text = format!(r#"{{\"text\":\"{text}\"}}"#);
        let total = PROMPT_TOKENS + COMPLETION_TOKENS;
        format!(
            r#"{{"id":"chatcmpl-load","object":"chat.completion","created":1760000000,"model":"load-tests/model","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{COMPLETION_TOKENS},"total_tokens":{total}}}}}"#
        )
        .into_bytes()
    })
}

/// A plain answer as it goes over the wire.
pub fn plain_answer() -> Vec<u8> {
    let body = plain_body();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

pub fn stream_head() -> &'static [u8] {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
}

/// A stream's events, without their chunks.
pub fn events() -> Vec<Vec<u8>> {
    let delta = |delta: &str, finish: &str| {
        event(&format!(
            r#"[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]"#
        ))
    };
    let mut events = vec![delta(r#"{"role":"assistant","content":""}"#, "null")];
    for number in 0..COMPLETION_TOKENS {
        let content = match number {
            0 => r#"{\"text\":\""#.to_owned(),
            last if last == COMPLETION_TOKENS - 1 => r#"\"}"#.to_owned(),
            _ => format!(" {}", word(number)),
        };
        events.push(delta(&format!(r#"{{"content":"{content}"}}"#), "null"));
    }
    events.push(delta("{}", r#""stop""#));
    let total = PROMPT_TOKENS + COMPLETION_TOKENS;
    let usage = format!(
        r#"[],"usage":{{"prompt_tokens":{PROMPT_TOKENS},"completion_tokens":{COMPLETION_TOKENS},"total_tokens":{total}}}"#
    );
    events.push(event(&usage));
    events.push(b"data: [DONE]\n\n".to_vec());
    events
}

/// Texts inside a JSON text inside JSON, some with what has to be escaped twice.
fn word(number: u64) -> &'static str {
    let words = ["gate", r#"ways \\\"wait\\\""#, " naïve", r"\\n"];
    words.get(number as usize % 4).copied().unwrap_or_default()
}

/// As a chunk of its own, the way servers write them.
pub fn chunk(event: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", event.len());
    [size.as_bytes(), event, b"\r\n"].concat()
}

/// What a client has to have read of a stream in the end.
pub fn stream_body() -> &'static [u8] {
    static BODY: OnceLock<Vec<u8>> = OnceLock::new();
    BODY.get_or_init(|| events().concat())
}

fn event(choices: &str) -> Vec<u8> {
    format!(
        "data: {{\"id\":\"chatcmpl-load\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"load-tests/model\",\"choices\":{choices}}}\n\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_of_about_the_wanted_size() {
        for size in [1024, 200_000] {
            let request = request(size, "load-plain", false);
            let at = memchr::memmem::find(&request, b"\r\n\r\n").unwrap() + 4;
            let body = &request[at..];
            assert!(body.len().abs_diff(size) < 120, "{}", body.len());
            serde_json::from_slice::<serde_json::Value>(body).unwrap();
        }
    }

    #[test]
    fn what_is_said_is_json_itself() {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let plain: serde_json::Value = serde_json::from_slice(plain_body()).unwrap();
        let mut streamed = String::new();
        for event in events() {
            let data = event.strip_prefix(b"data: ").unwrap();
            if let Ok(event) = serde_json::from_slice::<serde_json::Value>(data) {
                streamed.push_str(&text(&event["choices"][0]["delta"]["content"]));
            }
        }
        for said in [text(&plain["choices"][0]["message"]["content"]), streamed] {
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert!(said["text"].is_string(), "{said}");
        }
    }

    #[test]
    fn a_stream_has_its_events() {
        let events = events();
        assert_eq!(events.len(), EVENTS);
        for event in &events[..EVENTS - 1] {
            let data = event.strip_prefix(b"data: ").unwrap();
            serde_json::from_slice::<serde_json::Value>(data).unwrap();
        }
        serde_json::from_slice::<serde_json::Value>(plain_body()).unwrap();
    }
}
