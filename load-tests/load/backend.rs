//! The upstream behind every proxy: reads a request, answers with bytes that were made before it came.
//!
//! It does as little as it can, because it shares two cores with what is measured.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep_until, Instant};

use crate::payload;
use crate::Fallible;

/// Between two events of a stream.
pub const PACE: Duration = Duration::from_millis(20);

/// When an event of a stream is sent, from its request on. The role comes with the first token, as servers send it.
pub fn due(event: usize) -> Duration {
    PACE * event.saturating_sub(1) as u32
}

/// What is asked stands within this much of a body's end.
const TAIL_BYTES: usize = 512;

struct Backend {
    plain: Vec<u8>,
    /// Each event as a chunk; the last with the end of the chunks.
    chunks: Vec<Vec<u8>>,
    /// All of a held stream but its head.
    rest: Vec<u8>,
    requests: Cell<u64>,
    waiting: Cell<u64>,
    /// Counts the releases of held streams.
    releases: watch::Sender<u64>,
}

/// Serves until it is ended. Prints the port once it answers.
pub async fn serve(port: u16) -> Fallible<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|error| format!("backend: {error}"))?;
    let port = listener
        .local_addr()
        .map_err(|error| error.to_string())?
        .port();
    println!("{port}");
    let backend = Rc::new(Backend::new());
    let connections = tokio::task::LocalSet::new();
    let accept = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                continue;
            };
            let backend = Rc::clone(&backend);
            tokio::task::spawn_local(async move {
                // A connection that breaks is the client's to report.
                let _ = backend.connection(stream).await;
            });
        }
    };
    connections.run_until(accept).await
}

impl Backend {
    fn new() -> Backend {
        let mut chunks: Vec<Vec<u8>> = payload::events()
            .iter()
            .map(|event| payload::chunk(event))
            .collect();
        if let Some(last) = chunks.last_mut() {
            last.extend_from_slice(payload::END_OF_CHUNKS);
        }
        Backend {
            plain: payload::plain_answer(),
            rest: chunks.concat(),
            chunks,
            requests: Cell::new(0),
            waiting: Cell::new(0),
            releases: watch::Sender::new(0),
        }
    }

    async fn connection(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::with_capacity(256 * 1024);
        while let Some(head) = read_request(&mut stream, &mut buffer).await? {
            if buffer.starts_with(b"GET /counts ") {
                self.tell(&mut stream).await?;
            } else if buffer.starts_with(b"POST /release ") {
                self.releases.send_modify(|count| *count += 1);
                self.tell(&mut stream).await?;
            } else {
                self.requests.set(self.requests.get() + 1);
                let body = buffer.get(head..).unwrap_or_default();
                let tail = body.len().saturating_sub(TAIL_BYTES);
                let tail = body.get(tail..).unwrap_or_default();
                if memmem::find(tail, payload::PACED).is_some() {
                    self.pace(&mut stream).await?;
                } else if memmem::find(tail, payload::HELD).is_some() {
                    self.hold(&mut stream).await?;
                } else {
                    stream.write_all(&self.plain).await?;
                }
            }
            buffer.clear();
        }
        Ok(())
    }

    /// Each event at its own time, however late the one before it was.
    async fn pace(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let started = Instant::now();
        stream.write_all(payload::stream_head()).await?;
        for (number, chunk) in self.chunks.iter().enumerate() {
            let due = due(number);
            if !due.is_zero() {
                sleep_until(started + due).await;
            }
            stream.write_all(chunk).await?;
        }
        Ok(())
    }

    /// Sends the head, and the rest at the next release.
    async fn hold(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut releases = self.releases.subscribe();
        stream.write_all(payload::stream_head()).await?;
        self.waiting.set(self.waiting.get() + 1);
        let released = releases.changed().await;
        self.waiting.set(self.waiting.get() - 1);
        released.map_err(std::io::Error::other)?;
        stream.write_all(&self.rest).await
    }

    async fn tell(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let body = format!("{} {}", self.requests.get(), self.waiting.get());
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all([head, body].concat().as_bytes()).await
    }
}

/// Reads one request into `buffer` and returns the length of its head; none when the client has hung up.
async fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Option<usize>> {
    let mut whole = None;
    loop {
        if let Some((head, length)) = whole {
            if buffer.len() >= length {
                return Ok(Some(head));
            }
        } else if let Some(end) = memmem::find(buffer, b"\r\n\r\n") {
            let head = end + 4;
            let length = content_length(buffer.get(..head).unwrap_or_default())?;
            whole = Some((head, head + length));
            continue;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Every proxy here sends a length, because it got one.
fn content_length(head: &[u8]) -> std::io::Result<usize> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head).map_err(std::io::Error::other)?;
    for header in request.headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(std::io::Error::other("a chunked request"));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).map_err(std::io::Error::other)?;
            return text.parse().map_err(std::io::Error::other);
        }
    }
    Ok(0)
}
