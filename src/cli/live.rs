//! The gateway that runs: asked through its control socket, which only its owner can open.

mod silence;
mod state;

use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::output::complain;
use super::{Context, Exit};
use crate::config;
use crate::http_client::{self, Question, Reply, Server};
use crate::server;

pub use silence::Silence;
pub use state::{Breaker, Failure, LastFailure, State, Target, Upstream};

/// A reload reads and checks every file; everything else is quicker.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the gateway of this configuration keeps its state, also when the configuration is broken by now.
pub fn state_dir(context: &Context) -> PathBuf {
    config::state_dir(&context.source, &context.environment)
}

/// Asks the gateway of this configuration.
///
/// # Errors
/// See [`Silence`].
pub fn ask(context: &Context, method: &'static str, path: &str) -> Result<Reply, Silence> {
    ask_within(context, method, path, PATIENCE)
}

/// The same for whoever must not wait long.
///
/// # Errors
/// See [`Silence`].
pub fn ask_within(
    context: &Context,
    method: &'static str,
    path: &str,
    patience: Duration,
) -> Result<Reply, Silence> {
    let state_dir = state_dir(context);
    let socket = server::control_socket_path(&state_dir);
    if std::os::unix::net::UnixStream::connect(&socket).is_err() {
        return Err(silence::why(context, state_dir));
    }
    let question = Question {
        method,
        path,
        host: "localhost",
        headers: Vec::new(),
        body: &[],
    };
    let asked = block_on(http_client::ask(
        Server::Socket(&socket),
        &question,
        patience,
    ));
    asked.map_err(|why| Silence::Strange { socket, why })
}

/// What `/status` says, as far as the commands read it.
///
/// # Errors
/// See [`Silence`].
pub fn state(context: &Context) -> Result<State, Silence> {
    read(context, &ask(context, "GET", "/status")?)
}

/// The same for whoever must not wait long.
///
/// # Errors
/// See [`Silence`].
pub fn state_within(context: &Context, patience: Duration) -> Result<State, Silence> {
    read(context, &ask_within(context, "GET", "/status", patience)?)
}

/// An answer in JSON.
///
/// # Errors
/// It is another one: a gateway of another version, perhaps.
pub fn read<T: DeserializeOwned>(context: &Context, reply: &Reply) -> Result<T, Silence> {
    serde_json::from_slice(&reply.body).map_err(|error| Silence::Strange {
        socket: server::control_socket_path(&state_dir(context)),
        why: format!(
            "an answer with status {} that can't be read: {error}",
            reply.status
        ),
    })
}

/// Says why a command has nothing to say. Where the configuration is broken it may name another state folder than the
/// one in use: then its mistakes are what is to be mended first.
pub fn explain(context: &Context, silence: &Silence) -> Exit {
    complain(&format!("sidegate: {silence}; {}", silence.remedy()));
    match silence {
        Silence::Strange { .. } => Exit::Failure,
        Silence::Waiting { .. } => Exit::Configuration,
        Silence::Nobody { .. } | Silence::Elsewhere { .. } | Silence::Held { .. } => {
            match config::load(&context.source, &context.environment) {
                Ok(_) => Exit::Failure,
                Err(mistakes) => {
                    complain(&mistakes.to_string());
                    Exit::Configuration
                }
            }
        }
    }
}

/// Runs one question of a command, which has nothing else to do meanwhile.
pub fn block_on<T>(
    question: impl std::future::Future<Output = pingora::Result<T>>,
) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(question).map_err(|error| in_words(&error))
}

/// Pingora's errors say their cause last.
pub fn in_words(error: &pingora::Error) -> String {
    match (&error.context, &error.cause) {
        (_, Some(cause)) => cause.to_string(),
        (Some(context), None) => context.as_str().to_owned(),
        (None, None) => error.etype().as_str().to_owned(),
    }
}
