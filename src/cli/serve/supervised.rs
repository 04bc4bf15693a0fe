//! `serve --supervised`: a wrong configuration is no reason to end.
//!
//! A supervisor restarts what ends, so that a typing mistake would become a restart loop. Instead the last good
//! configuration serves; where there is none, or the files that it names are wrong too, the admin port says what is wrong
//! until that is mended. Only a crash and a port in use are left for the supervisor.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{explain, start};
use crate::cli::check;
use crate::cli::output::complain;
use crate::cli::{Context, Exit};
use crate::config::{self, Loaded};
use crate::server::waiting_room::{self, Ended};
use crate::snapshot::last_good;

/// `state_dir` is where the supervisor says that the gateway keeps its state.
pub fn run(context: Context, state_dir: Option<&Path>) -> Exit {
    match serviceable(&context, state_dir) {
        Some((loaded, rejected)) => match start(context, loaded, rejected) {
            Ok(()) => Exit::Done,
            Err(error) => explain(&error),
        },
        None => wait(&context),
    }
}

/// A configuration that can serve, and what is wrong with the file where it is an earlier one.
fn serviceable(context: &Context, state_dir: Option<&Path>) -> Option<(Loaded, Vec<String>)> {
    let mistakes = match examined(config::load(&context.source, &context.environment)) {
        Ok(loaded) => return Some((loaded, Vec::new())),
        Err(mistakes) => mistakes,
    };
    let loaded = match earlier(context, state_dir) {
        Ok(loaded) => loaded,
        Err(why) => {
            complain(&format!("sidegate: no earlier configuration serves: {why}"));
            return None;
        }
    };
    complain(&format!(
        "sidegate: the configuration is wrong, so the last good one serves:\n{}",
        mistakes.join("\n")
    ));
    Some((loaded, mistakes))
}

fn earlier(context: &Context, named: Option<&Path>) -> Result<Loaded, String> {
    let state_dir = state_dir(context, named);
    let name = last_good::path(&state_dir).display().to_string();
    let text = last_good::read(&state_dir).ok_or_else(|| {
        format!(
            "{name} isn't there; if state_dir is another one, `serve --supervised --state-dir DIR` names it"
        )
    })?;
    let loaded = examined(config::load_text(&name, &text, &context.environment));
    loaded.map_err(|mistakes| format!("{name} is wrong too:\n{}", mistakes.join("\n")))
}

/// What the file says counts first: the supervisor's own word may be older. The usual folder comes last, since it may be
/// another gateway's.
fn state_dir(context: &Context, named: Option<&Path>) -> PathBuf {
    let (source, environment) = (&context.source, &context.environment);
    config::said_state_dir(source, environment)
        .or_else(|| named.map(Path::to_owned))
        .unwrap_or_else(|| config::state_dir(source, environment))
}

/// The same with the files that it names.
fn examined(loaded: Result<Loaded, config::Mistakes>) -> Result<Loaded, Vec<String>> {
    let loaded = loaded.map_err(|mistakes| texts(&mistakes))?;
    match check::examine(&loaded.config).mistakes {
        mistakes if mistakes.is_empty() => Ok(loaded),
        mistakes => Err(mistakes),
    }
}

fn texts(mistakes: &config::Mistakes) -> Vec<String> {
    mistakes.iter().map(ToString::to_string).collect()
}

/// Waits at the admin port, then begins anew with everything.
fn wait(context: &Context) -> Exit {
    let mistakes = || {
        let loaded = config::load(&context.source, &context.environment);
        examined(loaded).err().unwrap_or_default()
    };
    let tell = |mistakes: &[String]| {
        if !mistakes.is_empty() {
            let list = mistakes.join("\n");
            complain(&format!("sidegate: waiting for this to be mended:\n{list}"));
        }
    };
    let admin = config::admin(&context.source, &context.environment);
    match waiting_room::wait(admin, mistakes, tell) {
        Ok(Ended::Stopped) => Exit::Done,
        Ok(Ended::Mended) => begin_anew(),
        Err(error) => explain(&error),
    }
}

/// The same process with the same arguments: to a supervisor nothing has happened.
fn begin_anew() -> Exit {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let error = match std::env::current_exe() {
        Ok(program) => Command::new(program).args(arguments).exec(),
        Err(error) => error,
    };
    complain(&format!(
        "sidegate: the configuration is mended, but the gateway can't begin anew: {error}"
    ));
    Exit::Internal
}
