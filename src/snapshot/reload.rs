//! Reads the configuration again: everything is checked before anything changes, and a bad file changes nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{build, last_good, BuildError, Ingredients, Shared};
use crate::clock;
use crate::config::{self, Config, Environment, Loaded, Origin, Source};
use crate::record::labels::ReloadResult;
use crate::record::status::ReloadStatus;
use crate::record::LogOptions;
use crate::skill;

/// Knows where the configuration comes from and what the last try to read it came to.
pub struct Reloader {
    shared: Arc<Shared>,
    source: Source,
    environment: Environment,
    /// The state folder that the process has, whatever the file says by now.
    state_dir: PathBuf,
    state: Mutex<State>,
}

struct State {
    origins: Vec<Origin>,
    /// The values that a running process can't change, as they were at its start.
    started_with: Vec<(&'static str, String)>,
    pending: Vec<String>,
    last: Option<ReloadStatus>,
    last_change: Option<Earlier>,
}

/// One value that a reload changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// A reload that took.
#[derive(Debug, Clone)]
pub struct Reloaded {
    pub generation: u64,
    pub changes: Vec<Change>,
    /// Keys whose new value waits for a restart.
    pub pending: Vec<String>,
    /// Where nothing changed this time: what did before. A saved file is taken at once, so whoever saves it and then asks
    /// for a reload comes too late to see its changes.
    pub earlier: Option<Earlier>,
}

/// The last reload that changed a value.
#[derive(Debug, Clone)]
pub struct Earlier {
    pub generation: u64,
    pub at: SystemTime,
    pub changes: Vec<Change>,
}

impl Reloader {
    pub fn new(
        shared: Arc<Shared>,
        source: Source,
        environment: Environment,
        loaded_origins: Vec<Origin>,
    ) -> Reloader {
        let started_with = fixed(&shared.snapshot().config);
        let state_dir = shared.snapshot().config.state_dir.clone();
        Reloader {
            shared,
            source,
            environment,
            state_dir,
            state: Mutex::new(State {
                origins: loaded_origins,
                started_with,
                pending: Vec::new(),
                last: None,
                last_change: None,
            }),
        }
    }

    /// Keeps the text that serves for later starts; `rejected` is what is wrong with the file, where that is another one.
    pub fn keeping(self, text: Option<String>, rejected: Vec<String>) -> Reloader {
        if rejected.is_empty() {
            self.keep(text.as_deref());
        } else {
            self.state().last = Some(ReloadStatus {
                at: clock::wall(),
                result: ReloadResult::Rejected,
                mistakes: rejected,
            });
        }
        self.shared
            .metrics
            .set_file_good(self.state().last.is_none());
        self
    }

    fn keep(&self, text: Option<&str>) {
        if let Some(text) = text {
            last_good::keep(&self.state_dir, text);
        }
    }

    /// Reads and checks everything, then swaps; or says what is wrong and leaves all as it was.
    pub fn reload(&self) -> Result<Reloaded, Vec<String>> {
        // One at a time: two triggers at once must not swap in the older of two readings.
        let mut state = self.state();
        let result = self.try_reload(&mut state);
        let (outcome, mistakes) = match &result {
            Ok(_) => (ReloadResult::Ok, Vec::new()),
            Err(mistakes) => (ReloadResult::Rejected, mistakes.clone()),
        };
        self.shared.metrics.reloaded(outcome);
        self.shared.metrics.set_file_good(result.is_ok());
        for mistake in &mistakes {
            log::error!("configuration not taken: {mistake}");
        }
        if let Ok(reloaded) = &result {
            let count = reloaded.changes.len();
            log::info!(
                "configuration generation {} serves; {count} values changed",
                reloaded.generation
            );
        }
        state.last = Some(ReloadStatus {
            at: clock::wall(),
            result: outcome,
            mistakes,
        });
        result
    }

