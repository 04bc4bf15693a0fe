//! LISTEN: makes one process out of everything else: sockets, Pingora's server, signals, drain.
//!
//! Pingora stays alive without a listener when a port is in use, dies of SIGHUP, and sleeps its whole grace period after
//! SIGTERM. So ports are tried before it starts, signals are taken before anything else, and we leave when the last
//! request has.

mod announce;
mod background;
mod drain;
mod examine;
mod listen;
mod signals;
mod spare;
mod state_dir;
pub mod waiting_room;
mod watch_files;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use log::LevelFilter;
use pingora::server::configuration::ServerConf;
use pingora::server::{RunArgs, Server};
use pingora::services::listening::Service;
use pingora_proxy::ProxyServiceBuilder;

use crate::admin::Admin;
use crate::admit::Admission;
use crate::breaker::Breakers;
use crate::budget::Budgets;
use crate::clock;
use crate::config::{Config, Environment, ListenerTls, Loaded, Source};
use crate::failure::Code;
use crate::gate::GateConnector;
use crate::gateway::Gateway;
use crate::platform;
use crate::record::{Build, LogFiles, Metrics, ProcessLog};
use crate::snapshot::{build, BuildError, Ingredients, Lasting, Reloader, Shared};

use spare::SpareDescriptors;

pub use announce::{ports_file, Ports};
pub use examine::examine_folders;
pub use listen::pick_free_port;
pub use signals::take_signals;
pub use state_dir::{holder, Holder};

/// What callers and routes have spent, in the state folder.
const LEDGER: &str = "budgets.v1";

/// Idle upstream connections kept, by worker thread.
const POOL_SIZE: usize = 64;

/// More attempts than any route may have: the route's own ceiling ends them.
const ATTEMPT_CEILING: usize = 1000;

/// Why the gateway doesn't start; each ends the process with its own code.
#[derive(Debug)]
pub enum StartError {
    /// A port is taken, or the state folder belongs to a running gateway.
    Taken(String),
    /// Something that the configuration names isn't as it has to be.
    Configuration(Vec<String>),
    /// The system refuses what we need.
    System(String),
}

/// What to run.
pub struct Start {
    pub loaded: Loaded,
    pub source: Source,
    pub environment: Environment,
    /// What is wrong with the file, where `loaded` is an earlier one in its place.
    pub rejected: Vec<String>,
    /// Called with the real addresses once both ports answer.
    pub on_ready: Box<dyn FnOnce(&Ports) + Send>,
    /// Called when the last request is done and the logs are closed; then the process ends.
    pub on_exit: Box<dyn FnOnce() + Send>,
}

/// Runs until a signal ends it; returns only when it can't start.
pub fn run(start: Start) -> Result<(), StartError> {
    signals::take_signals();
    platform::use_small_pages();
    platform::raise_descriptor_limit();
    let Start {
        loaded,
        source,
        environment,
        rejected,
        on_ready,
        on_exit,
    } = start;
    let Loaded {
        mut config,
        origins,
        text,
        ..
    } = loaded;
    let run_dir = state_dir::prepare(&config.state_dir)?;
    let _lock = state_dir::lock(&run_dir)?;
    let [data_port, admin_port] = listen::take_both(config.listen, config.admin)?;
    let (listen, admin) = (data_port.address, admin_port.address);
    (config.listen, config.admin) = (listen, admin);
    let logs = open_logs(&config)?;
    let metrics = new_metrics(&logs)?;
    let breakers = open_breakers(&config.breaker_file, &metrics);
    let admission = Admission::new(&config.lanes);
    let budgets = open_budgets(&run_dir);
    let settings = Settings {
        threads: config.threads,
        drain: config.drain,
        tls: config.tls.clone(),
    };
    let with = Ingredients {
        generation: 1,
        now: clock::wall(),
        listen,
        metrics: &metrics,
        breakers: &breakers,
        admission: &admission,
        previous: None,
    };
    let snapshot =
        build(config, &with).map_err(|BuildError(mistakes)| StartError::Configuration(mistakes))?;
    let lasting = Lasting {
        logs,
        metrics,
        breakers,
        admission,
        budgets,
        version: crate::VERSION,
    };
    let shared = Arc::new(Shared::new(snapshot, listen, admin, lasting));
    let reloader = Reloader::new(Arc::clone(&shared), source, environment, origins);
    let reloader = Arc::new(reloader.keeping(text, rejected));
    let server = make_server(&shared, &reloader, &settings, &run_dir)?;
    signals::reload_on_hangup(&reloader);
    watch_files::start(&reloader);
    announce::when_ready(Ports { listen, admin }, run_dir, on_ready);
    let exit = Arc::new(drain::Exit::new(&shared, on_exit));
    drain::exit_when_empty(&exit, settings.drain);
    server.run(RunArgs {
        shutdown_signal: Box::new(signals::Termination::new(&shared)),
    });
    // Pingora has stopped by itself; the process ends all the same.
    exit.now()
}

