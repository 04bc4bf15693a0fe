//! Keeps the counts of budgets: on disk each second, and with other gateways where the configuration names a Redis.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::budget::{share, Address};
use crate::clock;

/// A crash forgets no more than what came after the last save.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Saves for as long as the process lives.
pub async fn save_budgets_for_ever(shared: Arc<Shared>) {
    loop {
        tokio::time::sleep(SAVE_EVERY).await;
        let budgets = shared.budgets.clone();
        // A slow disk holds up nobody who serves.
        if tokio::task::spawn_blocking(move || budgets.save_if_changed())
            .await
            .is_err()
        {
            log::error!("saving the budgets failed: this is a mistake in sidegate");
        }
    }
}

/// Counts together with other gateways for as long as the process lives; each reload is taken in within a second.
pub async fn share_budgets_for_ever(shared: Arc<Shared>) {
    loop {
        let address = shared.snapshot().config.shared_redis.clone();
        let changed = until_changed(&shared, address.as_deref());
        match &address {
            None => changed.await,
            Some(text) => tokio::select! {
                () = share(shared.budgets.clone(), Address::new(text), clock::wall) => {}
                () = changed => {}
            },
        }
    }
}

async fn until_changed(shared: &Shared, address: Option<&str>) {
    while shared.snapshot().config.shared_redis.as_deref() == address {
        tokio::time::sleep(SAVE_EVERY).await;
    }
}
