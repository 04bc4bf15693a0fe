//! What models an upstream says it has, for routes that pass any name through; kept for half a minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::prober::get;
use super::{Shared, Snapshot};
use crate::clock;

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
        let names = fetch(upstream).await.unwrap_or_default();
        self.model_lists
            .known()
            .insert(upstream.config.name.clone(), (now, names.clone()));
        names
    }
}

async fn fetch(upstream: &super::Upstream) -> Option<Vec<String>> {
    let path = format!("{}/models", upstream.config.url.base_path);
    let reply = get(upstream, &path, PATIENCE).await.ok()?;
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