struct Settings {
    threads: usize,
    drain: Duration,
    tls: Option<ListenerTls>,
}

/// The log files, with what the process itself has to say in them from now on.
fn open_logs(config: &Config) -> Result<Arc<LogFiles>, StartError> {
    let process_log = install_log(config.logs.level);
    let logs = LogFiles::open(&config.logs.dir, config.into())
        .map_err(|error| StartError::Configuration(vec![format!("logs.dir: {error}")]))?;
    let logs = Arc::new(logs);
    if let Some(process_log) = process_log {
        process_log.write_to(Arc::clone(&logs));
    }
    Ok(logs)
}

/// None when there is one already, in a test that starts several gateways in one process.
fn install_log(level: LevelFilter) -> Option<Arc<ProcessLog>> {
    ProcessLog::install(level).ok()
}

/// Breakers are worth having even where they can't be shared: nothing about their file keeps the gateway from starting.
fn open_breakers(file: &Path, metrics: &Metrics) -> Breakers {
    let (breakers, problem) = Breakers::open(file, platform::boot_id());
    if let Some(problem) = problem {
        log::warn!("{problem}");
    }
    metrics.set_breaker_shared(breakers.is_shared());
    breakers
}

/// Counts go on from where they were; a ledger that can't be read keeps nobody from serving.
fn open_budgets(run_dir: &Path) -> Budgets {
    let (budgets, problem) = Budgets::open(&run_dir.join(LEDGER), clock::wall());
    if let Some(problem) = problem {
        log::warn!("{problem}");
    }
    budgets
}

fn new_metrics(logs: &Arc<LogFiles>) -> Result<Arc<Metrics>, StartError> {
    let codes: Vec<&'static str> = std::iter::once("ok")
        .chain(Code::ALL.iter().map(|code| code.as_str()))
        .collect();
    let build = Build {
        version: crate::VERSION,
        revision: crate::REVISION,
    };
    // One list a process, for as long as it lives.
    let metrics = Metrics::new(build, codes.leak())
        .map_err(|error| StartError::System(format!("metrics: {error}")))?;
    metrics.follow_log_drops(logs.drop_counts());
    Ok(Arc::new(metrics))
}

fn make_server(
    shared: &Arc<Shared>,
    reloader: &Arc<Reloader>,
    settings: &Settings,
    run_dir: &std::path::Path,
) -> Result<Server, StartError> {
    let conf = ServerConf {
        threads: settings.threads,
        max_retries: ATTEMPT_CEILING,
        upstream_keepalive_pool_size: POOL_SIZE,
        grace_period_seconds: Some(settings.drain.as_secs() + 1),
        graceful_shutdown_timeout_seconds: Some(1),
        // Never used, but Pingora's defaults are names in /tmp that anybody may take.
        upgrade_sock: run_dir.join("upgrade.sock").display().to_string(),
        pid_file: run_dir.join("pingora.pid").display().to_string(),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let gateway = Gateway::new(Arc::clone(shared));
    let mut data = ProxyServiceBuilder::new(&server.configuration, gateway)
        .name("data")
        .custom(
            GateConnector::new(Arc::clone(&shared.watches)),
            Arc::new(|_, _, _| Box::pin(async { None })),
        )
        .build();
    match &settings.tls {
        None => data.add_tcp(&shared.listen.to_string()),
        Some(tls) => {
            data.add_tls_with_settings(&shared.listen.to_string(), None, listen::tls_settings(tls)?)
        }
    }
    let limit = platform::descriptor_limit();
    data.set_connection_filter(Arc::new(SpareDescriptors::of_data(limit)));
    server.add_service(data);
    let mut admin = Service::new("admin".to_owned(), Admin::for_everybody(shared, reloader));
    admin.set_connection_filter(Arc::new(SpareDescriptors::of_admin(limit)));
    admin.add_tcp(&shared.admin.to_string());
    server.add_service(admin);
    server.add_service(background::work(shared));
    if let Some(socket) = state_dir::control_socket(run_dir) {
        let mut control = Service::new("control".to_owned(), Admin::for_owner(shared, reloader));
        control.add_uds(&socket.display().to_string(), Some(state_dir::owner_only()));
        server.add_service(control);
    }
    Ok(server)
}

/// Where a gateway with this state folder listens for its owner's commands.
pub fn control_socket_path(state_dir: &std::path::Path) -> PathBuf {
    state_dir.join("run").join("control.sock")
}

/// What is wrong with the data listener's certificate and key: the same reading as at the start.
pub fn listener_tls_mistakes(tls: &ListenerTls) -> Vec<String> {
    match listen::tls_settings(tls) {
        Ok(_) => Vec::new(),
        Err(StartError::Configuration(mistakes)) => mistakes,
        Err(StartError::Taken(text) | StartError::System(text)) => vec![text],
    }
}

/// For callers that only want to know whether an address is free.
pub fn address_is_free(address: SocketAddr) -> bool {
    listen::check_free(address, "listen").is_ok()
}
