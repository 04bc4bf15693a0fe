//! The only place that asks the operating system for something std doesn't offer.

mod descriptors;
mod socket;

pub use descriptors::{descriptor_limit, raise_descriptor_limit};
pub use socket::SocketWatch;
