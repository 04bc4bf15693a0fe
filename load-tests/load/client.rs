//! Clients: they send bytes that were made beforehand, check every answer, and note how long it took.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::answer::Answer;
use crate::backend::{due, PACE};
use crate::payload;
use crate::Fallible;

/// One kept-alive connection.
pub struct Client {
    stream: TcpStream,
    answer: Answer,
}

impl Client {
    pub async fn connect(to: SocketAddr) -> Fallible<Client> {
        let stream = TcpStream::connect(to)
            .await
            .map_err(|error| format!("connecting: {error}"))?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        Ok(Client {
            stream,
            answer: Answer::new(),
        })
    }

    /// Sends one request and reads its answer; `each_read` sees the body so far after every read.
    async fn exchange(&mut self, request: &[u8], mut each_read: impl FnMut(&[u8])) -> Fallible<()> {
        self.answer.clear();
        self.stream
            .write_all(request)
            .await
            .map_err(|error| format!("sending: {error}"))?;
        loop {
            let read = self.stream.read_buf(self.answer.input()).await;
            if read.map_err(|error| format!("reading: {error}"))? == 0 {
                return Err("the connection ended inside an answer".to_owned());
            }
            let done = self.answer.decode()?;
            each_read(&self.answer.body);
            if done {
                return Ok(());
            }
        }
    }

    /// Sends a request whose whole answer is known beforehand.
    pub async fn expect(&mut self, request: &[u8], body: &[u8]) -> Fallible<()> {
        self.exchange(request, |_| ()).await?;
        self.check(body)
    }

    /// Sends a request of any other kind; returns its body.
    pub async fn ask(&mut self, request: &str) -> Fallible<String> {
        self.exchange(request.as_bytes(), |_| ()).await?;
        if self.answer.status != 200 {
            return Err(format!("status {} for {request:?}", self.answer.status));
        }
        Ok(String::from_utf8_lossy(&self.answer.body).into_owned())
    }

    /// Reads one paced stream; adds to `late` how much later than it left the backend each event was here.
    async fn paced_stream(&mut self, request: &[u8], late: &mut Vec<Duration>) -> Fallible<()> {
        let started = Instant::now();
        let (mut searched, mut events) = (0, 0);
        self.exchange(request, |body| {
            let from = body.get(searched..).unwrap_or_default();
            let mut end = 0;
            for at in memchr::memmem::find_iter(from, b"\n\n") {
                late.push(started.elapsed().saturating_sub(due(events)));
                events += 1;
                end = at + 2;
            }
            searched += end;
        })
        .await?;
        self.check(payload::stream_body())?;
        match events {
            payload::EVENTS => Ok(()),
            other => Err(format!("{other} events in a stream")),
        }
    }

    fn check(&self, expected: &[u8]) -> Fallible<()> {
        let Answer { status, body, .. } = &self.answer;
        if *status != 200 {
            let text = String::from_utf8_lossy(body);
            return Err(format!("status {status}: {text}"));
        }
        if body != expected {
            let (got, want) = (body.len(), expected.len());
            return Err(format!(
                "another body than the backend's: {got} bytes for {want}"
            ));
        }
        Ok(())
    }
}

/// Plain requests, each connection sending its next when it has the answer to the last. Returns how long each took.
pub async fn closed_loop(
    to: SocketAddr,
    request: &Arc<[u8]>,
    connections: usize,
    requests: usize,
) -> Fallible<Vec<Duration>> {
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let request = Arc::clone(request);
        // The remainder goes to the first connections.
        let share = requests / connections + usize::from(number < requests % connections);
        tasks.spawn(async move {
            let mut client = Client::connect(to).await?;
            let mut times = Vec::with_capacity(share);
            for _ in 0..share {
                let started = Instant::now();
                client.expect(&request, payload::plain_body()).await?;
                times.push(started.elapsed());
            }
            Ok(times)
        });
    }
    gather(tasks).await
}

/// Streams on so many connections, `each` one after the other; the connections start spread over a stream's length.
pub async fn paced_streams(
    to: SocketAddr,
    request: &Arc<[u8]>,
    connections: usize,
    each: usize,
) -> Fallible<Vec<Duration>> {
    let length = PACE * payload::EVENTS as u32;
    let mut tasks = JoinSet::new();
    for number in 0..connections {
        let request = Arc::clone(request);
        let start = length * number as u32 / connections as u32;
        tasks.spawn(async move {
            tokio::time::sleep(start).await;
            let mut client = Client::connect(to).await?;
            let mut late = Vec::with_capacity(each * payload::EVENTS);
            for _ in 0..each {
                client.paced_stream(&request, &mut late).await?;
            }
            Ok(late)
        });
    }
    gather(tasks).await
}

/// Streams that the backend holds back; each ends when they are released.
pub struct Held {
    tasks: JoinSet<Fallible<Vec<Duration>>>,
}

impl Held {
    pub async fn open(to: SocketAddr, request: &Arc<[u8]>, streams: usize) -> Fallible<Held> {
        let mut tasks = JoinSet::new();
        for _ in 0..streams {
            let mut client = Client::connect(to).await?;
            let request = Arc::clone(request);
            tasks.spawn(async move {
                client.expect(&request, payload::stream_body()).await?;
                Ok(Vec::new())
            });
        }
        Ok(Held { tasks })
    }

    /// Waits until every stream is whole.
    pub async fn finish(self) -> Fallible<()> {
        gather(self.tasks).await.map(|_| ())
    }
}

async fn gather(mut tasks: JoinSet<Fallible<Vec<Duration>>>) -> Fallible<Vec<Duration>> {
    let mut all = Vec::new();
    while let Some(task) = tasks.join_next().await {
        all.extend(task.map_err(|error| error.to_string())??);
    }
    Ok(all)
}
