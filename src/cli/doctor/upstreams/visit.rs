//! Speaks to every upstream at once. None may take long: whoever asks is in the middle of an incident.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::answer::{Heard, Quiet};
use crate::cli::fingerprint::{self, Answer, Sign, PATHS};
use crate::clock;
use crate::config::{self, Family};
use crate::snapshot::{self, Upstream};

const NAME_PATIENCE: Duration = Duration::from_millis(1500);

/// A server on the other side of the world answers the handshake within half a second.
const CONNECT_PATIENCE: Duration = Duration::from_millis(1500);

/// A list of models costs milliseconds; a server in prefill takes longer for everything.
const PATIENCE: Duration = Duration::from_millis(2500);

const SHORT_PATIENCE: Duration = Duration::from_millis(1000);

/// What one upstream said.
#[derive(Debug)]
pub struct Visit {
    pub upstream: config::Upstream,
    /// To the list of its models.
    pub models: Heard,
    /// To the path that only servers of its configured family have, where there is one.
    pub own: Option<Heard>,
    /// To those of other families, where the rest doesn't tell what it is.
    pub others: Vec<(Family, Heard)>,
}

impl Visit {
    /// What it is, by its answer to the list of models and by what else it was asked.
    pub fn sign(&self, list: &Answer) -> Option<Sign> {
        let heard = |wanted: Family| match &self.own {
            Some(own) if wanted == self.upstream.family => Some(own),
            _ => {
                let mut others = self.others.iter();
                others
                    .find(|(family, _)| *family == wanted)
                    .map(|(_, it)| it)
            }
        };
        fingerprint::sign(list, |family, _| match heard(family)? {
            Heard::Answer(answer) => Some(answer),
            Heard::Nothing(_) => None,
        })
    }
}

/// In the order of the upstreams.
pub fn all(upstreams: &[Arc<Upstream>]) -> Vec<Visit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return Vec::new();
    };
    let visits = runtime.block_on(visit_all(upstreams));
    // A look-up of a name that hangs isn't waited for.
    runtime.shutdown_background();
    visits
}

async fn visit_all(upstreams: &[Arc<Upstream>]) -> Vec<Visit> {
    let mut visits = JoinSet::new();
    for (place, upstream) in upstreams.iter().enumerate() {
        let upstream = Arc::clone(upstream);
        visits.spawn(async move { (place, visit(upstream).await) });
    }
    let mut visits = visits.join_all().await;
    visits.sort_by_key(|(place, _)| *place);
    visits.into_iter().map(|(_, visit)| visit).collect()
}

async fn visit(upstream: Arc<Upstream>) -> Visit {
    let upstream = &upstream;
    let config = upstream.config.clone();
    if let Err(quiet) = reach(upstream).await {
        return Visit {
            upstream: config,
            models: Heard::Nothing(quiet),
            own: None,
            others: Vec::new(),
        };
    }
    let models = format!("{}/models", config.url.base_path);
    let models = ask(upstream, models, PATIENCE);
    let own = async {
        let path = fingerprint::path_of(config.family)?;
        Some(ask(upstream, below_root(&config, path), PATIENCE).await)
    };
    let (models, own) = tokio::join!(models, own);
    let mut visit = Visit {
        upstream: config,
        models,
        own,
        others: Vec::new(),
    };
    visit.others = others(upstream, &visit).await;
    visit
}

/// Connects and leaves: the plainest truth about a port.
async fn reach(upstream: &Upstream) -> Result<(), Quiet> {
    let address = upstream.resolver.address(clock::now());
    let address = tokio::time::timeout(NAME_PATIENCE, address).await;
    let address = match address {
        Ok(Ok(address)) => address,
        Ok(Err(_)) => return Err(Quiet::Name("there is no such name".to_owned())),
        Err(_) => return Err(Quiet::Name("no answer in time".to_owned())),
    };
    match tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            Err(Quiet::Refused)
        }
        Ok(Err(error)) => Err(Quiet::Network(error.to_string())),
        Err(_) => Err(Quiet::ConnectTimeout),
    }
}

/// Hosted providers aren't asked for what only servers of one's own have, and neither is one that has told already.
async fn others(upstream: &Arc<Upstream>, visit: &Visit) -> Vec<(Family, Heard)> {
    let Heard::Answer(answer) = &visit.models else {
        return Vec::new();
    };
    let hosted = visit.upstream.family.is_hosted();
    if hosted || answer.is_html || visit.sign(answer).is_some() {
        return Vec::new();
    }
    let mut asked = JoinSet::new();
    for (family, path) in PATHS {
        if family != visit.upstream.family {
            let (upstream, path) = (Arc::clone(upstream), below_root(&visit.upstream, path));
            asked.spawn(async move { (family, ask(&upstream, path, SHORT_PATIENCE).await) });
        }
    }
    asked.join_all().await
}

async fn ask(upstream: &Upstream, path: String, patience: Duration) -> Heard {
    match snapshot::get(upstream, &path, patience).await {
        Ok(reply) => {
            let key = upstream.key().map(|(_, value)| value);
            let key = key.as_ref().and_then(|value| value.to_str().ok());
            let key = key.map(|key| key.strip_prefix("Bearer ").unwrap_or(key));
            let (status, now) = (reply.status, clock::wall());
            Heard::Answer(Answer::of(status, &reply.headers, &reply.body, key, now))
        }
        Err(error) => Heard::Nothing(Quiet::after_connecting(&error)),
    }
}

/// These paths stand beside the base path's `/v1`, not below it.
fn below_root(upstream: &config::Upstream, path: &str) -> String {
    let base = &upstream.url.base_path;
    format!("{}{path}", base.strip_suffix("/v1").unwrap_or(base))
}
