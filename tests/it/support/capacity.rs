//! The mode of few places: `SIDEGATE_TEST_CAPACITY=1 cargo test --test it attempts::`.
//!
//! Every lane and every upstream has so many places, unless the test says how many it needs. A place that is lost on some
//! way out then keeps the next request waiting, and the last law of each test sends one more to see.

/// So many places instead of the shipped ones; `None` in an ordinary run.
pub fn wanted() -> Option<u64> {
    let text = std::env::var("SIDEGATE_TEST_CAPACITY").ok()?;
    Some(text.parse().expect("SIDEGATE_TEST_CAPACITY is a number"))
}

pub fn is_small() -> bool {
    wanted().is_some()
}
