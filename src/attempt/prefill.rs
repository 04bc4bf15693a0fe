//! How much longer the first token of a long prompt may take, as each upstream has taught us.
//!
//! A 150,000-token prompt on a Mac takes many minutes to read and is no hang; 20 s of silence for 200 tokens is one. So
//! the limits for head and first token grow with the prompt, by a learned time a byte. The rule a reader would break:
//! **it leans to the slow side**. Most prompts of an agent are in the server's cache and cost nothing; the one that isn't
//! must not be cut off because of them. A hang that is found late costs time, a prompt cut off is work lost.
//!
//! Teach it the silence that was too long as well, not only the answers that worked: a server that is slower than all
//! that is known would otherwise be cut off for ever (as TCP backs its timer off after a loss, RFC 6298, 5.5).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Shorter prompts teach nothing: what they take is the server's own pace and its queue, not their length.
const TEACHES_FROM_BYTES: u64 = 8 << 10;

/// What is allowed is this much more than what is known, because time a token grows with the prompt: with 146,000 tokens
/// it was three times that of 30,000 (M3 Ultra, MiniMax M2.1; ml-explore/mlx-lm issue 763, January 2026).
const MARGIN: u64 = 3;

/// Allowed for each byte before anything is learned: 400 bytes, about 100 tokens, a second. That is the slow end of Macs in
/// sensible use: an 8B model on the smallest M1 reads 87 to 97 tokens a second, a 70B model on an M2 Ultra 109 to 119
/// (llama.cpp, 4 bits; XiongjieDai/GPU-Benchmarks-on-LLM-Inference, May 2024), 146,000 tokens on an M3 Ultra 126.
const UNLEARNED_NANOS: u64 = 2_500_000;

/// No upstream is believed to be slower: 40 bytes, about 10 tokens, a second. A 70B model that doesn't fit its Mac reads 8.7
/// (the same table, M3 Max with 48 GB).
const SLOWEST_NANOS: u64 = 25_000_000;

/// Nor faster: a megabyte a second.
const FASTEST_NANOS: u64 = 1_000;

/// One observation counts as this many times what is known at most, so that one long queue at the server isn't taken for
/// its speed.
const SURPRISE: u64 = 8;

/// Shares of the difference that an observation moves what is known by. With these it rests where the slow ones among the
/// observations are, even when only one in a hundred is slow (an expectile of 0.985).
const TO_SLOWER: u64 = 4;
const TO_FASTER: u64 = 256;

/// What one upstream has taught, shared by all requests.
#[derive(Debug)]
pub struct Prefill {
    /// Nanoseconds a byte of the prompt, from [`FASTEST_NANOS`] to [`SLOWEST_NANOS`].
    known: AtomicU64,
}

impl Default for Prefill {
    fn default() -> Prefill {
        Prefill {
            known: AtomicU64::new(UNLEARNED_NANOS / MARGIN),
        }
    }
}

impl Prefill {
    pub fn new() -> Prefill {
        Prefill::default()
    }

    /// Takes in that a prompt of `prompt_bytes` got its first token after `took`, or was given up after that.
    ///
    /// Where the server says how much of the prompt was in its cache, give the [`fresh_bytes`].
    pub fn learn(&self, prompt_bytes: u64, took: Duration) {
        if prompt_bytes < TEACHES_FROM_BYTES {
            return;
        }
        let nanos = took.as_nanos() / u128::from(prompt_bytes);
        let seen = u64::try_from(nanos).unwrap_or(u64::MAX);
        let learned = |known| Some(blend(known, seen));
        // The closure never refuses, so there is no error.
        let _ = self
            .known
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, learned);
    }

    /// The time that a prompt of `prompt_bytes` may take beside the configured limit.
    pub fn allowance(&self, prompt_bytes: u64) -> Duration {
        let known = self.known.load(Ordering::Relaxed);
        Duration::from_nanos(prompt_bytes.saturating_mul(known * MARGIN))
    }

    /// The limit for head or first token: `base` and the allowance, at most `max`, never less than `base`. A short prompt is
    /// read before anybody could measure it: for that `base` alone holds.
    pub fn limit(&self, base: Duration, max: Duration, prompt_bytes: u64) -> Duration {
        if prompt_bytes < TEACHES_FROM_BYTES {
            return base;
        }
        base.saturating_add(self.allowance(prompt_bytes))
            .min(max)
            .max(base)
    }
}

/// The part of a prompt that the server had to read, by the token counts it reports; all of it where they make no sense.
pub fn fresh_bytes(prompt_bytes: u64, prompt_tokens: u64, cached_tokens: u64) -> u64 {
    let Some(fresh) = prompt_tokens.checked_sub(cached_tokens) else {
        return prompt_bytes;
    };
    let bytes = u128::from(prompt_bytes) * u128::from(fresh);
    let share = bytes.checked_div(u128::from(prompt_tokens));
    share
        .and_then(|share| u64::try_from(share).ok())
        .unwrap_or(prompt_bytes)
}

fn blend(known: u64, seen: u64) -> u64 {
    let seen = seen
        .clamp(FASTEST_NANOS, SLOWEST_NANOS)
        .min(known * SURPRISE);
    if seen > known {
        known + (seen - known) / TO_SLOWER
    } else {
        known - (known - seen) / TO_FASTER
    }
}

#[cfg(test)]
mod tests;
