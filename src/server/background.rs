//! Work beside the requests that needs the runtime: what upstreams are asked beside them.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::{background_service, BackgroundService, GenBackgroundService};

use crate::snapshot::{learn_slots_for_ever, probe_for_ever, Shared};

/// Probes upstreams until the process drains.
pub struct Probes {
    shared: Arc<Shared>,
}

/// The service that Pingora runs.
pub fn probes(shared: &Arc<Shared>) -> GenBackgroundService<Probes> {
    background_service(
        "probes",
        Probes {
            shared: Arc::clone(shared),
        },
    )
}

#[async_trait]
impl BackgroundService for Probes {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        tokio::select! {
            () = probe_for_ever(Arc::clone(&self.shared)) => {}
            () = learn_slots_for_ever(Arc::clone(&self.shared)) => {}
            _ = shutdown.changed() => {}
        }
    }
}
