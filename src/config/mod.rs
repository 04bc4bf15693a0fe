//! Makes one checked, immutable [`Config`] out of a file, the environment and the defaults.
//!
//! The way of a value: `source` finds the file, `file` reads it with the place of every node,
//! `overlay` lays the environment over it, `withhold` takes out what looks like a secret,
//! `check` reads it against the `keys` and reports every problem in one go. Nobody else reads
//! files or the environment; what gets past here is valid, so nobody checks it again.
//!
//! The tables in `keys` are the only list of what may be written. The checker, the JSON Schema and
//! the defaults all come from them; a key that is not there doesn't exist.

mod check;
mod duration;
mod environment;
mod error;
mod explain;
mod file;
mod header;
mod host;
mod keys;
mod kind;
mod load;
mod model;
mod near;
mod overlay;
mod parse;
mod reader;
mod rules;
mod schema;
mod secret;
mod size;
mod source;
mod url;
mod withhold;
mod words;

pub use duration::{print as print_duration, read as read_duration};
pub use environment::Environment;
pub use error::{Mistake, Mistakes, Place};
pub use explain::explain;
pub use keys::COOL_DOWN_MAX;
pub use load::{admin, load, load_text, said_state_dir, state_dir, Loaded};
pub use model::*;
pub use reader::Origin;
pub use schema::json_schema;
pub use secret::{read_key, read_private, PrivateFile, PrivateFileError, Secret, Unfit};
pub use size::print as print_size;
pub use source::{find, Source};
pub use words::Word;

/// What reads a file by key tables, for the other files that an operator writes: the manifests of skills.
pub mod kit {
    pub use super::check::read_budget;
    pub use super::error::{listed, plain, shown, Refusal};
    pub use super::file::{parse, Entry, Node, Value};
    pub use super::keys::{BUDGET, TOKENS};
    pub use super::kind::{Key, Kind, Rule, Table};
    pub use super::near::did_you_mean;
    pub use super::reader::{Findings, Found, Placed, Reader, Section};
    pub use super::rules::{check_name, NAME_ACCEPTS, NAME_PATTERN};
    pub use super::withhold::withhold;
    pub use super::words::words;
}

#[cfg(test)]
mod tests;
