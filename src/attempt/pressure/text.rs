//! Finds the few numbers that matter in Prometheus' text format (version 0.0.4), and skips all else.
//!
//! Tolerant where it costs nothing: unknown lines, other types, timestamps and any labels are fine. Of several engines or
//! models the counts are summed and the fullest cache counts. What can't be is no reading at all: better our own count
//! than one that somebody's `NaN` has spoilt.

use std::fmt;

use super::Reading;
use crate::config::Family;

/// More requests than this are no count of requests.
const MOST_REQUESTS: u32 = 1_000_000;

/// Why an answer is no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReading {
    /// Servers of this family have no such numbers.
    NotOfThisFamily,
    /// The answer isn't 200: llama.cpp without `--metrics` says 501.
    Status(u16),
    /// This metric isn't there.
    Without(&'static str),
    /// This metric holds what is no number of requests.
    Absurd(&'static str),
}

impl fmt::Display for NoReading {
    /// A fragment that reads well after "answers its metrics path, but ".
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoReading::NotOfThisFamily => out.write_str("its family has no numbers to read there"),
            NoReading::Status(status) => write!(out, "with status {status}"),
            NoReading::Without(name) => write!(out, "without {name}"),
            NoReading::Absurd(name) => write!(out, "with an impossible {name}"),
        }
    }
}

/// What a family calls its numbers, the name of today first.
struct Names {
    running: &'static [&'static str],
    waiting: &'static [&'static str],
    kv_cache: &'static [&'static str],
}

/// Reads what a server of this family answers at its metrics path.
pub fn read(family: Family, text: &[u8]) -> Result<Reading, NoReading> {
    let names = names(family).ok_or(NoReading::NotOfThisFamily)?;
    let mut running = Count::new(names.running);
    let mut waiting = Count::new(names.waiting);
    let mut kv_cache = Fullest::default();
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii_start();
        running.take(line);
        waiting.take(line);
        if let Some(value) = value_of(line, names.kv_cache) {
            kv_cache.take(value);
        }
    }
    Ok(Reading {
        running: running.total()?,
        waiting: waiting.total()?,
        kv_cache: kv_cache.share,
    })
}

fn names(family: Family) -> Option<Names> {
    match family {
        Family::Vllm => Some(Names {
            running: &["vllm:num_requests_running"],
            waiting: &["vllm:num_requests_waiting"],
            kv_cache: &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
        }),
        Family::LlamaCpp => Some(Names {
            running: &["llamacpp:requests_processing"],
            waiting: &["llamacpp:requests_deferred"],
            // Gone since May 2025 (its pull request 13660).
            kv_cache: &["llamacpp:kv_cache_usage_ratio"],
        }),
        // Some releases write an underscore for the colon.
        Family::Sglang => Some(Names {
            running: &["sglang:num_running_reqs", "sglang_num_running_reqs"],
            waiting: &["sglang:num_queue_reqs", "sglang_num_queue_reqs"],
            kv_cache: &["sglang:token_usage", "sglang_token_usage"],
        }),
        Family::Mlx
        | Family::LmStudio
        | Family::Ollama
        | Family::Openai
        | Family::Anthropic
        | Family::Other => None,
    }
}

/// The sum of one metric's samples.
struct Count {
    names: &'static [&'static str],
    sum: Option<u32>,
    is_absurd: bool,
}

impl Count {
    fn new(names: &'static [&'static str]) -> Count {
        Count {
            names,
            sum: None,
            is_absurd: false,
        }
    }

    fn take(&mut self, line: &[u8]) {
        let Some(value) = value_of(line, self.names) else {
            return;
        };
        match whole(value) {
            Some(more) => self.sum = Some(self.sum.unwrap_or(0).saturating_add(more)),
            None => self.is_absurd = true,
        }
    }

    fn total(&self) -> Result<u32, NoReading> {
        let name = self.names.first().copied().unwrap_or_default();
        match self.sum {
            _ if self.is_absurd => Err(NoReading::Absurd(name)),
            None => Err(NoReading::Without(name)),
            Some(sum) if sum > MOST_REQUESTS => Err(NoReading::Absurd(name)),
            Some(sum) => Ok(sum),
        }
    }
}

/// The fullest of several caches; one impossible value and nothing is known of any.
#[derive(Default)]
struct Fullest {
    share: Option<f64>,
    is_absurd: bool,
}

impl Fullest {
    fn take(&mut self, value: f64) {
        self.is_absurd |= !(0.0..=1.0).contains(&value);
        let fullest = self.share.map_or(value, |share| share.max(value));
        self.share = (!self.is_absurd).then_some(fullest);
    }
}

fn whole(value: f64) -> Option<u32> {
    let is_count = (0.0..=f64::from(MOST_REQUESTS)).contains(&value) && value.fract() == 0.0;
    is_count.then_some(value as u32)
}

/// The value of a line that is a sample of one of these metrics; not a number where it is none.
fn value_of(line: &[u8], names: &[&str]) -> Option<f64> {
    let mut behind = names.iter().map(|name| line.strip_prefix(name.as_bytes()));
    let behind = behind.find_map(|behind| behind)?;
    if !matches!(behind.first()?, b' ' | b'\t' | b'{') {
        // A longer name.
        return None;
    }
    let value = match behind.trim_ascii_start().strip_prefix(b"{") {
        Some(labels) => behind_labels(labels)?,
        None => behind,
    };
    let mut words = value.split(u8::is_ascii_whitespace);
    let number = words.find(|word| !word.is_empty()).unwrap_or_default();
    let number = std::str::from_utf8(number).ok();
    Some(
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or(f64::NAN),
    )
}

/// What follows the labels; none when they make it a share of what another sample holds whole.
fn behind_labels(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let separator = |byte: &u8| matches!(byte, b' ' | b'\t' | b',');
        let name_at = rest.iter().position(|byte| !separator(byte))?;
        rest = rest.get(name_at..)?;
        if let Some(behind) = rest.strip_prefix(b"}") {
            return Some(behind);
        }
        let (name, quoted) = rest.split_at_checked(memchr::memchr(b'=', rest)?)?;
        let value = quoted.get(1..)?.trim_ascii_start().strip_prefix(b"\"")?;
        let (value, behind) = value.split_at_checked(closing_quote(value)?)?;
        if repeats_another(name.trim_ascii_end(), value) {
            return None;
        }
        rest = behind.get(1..)?;
    }
}

fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// SGLang shows the same requests again by priority, beside the total whose priority is empty, and by each stage of its
/// pipeline.
fn repeats_another(label: &[u8], value: &[u8]) -> bool {
    match label {
        b"priority" => !value.is_empty(),
        b"pp_rank" => value != b"0",
        _ => false,
    }
}
