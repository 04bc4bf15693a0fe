//! The four scenarios: what is sent, and what is measured meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::client::{closed_loop, paced_streams, Held};
use crate::contender::Running;
use crate::ledger;
use crate::numbers::percentile;
use crate::payload;
use crate::sample::Figures;
use crate::Fallible;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Plain requests of 1 KiB.
    Small,
    /// Plain requests of 200 KB.
    Large,
    /// 200 streams at a time, 51 events each, 20 ms apart.
    Paced,
    /// 1,000 streams that wait for their first token.
    Idle,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Small, Kind::Large, Kind::Paced, Kind::Idle];

    pub fn title(self) -> &'static str {
        match self {
            Kind::Small => "1 KiB plain",
            Kind::Large => "200 KB plain",
            Kind::Paced => "200 paced streams",
            Kind::Idle => "1,000 idle streams",
        }
    }

    /// What a figure is for.
    pub fn unit(self) -> &'static str {
        match self {
            Kind::Small | Kind::Large => "request",
            Kind::Paced | Kind::Idle => "stream",
        }
    }

    pub fn request(self) -> Arc<[u8]> {
        match self {
            Kind::Small => payload::request(1024, "load-plain", false),
            Kind::Large => payload::request(200_000, "load-plain", false),
            Kind::Paced => payload::request(1024, "load-paced", true),
            Kind::Idle => payload::request(1024, "load-held", true),
        }
        .into()
    }
}

/// How much is sent. CPU time comes in ticks of 10 ms: a measurement has to last about a hundred of them, in a quick run
/// a third of that.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    warm_up: usize,
    connections: usize,
    /// Requests in all, or streams on each connection.
    requests: usize,
    /// Requests of one lone client, for the times.
    alone: usize,
}

impl Kind {
    pub fn size(self, quick: bool) -> Size {
        let (warm_up, connections, requests, alone) = match (self, quick) {
            (Kind::Small, true) => (300, 8, 15_000, 500),
            (Kind::Small, false) => (1_000, 8, 40_000, 4_000),
            (Kind::Large, true) => (50, 4, 4_000, 200),
            (Kind::Large, false) => (200, 4, 10_000, 1_000),
            (Kind::Paced, true) => (300, 200, 2, 0),
            (Kind::Paced, false) => (300, 200, 4, 0),
            (Kind::Idle, _) => (300, 1_000, 1, 0),
        };
        Size {
            warm_up,
            connections,
            requests,
            alone,
        }
    }
}

/// Runs one scenario; returns the figures and how many requests were sent for them, the warm-up's included.
pub async fn measure(
    kind: Kind,
    quick: bool,
    running: &Running,
    backend: SocketAddr,
) -> Fallible<(Figures, u64)> {
    let size = kind.size(quick);
    let to = running.address;
    // A plain request is the warm-up of all: paths through a proxy's allocator and tables are touched once.
    let first = match kind {
        Kind::Large => kind.request(),
        Kind::Small | Kind::Paced | Kind::Idle => Kind::Small.request(),
    };
    closed_loop(to, &first, 8, size.warm_up).await?;
    let request = kind.request();
    let (figures, sent) = match kind {
        Kind::Small | Kind::Large => plain(size, &request, running).await?,
        Kind::Paced => paced(size, &request, running).await?,
        Kind::Idle => idle(size, &request, running, backend).await?,
    };
    Ok((figures, (size.warm_up + sent) as u64))
}

/// Busy connections for the CPU time, then a lone one for the times.
async fn plain(size: Size, request: &Arc<[u8]>, running: &Running) -> Fallible<(Figures, usize)> {
    let before = running.usage().await?;
    let started = Instant::now();
    let busy = closed_loop(running.address, request, size.connections, size.requests).await?;
    let took = started.elapsed();
    let after = running.usage().await?;
    let alone = closed_loop(running.address, request, 1, size.alone).await?;
    let figures = Figures {
        rate: Some(size.requests as f64 / took.as_secs_f64()),
        busy_p50_us: percentile(&busy, 50.0),
        busy_p99_us: percentile(&busy, 99.0),
        p50_us: percentile(&alone, 50.0),
        p99_us: percentile(&alone, 99.0),
        ..Figures::of_cpu(before, after, size.requests)
    };
    Ok((figures, size.requests + size.alone))
}

async fn paced(size: Size, request: &Arc<[u8]>, running: &Running) -> Fallible<(Figures, usize)> {
    let streams = size.connections * size.requests;
    let before = running.usage().await?;
    let late = paced_streams(running.address, request, size.connections, size.requests).await?;
    let after = running.usage().await?;
    let figures = Figures {
        p50_us: percentile(&late, 50.0),
        p99_us: percentile(&late, 99.0),
        ..Figures::of_cpu(before, after, streams)
    };
    Ok((figures, streams))
}

/// Memory with all streams open and silent, less the memory before. They are let go and read to their end after that.
async fn idle(
    size: Size,
    request: &Arc<[u8]>,
    running: &Running,
    backend: SocketAddr,
) -> Fallible<(Figures, usize)> {
    const SETTLE: Duration = Duration::from_millis(500);
    let before = running.usage().await?;
    let held = Held::open(running.address, request, size.connections).await?;
    while ledger::backend_counts(backend).await?.waiting < size.connections as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(SETTLE).await;
    let after = running.usage().await?;
    ledger::release(backend).await?;
    held.finish().await?;
    let figures = Figures::of_memory(before, after, size.connections);
    Ok((figures, size.connections))
}
