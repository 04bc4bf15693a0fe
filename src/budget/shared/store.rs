//! Where the shared store is.

use std::fmt;
use std::time::Duration;

/// A request waits for other gateways' counts no longer than this: a twentieth of a second goes unnoticed before a model's
/// first token, and a store on the same network answers in a fiftieth of it.
const PATIENCE: Duration = Duration::from_millis(50);

/// Where counts are shared, and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    pub address: Address,
    /// For one exchange, and for a request that waits for it.
    pub patience: Duration,
}

impl From<Address> for Store {
    fn from(address: Address) -> Store {
        Store {
            address,
            patience: PATIENCE,
        }
    }
}

/// The address of a Redis, such as `redis://127.0.0.1:6379/0`. What stands before an `@` is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    pub fn new(text: &str) -> Address {
        Address(text.to_owned())
    }

    /// All of it, for the connection.
    pub(super) fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return out.write_str("…");
        };
        // A password may hold anything, an `@` or a `/` too; a query may hold one as well.
        let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        let place = place.split(['?', '#']).next().unwrap_or_default();
        write!(out, "{scheme}://{place}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_shown() {
        for text in [
            "redis://:hunter2@127.0.0.1:6379/1",
            "rediss://user:hunter2@127.0.0.1:6379/1",
            "redis://user:p@hunter2@127.0.0.1:6379/1",
            "redis://127.0.0.1:6379/1?password=hunter2",
            "redis://127.0.0.1:6379/1#hunter2",
            "hunter2",
        ] {
            let address = Address::new(text);
            for shown in [address.to_string(), format!("{address:?}")] {
                assert!(!shown.contains("hunter2"), "{shown}");
            }
        }
        let plain = Address::new("redis://127.0.0.1:6379/1");
        assert_eq!(plain.to_string(), "redis://127.0.0.1:6379/1");
    }
}
