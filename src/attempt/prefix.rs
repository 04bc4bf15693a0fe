//! Which target a request with a known beginning goes to, so that it finds its prompt in that target's cache.
//!
//! Rendezvous hashing: each target draws a number for each beginning, and the highest one wins. A target that goes takes
//! only its own beginnings with it, one that comes takes an even share from all. The load is bounded (Mirrokni, Thorup and
//! Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018): a target that has more than [`ROOM_QUARTERS`] of its
//! fair share of what all have is passed over for the next in the order, because to wait behind a full server takes longer
//! than to read the prompt again.
//!
//! The order depends on names alone, so gateways on several hosts agree when their upstreams have the same names and the
//! gateways are of one build: Rust may change this hash from one release to the next, which costs cache hits once.

use std::hash::{DefaultHasher, Hasher};

/// A target may have five quarters of its fair share. With less room more requests miss their cache, with more the busiest
/// target gets busier.
const ROOM_QUARTERS: u128 = 5;

/// One of the targets to choose among.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// From [`identity`].
    pub identity: u64,
    pub weight: u32,
    /// Requests there now.
    pub requests: u32,
}

/// What a target is known by wherever it is configured; none is the model that the client asks for.
pub fn identity(upstream: &str, model: Option<&str>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(upstream.as_bytes());
    // No byte of UTF-8, so that no two pairs run into each other.
    hasher.write_u8(0xff);
    hasher.write(model.unwrap_or_default().as_bytes());
    hasher.finish()
}

/// The place of the site for requests that begin with `key`: the first in its order that has room.
pub fn choose(key: u64, sites: &[Site]) -> Option<usize> {
    let all = Share::of(sites);
    let mut best: Option<(usize, bool, f64)> = None;
    for (place, site) in sites.iter().enumerate() {
        let (has_room, draw) = (all.leaves_room_at(site), draw(key, site));
        // One always has room: all rooms together are more than what all have.
        let is_better = best.is_none_or(|(_, room, drawn)| (has_room, draw) > (room, drawn));
        if is_better {
            best = Some((place, has_room, draw));
        }
    }
    best.map(|(place, ..)| place)
}

/// What all sites have to share.
struct Share {
    requests: u128,
    weights: u128,
}

impl Share {
    fn of(sites: &[Site]) -> Share {
        Share {
            requests: sites.iter().map(|site| u128::from(site.requests)).sum(),
            weights: sites.iter().map(|site| u128::from(weight(site))).sum(),
        }
    }

    /// Whether one more request stays within the bound, counted up to a whole one: `requests < ceil(1.25 × share)`.
    ///
    /// The fair share counts the request that is being placed, so that an idle site always has room, and one with one
    /// request beside an idle one too.
    fn leaves_room_at(&self, site: &Site) -> bool {
        let share = ROOM_QUARTERS * (self.requests + 1) * u128::from(weight(site));
        u128::from(site.requests) * 4 * self.weights < share
    }
}

/// A number above 0 that depends on nothing but the key and the site; a site of twice the weight has the highest one twice
/// as often (`-weight / ln(uniform)`).
fn draw(key: u64, site: &Site) -> f64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(&key.to_le_bytes());
    hasher.write(&site.identity.to_le_bytes());
    // 53 bits are what a double holds; the half keeps the number away from 0 and from 1.
    let uniform = ((hasher.finish() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -f64::from(weight(site)) / uniform.ln()
}

fn weight(site: &Site) -> u32 {
    site.weight.max(1)
}

#[cfg(test)]
mod tests;
