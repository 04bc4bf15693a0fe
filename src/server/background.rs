//! Work beside the requests that needs the runtime: what upstreams are asked, how full disks are, and the counts of budgets.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::server::ShutdownWatch;
use pingora::services::background::{background_service, BackgroundService, GenBackgroundService};

use crate::snapshot::{
    learn_slots_for_ever, measure_disks_for_ever, probe_for_ever, read_pressure_for_ever,
    save_budgets_for_ever, share_budgets_for_ever, Shared,
};

/// Asks until the process drains, counts until it ends.
pub struct Background {
    shared: Arc<Shared>,
}

/// The service that Pingora runs.
pub fn work(shared: &Arc<Shared>) -> GenBackgroundService<Background> {
    background_service(
        "background",
        Background {
            shared: Arc::clone(shared),
        },
    )
}

#[async_trait]
impl BackgroundService for Background {
    async fn start(&self, mut shutdown: ShutdownWatch) {
        let shared = || Arc::clone(&self.shared);
        let asking = async {
            tokio::select! {
                () = probe_for_ever(shared()) => {}
                () = learn_slots_for_ever(shared()) => {}
                () = read_pressure_for_ever(shared()) => {}
                () = measure_disks_for_ever(shared()) => {}
                _ = shutdown.changed() => {}
            }
        };
        // Streams that end while the gateway drains are booked too.
        let counting = async {
            tokio::join!(
                save_budgets_for_ever(shared()),
                share_budgets_for_ever(shared())
            )
        };
        tokio::join!(asking, counting);
    }
}
