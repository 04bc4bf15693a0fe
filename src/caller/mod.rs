//! Who is calling: the token file, what a caller may do, and which hosts and origins may ask at all.
//!
//! Everything here decides on values that it is given; only [`token_store`] touches a file. No message
//! and no `Debug` in this folder repeats a secret, or a word of the token file that may be one.

mod bearer;
mod digest;
mod edit_error;
mod entry;
mod host;
mod identity;
mod line;
mod origin;
mod scopes;
mod spelling;
mod table;
mod token_edit;
mod token_file;
mod token_store;

pub use bearer::bearer;
pub use edit_error::{EditError, StoreError};
pub use host::HostRule;
pub use identity::{Caller, LaneRefused, DEFAULT_CALLER};
pub use origin::{
    allowed_origin, answer_headers, origin_allowed, preflight_headers, PREFLIGHT_STATUS,
};
pub use scopes::Scopes;
pub use table::{Refused, TokenTable};
pub use token_edit::{list, new_entry, plain_secret, revoke, rotate, secret_from, NewToken, Row};
pub use token_file::TokenMistake;
pub use token_store::{change_token_file, read_token_file};
