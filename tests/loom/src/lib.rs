//! The gateway's breaker, without the gateway: the very same files, for the model checker in `tests/`.

/// Stands in for the one number that the breaker takes from the configuration.
pub mod config {
    use std::time::Duration;

    pub const COOL_DOWN_MAX: Duration = Duration::from_secs(24 * 60 * 60);
}

#[path = "../../../src/breaker"]
pub mod breaker {
    pub mod cell;
    pub mod claim;
    pub mod state;
    pub mod time;
    pub mod word;
}
