//! The only place that asks the operating system for something std doesn't offer.

mod account;
mod boot;
mod descriptors;
mod mapping;
mod pages;
mod socket;
mod system;

pub use account::{account, Account};
pub use boot::{boot_id, since_boot, BootId};
pub use descriptors::{descriptor_limit, raise_descriptor_limit};
pub use mapping::*;
pub use pages::use_small_pages;
pub use socket::SocketWatch;
pub use system::is_macos;
