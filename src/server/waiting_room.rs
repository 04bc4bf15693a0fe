//! What a supervised gateway does while there is no configuration that it could serve with: its admin port says what is
//! wrong, and everything is read again each second.
//!
//! Nothing else of the process has been started, so that this ends by going on with a usual start.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::{listen, StartError};
use crate::caller::HostRule;
use crate::clock;

/// How often everything is read again.
const READ_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked for a connection.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A client has so long for its request: there is one at a time.
const PATIENCE: Duration = Duration::from_millis(500);

/// A request's head may be so long here.
const MOST_HEAD: usize = 8 * 1024;

/// What ended the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything is well now.
    Mended,
    /// SIGTERM or SIGINT came.
    Stopped,
}

/// Waits at `admin` until `check` finds no mistake. Whenever the mistakes change, `tell` hears them.
///
/// # Errors
/// The port can't be had.
pub fn wait(
    admin: SocketAddr,
    check: impl Fn() -> Vec<String>,
    tell: impl Fn(&[String]),
) -> Result<Ended, StartError> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stopped))
            .map_err(|error| StartError::System(format!("signals: {error}")))?;
    }
    let listener = listen::bind(admin, "admin")?;
    listener
        .set_nonblocking(true)
        .map_err(|error| StartError::System(format!("admin: {error}")))?;
    let hosts = HostRule::new(admin, &[]);
    let mut mistakes = check();
    tell(&mistakes);
    let mut read_at = clock::now();
    while !mistakes.is_empty() {
        if stopped.load(Ordering::Relaxed) {
            return Ok(Ended::Stopped);
        }
        while let Ok((client, _)) = listener.accept() {
            // Whoever leaves early misses the answer, and nothing else.
            let _ = answer(client, &hosts, &mistakes);
        }
        thread::sleep(LOOK_EVERY);
        if clock::now().saturating_duration_since(read_at) >= READ_EVERY {
            read_at = clock::now();
            let now = check();
            if now != mistakes {
                tell(&now);
                mistakes = now;
            }
        }
    }
    Ok(Ended::Mended)
}

fn answer(mut client: TcpStream, hosts: &HostRule, mistakes: &[String]) -> std::io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let head = read_head(&mut client)?;
    let (status, body) = said(&head, hosts, mistakes);
    let length = body.len();
    let shown = if head.starts_with(b"HEAD ") {
        ""
    } else {
        &body
    };
    write!(
        client,
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {length}\r\n\
         cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{shown}"
    )
}

fn read_head(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while head.len() < MOST_HEAD && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match client.read(&mut piece)? {
            0 => break,
            count => head.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    Ok(head)
}

/// Status and body for a request. Whatever is read, but for `/livez`, is answered by the mistakes: there is nothing else
/// to tell yet.
fn said(head: &[u8], hosts: &HostRule, mistakes: &[String]) -> (&'static str, String) {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    if !matches!(request.parse(head), Ok(httparse::Status::Complete(_))) {
        return ("400 Bad Request", String::new());
    }
    let mut named = request.headers.iter();
    let host = named.find(|header| header.name.eq_ignore_ascii_case("host"));
    if !host.is_some_and(|host| hosts.allows(host.value)) {
        return ("421 Misdirected Request", "no such host here\n".to_owned());
    }
    match (request.method, request.path) {
        (Some("GET" | "HEAD"), Some("/livez")) => ("200 OK", "ok\n".to_owned()),
        (Some("GET" | "HEAD"), Some(_)) => {
            let told = mistakes.join("\n");
            let body = format!("waiting for a configuration that can serve:\n{told}\n");
            ("503 Service Unavailable", body)
        }
        _ => (
            "405 Method Not Allowed",
            "the gateway waits for its configuration to be mended\n".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alive_and_not_ready() {
        let mistakes = ["a: is wrong".to_owned(), "b: too".to_owned()];
        let hosts = HostRule::new(([127, 0, 0, 1], 8788).into(), &[]);
        let asked = |line: &str, host: &str| {
            let head = format!("{line}\r\nhost: {host}\r\n\r\n");
            said(head.as_bytes(), &hosts, &mistakes)
        };
        let told = |line: &str| asked(line, "localhost:8788").0;
        assert_eq!(told("GET /livez HTTP/1.1"), "200 OK");
        assert_eq!(told("POST /reload HTTP/1.1"), "405 Method Not Allowed");
        assert_eq!(said(b"", &hosts, &mistakes).0, "400 Bad Request");
        let (status, body) = asked("GET /readyz HTTP/1.1", "localhost:8788");
        assert_eq!(status, "503 Service Unavailable");
        assert!(body.contains("a: is wrong\nb: too\n"), "{body}");
        let (status, body) = asked("GET /readyz HTTP/1.1", "evil.example");
        assert_eq!(status, "421 Misdirected Request");
        assert!(!body.contains("wrong"), "{body}");
    }
}
