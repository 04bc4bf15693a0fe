//! The load beside which it happens, and that its requests noticed nothing.

use std::time::{Duration, Instant};

use crate::support::{Client, Latch, Reply};

pub const CONNECTIONS: usize = 10;
const A_SECOND: u32 = 500;

/// What a request may take. One that waited for the disk would have waited for seconds.
const SLOW: Duration = Duration::from_secs(2);

/// From when to when the disk was full.
pub type Full = (Instant, Instant);

/// Sends a request every so often on one connection, until told to stop.
pub async fn keep_asking(client: Client, number: usize, stop: Latch) -> Vec<Reply> {
    let gap = Duration::from_secs(1) * CONNECTIONS as u32 / A_SECOND;
    let first = tokio::time::Instant::now() + gap * number as u32 / CONNECTIONS as u32;
    let mut ticks = tokio::time::interval_at(first, gap);
    let mut replies = Vec::new();
    let mut connection = None;
    while !stop.is_open() {
        ticks.tick().await;
        let kept = match connection.take() {
            Some(kept) => kept,
            None => client.connect().await,
        };
        let (reply, kept) = client.chat("m").send_on(kept).await;
        replies.push(reply);
        connection = kept;
    }
    replies
}

pub fn expect_no_request_to_notice(replies: &[Reply], (from, until): Full) {
    let bad = replies
        .iter()
        .find(|reply| reply.status != 200 || !reply.is_whole());
    assert!(bad.is_none(), "{bad:?}");
    let during = |reply: &&Reply| reply.ended_at > from && reply.sent_at < until;
    let (full, usual): (Vec<_>, Vec<_>) = replies.iter().partition(during);
    let (full, usual) = (times(&full), times(&usual));
    let [middle, slowest] = [full[full.len() / 2], full[full.len() - 1]];
    let usually = usual[usual.len() / 2];
    println!(
        "{} requests while it was full: {middle:?} in the middle, {slowest:?} the slowest; else {usually:?} and {:?}",
        full.len(),
        usual[usual.len() - 1]
    );
    assert!(middle < usually * 3 + Duration::from_millis(100));
    assert!(slowest < SLOW, "{slowest:?}");
}

fn times(replies: &[&Reply]) -> Vec<Duration> {
    let mut times: Vec<_> = replies.iter().map(|reply| reply.took()).collect();
    times.sort();
    times
}
