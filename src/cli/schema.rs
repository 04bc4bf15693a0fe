//! `sidegate schema`: the JSON Schema of the configuration, for editors.

use super::output::show;
use super::Exit;
use crate::config;

pub fn run() -> Exit {
    show(&format!("{:#}\n", config::json_schema()));
    Exit::Done
}