    fn try_reload(&self, state: &mut State) -> Result<Reloaded, Vec<String>> {
        let loaded = config::load(&self.source, &self.environment)
            .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        let Loaded {
            mut config,
            origins,
            text,
            ..
        } = loaded;
        config.listen = settled(config.listen, self.shared.listen);
        config.admin = settled(config.admin, self.shared.admin);
        stay_in(&self.state_dir, &mut config);
        let previous = self.shared.snapshot();
        let generation = self.shared.next_generation();
        let pending = pending(&state.started_with, &config);
        let with = Ingredients {
            generation,
            now: clock::wall(),
            listen: self.shared.listen,
            metrics: &self.shared.metrics,
            breakers: &self.shared.breakers,
            admission: &self.shared.admission,
            previous: Some(&previous),
        };
        let logs = config.logs.clone();
        let log_options = LogOptions::from(&config);
        let snapshot = build(config, &with).map_err(|BuildError(mistakes)| mistakes)?;
        self.shared
            .logs
            .reconfigure(&logs.dir, log_options)
            .map_err(|error| vec![format!("logs.dir: {error}")])?;
        log::set_max_level(logs.level);
        self.shared.serve(snapshot);
        self.keep(text.as_deref());
        let changes = diff(&state.origins, &origins);
        state.origins = origins;
        state.pending.clone_from(&pending);
        let earlier = match changes.as_slice() {
            [] => state.last_change.clone(),
            changes => {
                state.last_change = Some(Earlier {
                    generation,
                    at: with.now,
                    changes: changes.to_vec(),
                });
                None
            }
        };
        Ok(Reloaded {
            generation,
            changes,
            pending,
            earlier,
        })
    }

    pub fn last(&self) -> Option<ReloadStatus> {
        self.state().last.clone()
    }

    /// The folder that the process has, whatever the file says by now.
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Keys whose new value waits for a restart.
    pub fn pending(&self) -> Vec<String> {
        self.state().pending.clone()
    }

    /// The configuration file; none with the environment alone.
    pub fn file(&self) -> Option<PathBuf> {
        match &self.source {
            Source::File(path) => Some(path.clone()),
            _ => None,
        }
    }

    /// Every file whose change means a reload.
    pub fn watched(&self) -> Vec<PathBuf> {
        let snapshot = self.shared.snapshot();
        let config = &snapshot.config;
        let mut files: Vec<PathBuf> = self.file().into_iter().collect();
        files.push(config.callers.token_file.clone());
        for upstream in &config.upstreams {
            let tls = &upstream.tls;
            let named = [
                &upstream.key_file,
                &tls.ca_file,
                &tls.cert_file,
                &tls.key_file,
            ];
            files.extend(named.into_iter().flatten().cloned());
        }
        files.extend(skill::files(&config.skills_dir));
        files
    }

    pub fn started_at(&self) -> SystemTime {
        self.shared.started_wall
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Port 0 means whichever the system gave, and it has given one.
fn settled(configured: SocketAddr, bound: SocketAddr) -> SocketAddr {
    match configured.port() {
        0 => SocketAddr::new(configured.ip(), bound.port()),
        _ => configured,
    }
}

/// Folders below the state folder wait for the restart with it.
fn stay_in(state_dir: &Path, config: &mut Config) {
    for folder in [&mut config.logs.dir, &mut config.skills_dir] {
        if let Ok(below) = folder.strip_prefix(&config.state_dir) {
            *folder = state_dir.join(below);
        }
    }
}

/// What a running process can't change.
fn fixed(config: &Config) -> Vec<(&'static str, String)> {
    vec![
        ("listen", config.listen.to_string()),
        ("tls", format!("{:?}", config.tls)),
        ("admin", config.admin.to_string()),
        ("state_dir", config.state_dir.display().to_string()),
        ("threads", config.threads.to_string()),
    ]
}

fn pending(started_with: &[(&'static str, String)], config: &Config) -> Vec<String> {
    let now = fixed(config);
    let differing = started_with
        .iter()
        .zip(&now)
        .filter(|(then, now)| then.1 != now.1);
    differing.map(|(then, _)| then.0.to_owned()).collect()
}

/// The values that differ, in the order of the new configuration; what is gone comes last.
fn diff(before: &[Origin], after: &[Origin]) -> Vec<Change> {
    let value_in = |list: &[Origin], path: &str| {
        list.iter()
            .find(|origin| origin.path == path)
            .map(|origin| origin.value.clone())
    };
    let mut changes = Vec::new();
    for origin in after {
        let old = value_in(before, &origin.path);
        if old.as_ref() != Some(&origin.value) {
            let after = Some(origin.value.clone());
            changes.push(Change {
                path: origin.path.clone(),
                before: old,
                after,
            });
        }
    }
    for origin in before {
        if value_in(after, &origin.path).is_none() {
            let before = Some(origin.value.clone());
            changes.push(Change {
                path: origin.path.clone(),
                before,
                after: None,
            });
        }
    }
    changes
}
