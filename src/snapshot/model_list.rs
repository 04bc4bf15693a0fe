//! What models an upstream says it has, for routes that pass any name through; kept for half a minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pingora::upstreams::peer::HttpPeer;
use serde::Deserialize;

use super::{Shared, Snapshot};
use crate::clock;
use crate::config::Family;
use crate::http_client::{ask, Question, Server};

const FRESH_FOR: Duration = Duration::from_secs(30);
/// Asking must not hold up a client's `models.list()`.
const PATIENCE: Duration = Duration::from_secs(2);
/// More names than this, or longer ones, are no list of models.
const MOST: usize = 1000;
const LONGEST: usize = 256;

#[derive(Deserialize)]
struct Listed {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
}

/// The lists by upstream name.
#[derive(Default)]
pub struct ModelLists {
    known: Mutex<HashMap<String, (Instant, Vec<String>)>>,
}

impl ModelLists {
    fn known(&self) -> MutexGuard<'_, HashMap<String, (Instant, Vec<String>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// The names of an upstream's models; none when it doesn't say.
    pub async fn listed_models(&self, snapshot: &Snapshot, upstream: usize) -> Vec<String> {
        let Some(upstream) = snapshot.upstreams.get(upstream) else {
            return Vec::new();
        };
        let now = clock::now();
        if let Some((at, names)) = self.model_lists.known().get(&upstream.config.name) {
            if now.duration_since(*at) < FRESH_FOR {
                return names.clone();
            }
        }
        let names = fetch(upstream, now).await.unwrap_or_default();
        self.model_lists
            .known()
            .insert(upstream.config.name.clone(), (now, names.clone()));
        names
    }
}

async fn fetch(upstream: &super::Upstream, now: Instant) -> Option<Vec<String>> {
    let address = upstream.resolver.address(now).await.ok()?;
    let url = &upstream.config.url;
    let name = upstream.config.tls.server_name.clone().unwrap_or_default();
    let mut peer = HttpPeer::new(address, url.https, name);
    peer.client_cert_key = upstream.tls.client_cert.clone();
    peer.options.ca = upstream.tls.ca.clone();
    let path = format!("{}/models", url.base_path);
    let key_header = match upstream.config.family {
        Family::Anthropic => "x-api-key",
        _ => "authorization",
    };
    let key = upstream.authorization.clone().map(|key| (key_header, key));
    let question = Question {
        method: "GET",
        path: &path,
        host: upstream.host.to_str().ok()?,
        headers: key.into_iter().collect(),
        body: &[],
    };
    let reply = ask(Server::Peer(Box::new(peer)), &question, PATIENCE)
        .await
        .ok()?;
    let listed: Listed = serde_json::from_slice(&reply.body)
        .ok()
        .filter(|_| reply.status == 200)?;
    let names = listed
        .data
        .into_iter()
        .map(|entry| entry.id)
        .filter(|id| id.len() <= LONGEST);
    Some(names.take(MOST).collect())
}
