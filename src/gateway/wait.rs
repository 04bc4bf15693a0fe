//! Waiting on behalf of a client: its leaving ends every wait, the end of the process too, and its stream gets a sign of
//! life meanwhile.

use std::future::{pending, Future};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use super::forward::refused;
use super::respond;
use crate::clock;
use crate::context::RequestContext;
use crate::failure::{Code, Failure};

/// The comment of a stream that waits.
const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");

/// What came first.
pub enum Came<T> {
    It(T),
    /// The time until which it was waited.
    Time,
    /// The time for a comment.
    Beat,
}

/// Waits until `at`. What passes is none of the gateway's own doing.
pub async fn until(session: &mut Session, ctx: &mut RequestContext, at: Instant) -> Result<()> {
    let started = clock::now();
    let result = keep_waiting(session, ctx, at).await;
    ctx.attempts.elsewhere += clock::now().saturating_duration_since(started);
    result
}

async fn keep_waiting(session: &mut Session, ctx: &mut RequestContext, at: Instant) -> Result<()> {
    while clock::now() < at {
        if let Came::Beat = first(session, ctx, at, pending::<()>()).await? {
            comment(session, ctx, KEEP_ALIVE).await?;
        }
    }
    Ok(())
}

/// Waits for `event`, no longer than until `at` or the next comment's time.
pub async fn first<T>(
    session: &mut Session,
    ctx: &mut RequestContext,
    at: Instant,
    event: impl Future<Output = T>,
) -> Result<Came<T>> {
    // A wait is made of many short looks; the next comment's time outlasts them.
    let beat = heartbeat(ctx).map(|every| {
        let next = || clock::now() + every;
        *ctx.attempts.next_beat.get_or_insert_with(next)
    });
    let next = beat.map_or(at, |beat| beat.min(at));
    tokio::select! {
        biased;
        it = event => return Ok(Came::It(it)),
        () = ctx.watches.interrupted() => {
            return Err(refused(ctx, Failure::new(Code::Draining)));
        }
        _ = session.as_downstream_mut().read_body_or_idle(true) => {
            ctx.client_left();
            return Err(Error::new(ErrorType::ConnectionClosed).into_down());
        }
        () = tokio::time::sleep_until(next.into()) => {}
    }
    if beat.is_some_and(|beat| clock::now() >= beat) {
        ctx.attempts.next_beat = None;
        return Ok(Came::Beat);
    }
    Ok(Came::Time)
}

/// How often a waiting stream of this request gets a comment.
pub fn heartbeat(ctx: &RequestContext) -> Option<Duration> {
    ctx.route()?.keepalive.filter(|_| ctx.wants_stream())
}

/// Sends a comment, behind the head if that isn't out yet. Between attempts nobody else writes to the client.
pub async fn comment(
    session: &mut Session,
    ctx: &mut RequestContext,
    comment: Bytes,
) -> Result<()> {
    let written = write(session, ctx, comment).await;
    written.map_err(|error| {
        // Only its leaving keeps a client from reading.
        ctx.client_left();
        error.into_down()
    })
}

async fn write(session: &mut Session, ctx: &mut RequestContext, comment: Bytes) -> Result<()> {
    if !ctx.head_is_out {
        let head = respond::early_head(ctx)?;
        session.write_response_header(Box::new(head), false).await?;
        ctx.head_is_out = true;
        ctx.status = 200;
    }
    ctx.bytes_out += comment.len() as u64;
    session.write_response_body(Some(comment), false).await
}

/// The comment of a stream that waits in the queue.
pub fn queue_comment(position: Option<usize>) -> Bytes {
    match position {
        Some(position) => format!(": queue position={position}\n\n").into(),
        None => KEEP_ALIVE,
    }
}
