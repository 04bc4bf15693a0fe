//! Reads a request's body whole, within the memory that all bodies share.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pingora::{Error, ErrorType, Result};
use pingora_proxy::Session;

use crate::failure::{Code, Failure};
use crate::limits::{BodyMemory, BodyPermit};

/// From the first byte of a body to its last: 32 MiB over a slow tunnel take a minute.
const WHOLE_BODY: Duration = Duration::from_secs(120);
/// How long a request waits for memory that other bodies hold.
const MEMORY_PATIENCE: Duration = Duration::from_secs(5);
/// Memory is taken in such pieces as the bytes come: what is only announced holds none.
const STEP: u64 = 1024 * 1024;

/// Why there is no body: the client's connection failed, or we refuse.
pub enum Unread {
    Connection(Box<Error>),
    Refused(Failure),
}

impl From<Code> for Unread {
    fn from(code: Code) -> Unread {
        Unread::Refused(Failure::new(code))
    }
}

/// Refuses by the declared length, before a byte is read.
pub fn declared_length(session: &Session, limit: u64) -> Result<Option<u64>, Unread> {
    let Some(value) = session.req_header().headers.get("content-length") else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|_| Code::InvalidRequest)?;
    let length: u64 = text.trim().parse().map_err(|_| Code::InvalidRequest)?;
    if length > limit {
        return Err(Code::BodyTooLarge.into());
    }
    Ok(Some(length))
}

/// The whole body and its share of the memory.
pub async fn read(
    session: &mut Session,
    memory: &BodyMemory,
    declared: Option<u64>,
    limit: u64,
) -> Result<(Bytes, BodyPermit), Unread> {
    let first = STEP.min(declared.unwrap_or(limit));
    let permit = memory
        .take(first, MEMORY_PATIENCE)
        .await
        .ok_or_else(no_memory)?;
    if session.req_header().headers.contains_key("expect") {
        session
            .as_downstream_mut()
            .write_continue_response()
            .await
            .map_err(Unread::Connection)?;
    }
    match tokio::time::timeout(WHOLE_BODY, collect(session, permit, declared, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Code::RequestTimeout.into()),
    }
}

async fn collect(
    session: &mut Session,
    mut permit: BodyPermit,
    declared: Option<u64>,
    limit: u64,
) -> Result<(Bytes, BodyPermit), Unread> {
    let mut body = BytesMut::with_capacity(usize::try_from(declared.unwrap_or(0)).unwrap_or(0));
    let most = declared.unwrap_or(limit);
    let mut room = STEP.min(most);
    loop {
        let piece = match session.as_downstream_mut().read_request_body().await {
            Ok(Some(piece)) => piece,
            Ok(None) => return Ok((body.freeze(), permit)),
            Err(error) if *error.etype() == ErrorType::ReadTimedout => {
                return Err(Code::RequestTimeout.into())
            }
            Err(error) if is_framing(&error) => return Err(Code::InvalidRequest.into()),
            Err(error) => return Err(Unread::Connection(error)),
        };
        let size = (body.len() + piece.len()) as u64;
        if size > limit {
            return Err(Code::BodyTooLarge.into());
        }
        while size > room {
            // The framing bounds a body of announced length, the limit any other one.
            let more = STEP.min(most.saturating_sub(room)).max(size - room);
            if !permit.grow(more, MEMORY_PATIENCE).await {
                return Err(no_memory());
            }
            room += more;
        }
        body.extend_from_slice(&piece);
    }
}

/// Other bodies hold the memory: it is no lane that was waited for.
fn no_memory() -> Unread {
    let failure = Failure::new(Code::QueueTimeout).config_key("limits.bodies_in_flight");
    Unread::Refused(failure)
}

/// The client's chunks can't be read; its connection is fine.
fn is_framing(error: &Error) -> bool {
    !matches!(
        error.etype(),
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError
    )
}
