//! What lives as long as the process: the current snapshot, memory and places, logs and metrics.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::disks::Disks;
use super::model_list::ModelLists;
use super::Snapshot;
use crate::admit::{Admission, LastWait, PerLane};
use crate::breaker::Breakers;
use crate::budget::{AccountLimits, Budgets, Scope};
use crate::clock;
use crate::gate::Watches;
use crate::limits::Pool;
use crate::platform;
use crate::record::status::{Recent, RecentFailure};
use crate::record::trace::{Process, Spans};
use crate::record::{LogFiles, Metrics, Sequence};

/// `/status` shows this many failures.
const RECENT_FAILURES: usize = 50;

/// Large bodies that are held against a schema at the same time.
const LARGE_CHECKS: usize = 2;

/// What is made before the first snapshot and lives as long as the process.
pub struct Lasting {
    pub logs: Arc<LogFiles>,
    pub metrics: Arc<Metrics>,
    pub breakers: Breakers,
    pub admission: Arc<Admission>,
    pub budgets: Budgets,
    /// This build's, for spans.
    pub version: &'static str,
}

/// Shared by the listeners, the reloader and the signal handler.
pub struct Shared {
    current: ArcSwap<Snapshot>,
    /// This process among all gateways, for `x-sidegate-hop`.
    pub hop_name: String,
    pub started: Instant,
    pub started_wall: SystemTime,
    /// The addresses that are really bound.
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    /// Memory for request bodies, in bytes.
    pub bodies: Arc<Pool>,
    /// Places for client connections.
    pub connections: Arc<Pool>,
    /// Places in lanes and at upstreams.
    pub admission: Arc<Admission>,
    /// Tokens and requests that callers, routes and skills may spend.
    pub budgets: Budgets,
    /// Sends spans where the configuration says so.
    pub spans: Spans,
    /// Places for holding a large body against its skill's schema: each takes memory for a tree of the body.
    pub large_checks: Arc<Semaphore>,
    /// Held while limits change, so that they are always those of the snapshot that serves.
    changing_places: Mutex<()>,
    /// Requests that wait between two attempts, and may hold no place meanwhile.
    pub resting: PerLane<Arc<Pool>>,
    /// How long one waits for them these days.
    pub queue_waits: PerLane<LastWait>,
    /// Requests under way.
    requests: Arc<Pool>,
    /// Connections to upstreams.
    pub watches: Arc<Watches>,
    draining: AtomicBool,
    pub logs: Arc<LogFiles>,
    pub metrics: Arc<Metrics>,
    pub breakers: Breakers,
    pub access_sequence: Sequence,
    pub recent_failures: Recent<RecentFailure>,
    pub(super) model_lists: ModelLists,
    /// How full the watched volumes are.
    pub disks: Disks,
    generations: AtomicU64,
}

impl Shared {
    pub fn new(
        snapshot: Snapshot,
        listen: SocketAddr,
        admin: SocketAddr,
        lasting: Lasting,
    ) -> Shared {
        let Lasting {
            logs,
            metrics,
            breakers,
            admission,
            budgets,
            version,
        } = lasting;
        let hop_name = format!("{:016x}", rand::random::<u64>());
        let spans = Spans::new(Process {
            version,
            instance: hop_name.clone(),
        });
        spans.configure(snapshot.config.telemetry.as_ref());
        metrics.serving(&snapshot.config, snapshot.generation);
        set_places(&admission, &snapshot);
        budgets.configure(&limits_of(&snapshot), clock::wall());
        let limits = &snapshot.config.limits;
        Shared {
            hop_name,
            spans,
            started: clock::now(),
            started_wall: clock::wall(),
            listen,
            admin,
            bodies: Pool::new(limits.bodies_in_flight),
            connections: Pool::new(connections(limits.connections)),
            admission,
            budgets,
            large_checks: Arc::new(Semaphore::new(LARGE_CHECKS)),
            changing_places: Mutex::default(),
            resting: PerLane {
                interactive: Pool::new(u64::MAX),
                batch: Pool::new(u64::MAX),
            },
            queue_waits: PerLane::default(),
            requests: Pool::new(u64::MAX),
            watches: Arc::default(),
            draining: AtomicBool::new(false),
            logs,
            metrics,
            breakers,
            access_sequence: Sequence::default(),
            recent_failures: Recent::new(RECENT_FAILURES),
            model_lists: ModelLists::default(),
            disks: Disks::default(),
            generations: AtomicU64::new(snapshot.generation),
            current: ArcSwap::from_pointee(snapshot),
        }
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// The number of the next snapshot; a rejected one uses none up.
    pub fn next_generation(&self) -> u64 {
        self.generations.load(Ordering::Relaxed) + 1
    }

    /// From now on requests start with `snapshot`.
    pub fn serve(&self, snapshot: Snapshot) {
        self.generations
            .store(snapshot.generation, Ordering::Relaxed);
        self.metrics.serving(&snapshot.config, snapshot.generation);
        let limits = &snapshot.config.limits;
        self.bodies.set_capacity(limits.bodies_in_flight);
        self.connections
            .set_capacity(connections(limits.connections));
        self.spans.configure(snapshot.config.telemetry.as_ref());
        let _alone = self.changing_places();
        set_places(&self.admission, &snapshot);
        self.budgets.configure(&limits_of(&snapshot), clock::wall());
        self.current.store(Arc::new(snapshot));
    }

    /// Puts the limits of what serves into effect.
    pub(super) fn set_places(&self) {
        let _alone = self.changing_places();
        set_places(&self.admission, &self.snapshot());
    }

    fn changing_places(&self) -> MutexGuard<'_, ()> {
        let lock = self.changing_places.lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    /// New requests are refused from now on, and so are those that wait for a place; those under way go on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.admission.close();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Counts a request until the returned value is dropped.
    pub fn enter(&self) -> Option<crate::limits::Share> {
        self.requests.try_take(1)
    }

    /// Ends every stream that still runs.
    pub fn interrupt_all(&self) {
        self.watches.interrupt_all();
    }

    /// Requests under way.
    pub fn requests(&self) -> u64 {
        self.requests.used()
    }
}

fn set_places(admission: &Arc<Admission>, snapshot: &Snapshot) {
    let config = &snapshot.config;
    admission.configure(
        &config.lanes,
        &snapshot.upstream_limits(),
        &config.callers.limits,
    );
}

/// Every account that has a limit.
fn limits_of(snapshot: &Snapshot) -> Vec<AccountLimits> {
    let config = &snapshot.config;
    let callers = config.callers.limits.iter();
    let callers = callers.map(|(name, limits)| AccountLimits {
        scope: Scope::Caller,
        name: name.clone(),
        budget: limits.budget,
        rate: limits.rate,
    });
    let routes = config.routes.iter().map(|route| AccountLimits {
        scope: Scope::Route,
        name: route.name.clone(),
        budget: route.budget,
        rate: None,
    });
    let skills = snapshot.skills.iter().map(|skill| AccountLimits {
        scope: Scope::Skill,
        name: skill.name.to_string(),
        budget: skill.budget,
        rate: None,
    });
    callers.chain(routes).chain(skills).collect()
}

/// Half of the descriptors: the other half is for upstreams, logs and listeners.
fn connections(configured: Option<u32>) -> u64 {
    configured.map_or_else(|| platform::descriptor_limit() / 2, u64::from)
}
