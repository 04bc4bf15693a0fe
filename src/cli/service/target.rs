//! Whose gateway it is, by which configuration it runs, and where its files are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::model_server::Wish;
use super::{advice, manager, Arguments};
use crate::cli::output::complain;
use crate::cli::{Context, Exit};
use crate::config::{self, Config, Environment, Source};
use crate::platform;
use crate::service::{Facts, Manager, ModelServer, Owner, Place, Service, Tool, Unfit, Values};

/// Often enough for a process that ends at once, seldom enough for one that drains.
const PAUSE: Duration = Duration::from_millis(200);

/// What the three actions are about.
pub struct Target {
    pub service: Service,
    home: PathBuf,
    source: Source,
    /// Set here, and not for what a supervisor starts.
    overriding: Vec<&'static str>,
}

/// # Errors
/// Nobody it could run as; that was said.
pub fn find(
    context: &Context,
    named: bool,
    arguments: &Arguments,
    needs_root: bool,
) -> Result<Target, Exit> {
    let manager = manager(arguments);
    let is_root = platform::is_root();
    let (owner, home, source) = match &arguments.user {
        Some(name) if needs_root && !is_root => {
            return refuse(&format!("--user {name} is for root: put `sudo` in front"));
        }
        Some(name) => {
            let account = platform::account(name).map_err(|text| fail(&text, Exit::Usage))?;
            // Not what this shell would find: neither its folder nor its home is the account's.
            let source = match named {
                true => context.source.clone(),
                false => Source::File(account.home.join(".sidegate/sidegate.yaml")),
            };
            let owner = Owner::Account {
                name: account.name,
                user: account.user,
                group: account.group,
            };
            (owner, account.home, source)
        }
        // A stand-in for a supervisor, on a machine whose tests run as root, has no such rule.
        None if is_root && arguments.manager.is_none() => {
            return refuse(
                "as root, say whose gateway it is: --user NAME; your own needs no `sudo`",
            );
        }
        None => {
            let home = context
                .environment
                .home()
                .filter(|home| home.starts_with('/'));
            let home =
                home.ok_or_else(|| fail("HOME is not set to a whole path", Exit::Failure))?;
            let owner = Owner::Login(platform::login_user());
            (owner, PathBuf::from(home), context.source.clone())
        }
    };
    let place = Place::new(manager, owner, &home, Path::new("/"));
    Ok(Target {
        service: Service {
            place,
            tool: Tool::new(manager.command()),
            pause: PAUSE,
            sleep: std::thread::sleep,
            say: complain,
        },
        home,
        source,
        overriding: context.environment.overriding(),
    })
}

impl Target {
    /// What the templates are filled with. Everything that may surprise about it is said.
    ///
    /// # Errors
    /// The configuration is no file or a broken one, or a path can't be written down; that was said.
    pub fn values(&self, model_server: Option<&Wish>) -> Result<Values, Exit> {
        let Source::File(path) = &self.source else {
            let text = "a service sees no variables of this shell, so its configuration has to be a file: write \
                ~/.sidegate/sidegate.yaml, or name one with --config FILE";
            return Err(fail(text, Exit::Configuration));
        };
        let home = self.home.to_string_lossy();
        // As the service will: with none of the other variables.
        let environment = Environment::from_pairs([("HOME", home.as_ref())]);
        let loaded = config::load(&self.source, &environment);
        let config = loaded.map_err(|mistakes| {
            complain(&mistakes.to_string());
            Exit::Configuration
        })?;
        let config = config.config;
        let program = program()?;
        let launchd = self.service.place.manager == Manager::Launchd;
        let used = [program.as_path(), path, &config.state_dir];
        if launchd {
            advice::of_protected_folders(&self.home, &used);
        }
        advice::of_variables(&self.overriding);
        let wanted = model_server.map(|wish| wish.wanted(&config));
        let server = wanted
            .transpose()
            .map_err(|text| fail(&text, Exit::Usage))?;
        let server = server.flatten();
        let place = &self.service.place;
        let values = expected(&program, path, &self.home, place, &config, server.as_ref());
        values.map_err(|wrong| explain(&wrong))
    }
}

/// What the files of a place should say now.
///
/// # Errors
/// Everything that can't be written down.
pub fn expected(
    program: &Path,
    file: &Path,
    home: &Path,
    place: &Place,
    config: &Config,
    model_server: Option<&ModelServer>,
) -> Result<Values, Vec<Unfit>> {
    Values::try_new(&Facts {
        program,
        config: file,
        home,
        output: &place.output,
        archive: &config.state_dir.join("disk"),
        account: match &place.owner {
            Owner::Login(_) => None,
            Owner::Account { name, .. } => Some(name),
        },
        drain: config.drain,
        state_dir: &config.state_dir,
        model_server,
    })
}

fn program() -> Result<PathBuf, Exit> {
    let program = std::env::current_exe().ok().filter(|path| path.is_file());
    program.ok_or_else(|| {
        fail(
            "this program isn't where it was started from any more",
            Exit::Failure,
        )
    })
}

fn explain(wrong: &[Unfit]) -> Exit {
    for unfit in wrong {
        complain(&format!("sidegate: {unfit}"));
    }
    Exit::Failure
}

fn refuse<T>(text: &str) -> Result<T, Exit> {
    Err(fail(text, Exit::Usage))
}

fn fail(text: &str, exit: Exit) -> Exit {
    complain(&format!("sidegate: {text}"));
    exit
}
