//! The words of an exchange: what the script is given, and what its numbers mean.

use std::time::SystemTime;

use redis::ScriptInvocation;

use super::why::Why;
use crate::budget::account::window_word;
use crate::budget::books::{Exchange, Line, Reply};

/// What the store does, in one step.
pub const SCRIPT: &str = include_str!("script.lua");

/// Counts stay for a while after their window: gateways' clocks differ. Seconds.
const KEPT_AFTER: u64 = 120;

/// All keys are in one slot of a cluster, because one script uses them together.
const PREFIX: &str = "sidegate:{budget}:1";

/// Where the number of a gateway's last exchange is.
pub fn number_key(gateway: &str) -> String {
    format!("{PREFIX}:exchange:{gateway}")
}

/// Where the counts of a meter are, of all gateways.
pub fn count_key(line: &Line) -> String {
    let key = &line.key;
    format!(
        "{PREFIX}:{}:{}:{}:{}:{}",
        key.kind.as_str(),
        key.scope.as_str(),
        key.name,
        window_word(key.window),
        line.start
    )
}

/// Fills in the script's keys and arguments; the script says what they are.
pub fn write<W>(
    call: &mut ScriptInvocation<'_>,
    gateway: &str,
    (last, number): (u64, u64),
    exchange: &Exchange<W>,
    now: SystemTime,
) {
    call.key(number_key(gateway));
    call.arg(gateway).arg(last).arg(number);
    call.arg(exchange.lines.len());
    for line in &exchange.lines {
        let left = line.ends.duration_since(now).unwrap_or_default().as_secs();
        call.key(count_key(line));
        call.arg(line.own).arg(line.floor);
        call.arg(u8::from(line.is_adopting)).arg(left + KEPT_AFTER);
    }
    call.arg(exchange.wanted.len());
    for wanted in &exchange.wanted {
        call.arg(wanted.len());
        for want in wanted {
            // Lua counts from one.
            call.arg(want.line + 1).arg(want.amount).arg(want.limit);
        }
    }
}

/// What the script's numbers mean, and whether the store has seen our last exchange.
///
/// # Errors
/// When they aren't those of our script, or somebody else has used our number.
pub fn read<W>(numbers: &[i64], exchange: &Exchange<W>) -> Result<(Reply, bool), Why> {
    let (lines, asks) = (exchange.lines.len(), exchange.wanted.len());
    let (is_complete, rest) = match numbers {
        [0] => return Err(Why::NameTaken),
        [1, rest @ ..] => (false, rest),
        [2, rest @ ..] => (true, rest),
        _ => return Err(Why::BadAnswer),
    };
    if rest.len() != 2 * lines + asks {
        return Err(Why::BadAnswer);
    }
    let mut numbers = rest
        .iter()
        .map(|number| u64::try_from(*number).unwrap_or(0));
    let mut take = |count: usize| numbers.by_ref().take(count).collect();
    let reply = Reply {
        own: take(lines),
        others: take(lines),
        refused_by: take(asks),
    };
    Ok((reply, is_complete))
}
