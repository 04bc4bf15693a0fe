//! Prompts as agents send them: prose, quoted words, code, other scripts, so that a JSON scanner meets what it meets in use.

use std::fmt::Write;

const WORDS: [&str; 48] = [
    "the",
    "gateway",
    "reads",
    "every",
    "request",
    "once",
    "and",
    "then",
    "it",
    "waits",
    "for",
    "an",
    "answer",
    "that",
    "may",
    "never",
    "come",
    "because",
    "somewhere",
    "a",
    "server",
    "is",
    "busy",
    "with",
    "another",
    "prompt",
    "of",
    "unusual",
    "length",
    "please",
    "explain",
    "how",
    "this",
    "function",
    "handles",
    "timeouts",
    "in",
    "detail",
    "including",
    "retries",
    "budgets",
    "streams",
    "tokens",
    "queues",
    "before",
    "after",
    "between",
    "attempts",
];

/// What stands between words now and then, as JSON spells it. About one escape in 70 bytes, as in transcripts of agents.
const INTERRUPTIONS: [&str; 10] = [
    ".\\n\\n",
    ", \\\"quoted words\\\", ",
    ":\\n```rust\\nlet path = \\\"src/main.rs\\\";\\n```\\n",
    " C:\\\\temp\\\\notes.txt ",
    "\\n- ",
    " na\\u00efve ",
    " Größe, 温度, ",
    "\\t",
    " {\\\"key\\\": [1, 2.5, null]} ",
    ".\\n",
];

/// Between two interruptions.
const WORDS_IN_A_ROW: usize = 11;

/// One turn of a conversation, in bytes; the last one takes what is left.
const TURN_BYTES: usize = 1800;

/// Around a turn's text: `{"role":"assistant","content":""},`.
const TURN_FRAME_BYTES: usize = 34;

/// The value of `messages`, some `bytes` long (a few words more or less) and the same every time.
pub fn messages(bytes: usize) -> String {
    let mut random = Random(0x5eed);
    let mut text = String::from("[");
    let mut turn = 0;
    while text.len() < bytes {
        let role = match turn {
            0 => "system",
            n if n % 2 == 1 => "user",
            _ => "assistant",
        };
        let left = bytes.saturating_sub(text.len() + TURN_FRAME_BYTES);
        let separator = if turn == 0 { "" } else { "," };
        let _ = write!(text, "{separator}{{\"role\":\"{role}\",\"content\":\"");
        write_prose(&mut text, left.min(TURN_BYTES), &mut random);
        text.push_str("\"}");
        turn += 1;
    }
    text.push(']');
    text
}

fn write_prose(text: &mut String, bytes: usize, random: &mut Random) {
    let end = text.len() + bytes;
    let mut count = 0;
    while text.len() < end {
        text.push_str(random.pick(&WORDS));
        count += 1;
        if count % WORDS_IN_A_ROW == 0 {
            text.push_str(random.pick(&INTERRUPTIONS));
        } else {
            text.push(' ');
        }
    }
}

/// Knuth's linear congruential generator: every run sends the same bytes.
struct Random(u64);

impl Random {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let index = (self.0 >> 33) as usize % from.len().max(1);
        from.get(index).copied().unwrap_or_default()
    }
}
