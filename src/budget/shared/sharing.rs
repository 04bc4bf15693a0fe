//! Whether gateways count together, and who hears of it when that changes.

use std::time::SystemTime;

use super::store::Address;
use super::why::Why;
use crate::budget::budgets::{Budgets, Door};

/// Whether counts are shared with other gateways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sharing {
    /// There is nobody to share them with.
    Off,
    Together,
    /// The store is away: our own count and what was last seen of the others' is all there is.
    Alone {
        since: SystemTime,
        because: Why,
    },
}

/// Opens the door through which requests ask.
pub(super) fn together(budgets: &Budgets, door: Door, address: &Address) {
    budgets.set_sharing(Sharing::Together, Some(door));
    log::info!("budgets: counted together with all gateways that use {address}");
}

/// Closes it. Logged when it was open, or when the first attempt failed; the reason may change without a word.
pub(super) fn alone(budgets: &Budgets, because: Why, address: &Address, now: SystemTime) {
    let before = budgets.sharing();
    let since = match &before {
        Sharing::Alone { since, .. } => *since,
        Sharing::Off | Sharing::Together => now,
    };
    budgets.set_sharing(Sharing::Alone { since, because }, None);
    let was_told = match before {
        Sharing::Alone { because, .. } => because != Why::NotYet && because != Why::NameTaken,
        Sharing::Off | Sharing::Together => because == Why::NotYet,
    };
    if !was_told {
        log::warn!("budgets: counted by this gateway alone from now on; {address}: {because}");
    }
}
