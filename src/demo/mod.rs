//! `sidegate demo`: a whole gateway to try, with two stand-in upstreams inside the process and nothing to set up.
//!
//! Its configuration is written as YAML into a temporary folder and read like any other, so that what is shown here is
//! what `serve` does. All that it writes is in that folder, which goes when the demo ends; the environment reaches
//! nothing of it, because a token file or a port named there belongs to the real gateway.

mod answer;
mod banner;
mod folder;
mod lesson;
mod places;
mod plain;
mod speech;
mod stand_in;
mod streamed;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use crate::caller::{self, NewToken, Scopes};
use crate::config::{self, Environment, Source};
use crate::server::{Ports, Start};

use folder::Folder;
use places::Places;
use stand_in::StandIns;

/// What the demo's caller may do: everything but change the gateway.
const SCOPES: &str = "invoke:*,lane:*,models";

/// The manifests that it has, which are the ones that come with the program.
const SKILLS: [(&str, &str); 2] = [
    ("hello.yaml", include_str!("../../conf/skills/hello.yaml")),
    ("report.yaml", include_str!("../../conf/skills/report.yaml")),
];

/// Where the demo would like to listen, and what is random about it.
pub struct Wishes<'a> {
    /// Taken where they are free.
    pub listen: SocketAddr,
    pub admin: SocketAddr,
    /// The system's folder for temporary files.
    pub temporary: &'a Path,
    pub random: [u8; 32],
}

/// Why there is no demo.
#[derive(Debug)]
pub enum DemoError {
    /// The folder, a file in it, or a port of a stand-in couldn't be had.
    System {
        doing: &'static str,
        source: io::Error,
    },
    /// The configuration made here isn't valid: a mistake of this program's.
    Broken(String),
}

/// Makes everything that the demo needs; it runs once this is given to [`crate::server::run`].
///
/// `say` gets the text for the person who started it, once both ports answer.
///
/// # Errors
/// See [`DemoError`].
pub fn prepare(
    wishes: &Wishes<'_>,
    say: impl FnOnce(&str) + Send + 'static,
) -> Result<Start, DemoError> {
    let folder = Folder::make(wishes.temporary).map_err(failed("make a temporary folder"))?;
    let stand_ins = StandIns::start().map_err(failed("start the stand-in upstreams"))?;
    let secret = caller::secret_from(wishes.random);
    write_token(&folder, &secret)?;
    let skills = folder.write_skills(&SKILLS);
    skills.map_err(failed("write the skills"))?;
    let places = Places {
        listen: crate::server::pick_free_port(wishes.listen),
        admin: crate::server::pick_free_port(wishes.admin),
        stand_ins: stand_ins.addresses(),
        folder: folder.path().to_owned(),
    };
    let text = places.yaml();
    let file = folder
        .write("sidegate.yaml", &text)
        .map_err(failed("write the configuration"))?;
    let environment = environment(&folder);
    let loaded = config::load_text(&file.display().to_string(), &text, &environment)
        .map_err(|mistakes| DemoError::Broken(mistakes.to_string()))?;
    let wished = Ports {
        listen: wishes.listen,
        admin: wishes.admin,
    };
    let kept = folder.path().to_owned();
    Ok(Start {
        loaded,
        source: Source::File(file),
        environment,
        rejected: Vec::new(),
        on_ready: Box::new(move |ports| {
            say(&banner::text(ports, &wished, &secret, &kept));
        }),
        on_exit: Box::new(move || {
            drop(stand_ins);
            drop(folder);
        }),
    })
}

/// A home of its own: `~` in a default must not lead to the user's.
fn environment(folder: &Folder) -> Environment {
    let home = folder.path().display().to_string();
    Environment::from_pairs([("HOME", home.as_str())])
}

fn write_token(folder: &Folder, secret: &str) -> Result<(), DemoError> {
    let broken = |why: &dyn fmt::Display| DemoError::Broken(why.to_string());
    let scopes = Scopes::parse(SCOPES).map_err(|why| broken(&why.join("; ")))?;
    let token = NewToken {
        name: "demo",
        scopes: &scopes,
        expires: None,
        skill: None,
        secret,
    };
    let line = caller::new_entry("", token).map_err(|error| broken(&error))?;
    caller::change_token_file(&folder.path().join("token"), |_| Ok(line))
        .map_err(|error| broken(&error))
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> DemoError {
    move |source| DemoError::System { doing, source }
}

impl fmt::Display for DemoError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DemoError::System { doing, source } => write!(out, "cannot {doing}: {source}"),
            DemoError::Broken(why) => write!(out, "the demo's own files are not valid: {why}"),
        }
    }
}

impl std::error::Error for DemoError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DemoError::System { source, .. } => Some(source),
            DemoError::Broken(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
