//! Why a gateway wasn't heard at its control socket: none may run, or one is there that only can't be asked that way.
//!
//! Nobody is to be told that none runs while one serves: the admin port and the lock of the state folder are asked too.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{block_on, State};
use crate::cli::Context;
use crate::config;
use crate::http_client::{self, Question, Reply, Server};
use crate::server::{self, Holder};

/// Whoever is well answers on this host in milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a gateway begins what it says while it waits for its configuration.
const WAITING: &str = "waiting for a configuration that can serve:";

/// Why nothing was heard.
#[derive(Debug)]
pub enum Silence {
    /// No gateway runs.
    Nobody { state_dir: PathBuf },
    /// Somebody listens there, and doesn't answer as a gateway would.
    Strange { socket: PathBuf, why: String },
    /// A gateway answers at the admin port, but not at the socket of this state folder.
    Elsewhere {
        state_dir: PathBuf,
        admin: SocketAddr,
        /// Its own state folder, where it says.
        its_own: Option<String>,
    },
    /// A gateway waits for its configuration to be mended.
    Waiting { admin: SocketAddr, mistakes: String },
    /// A gateway holds the state folder and has no sockets: it ends, or has just begun.
    Held {
        state_dir: PathBuf,
        pid: Option<u32>,
    },
}

/// Why nobody listens at the socket of `state_dir`.
pub fn why(context: &Context, state_dir: PathBuf) -> Silence {
    let admin = config::admin(&context.source, &context.environment);
    // Port 0 is an order to pick one, and no address.
    let reply = (admin.port() != 0).then(|| status_at(admin)).flatten();
    if let Some(silence) = reply.and_then(|reply| answered(&state_dir, admin, &reply)) {
        return silence;
    }
    match server::holder(&state_dir) {
        Some(Holder { pid }) => Silence::Held { state_dir, pid },
        None => Silence::Nobody { state_dir },
    }
}

fn status_at(admin: SocketAddr) -> Option<Reply> {
    let host = admin.to_string();
    let question = Question {
        method: "GET",
        path: "/status",
        host: &host,
        headers: Vec::new(),
        body: &[],
    };
    block_on(http_client::ask(
        Server::Address(admin),
        &question,
        PATIENCE,
    ))
    .ok()
}

/// What an answer of the admin port means; none where it is no gateway's.
fn answered(state_dir: &Path, admin: SocketAddr, reply: &Reply) -> Option<Silence> {
    if reply.status == 503 {
        let text = std::str::from_utf8(&reply.body).ok()?;
        let mistakes = text.strip_prefix(WAITING)?.trim().to_owned();
        return Some(Silence::Waiting { admin, mistakes });
    }
    let state: State = serde_json::from_slice(&reply.body).ok()?;
    Some(Silence::Elsewhere {
        state_dir: state_dir.to_owned(),
        admin,
        its_own: state.config.state_dir,
    })
}

impl Silence {
    /// What mends it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Silence::Nobody { .. } => {
                "`sidegate serve` starts one, and --config FILE names another one's configuration"
            }
            Silence::Strange { .. } => "restart the gateway; its own log is gateway.jsonl",
            Silence::Elsewhere {
                state_dir, its_own, ..
            } if is_same(its_own.as_deref(), state_dir) => {
                "restart it: that makes the folder and the socket anew"
            }
            Silence::Elsewhere { .. } => {
                "state_dir takes a restart: restart it, or name its own configuration with --config FILE"
            }
            Silence::Waiting { .. } => "mend that, and it serves by itself",
            Silence::Held { .. } => {
                "wait for its end: `sidegate serve` starts the next one only then"
            }
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::Nobody { state_dir } => {
                write!(
                    out,
                    "no gateway runs with state_dir {}",
                    state_dir.display()
                )
            }
            Silence::Strange { socket, why } => write!(out, "{}: {why}", socket.display()),
            Silence::Elsewhere {
                state_dir,
                admin,
                its_own,
            } => {
                let socket = server::control_socket_path(state_dir);
                match its_own {
                    Some(its_own) if is_same(Some(its_own), state_dir) => write!(
                        out,
                        "a gateway runs with this state_dir and answers at {admin}, but {} is gone",
                        socket.display()
                    ),
                    Some(its_own) => write!(
                        out,
                        "a gateway runs with another state_dir ({its_own}) and answers at {admin}"
                    ),
                    None => write!(
                        out,
                        "a gateway answers at {admin}, and not at {}",
                        socket.display()
                    ),
                }
            }
            Silence::Waiting { admin, mistakes } => write!(
                out,
                "a gateway waits at {admin} for this to be mended:\n{mistakes}\n"
            ),
            Silence::Held { state_dir, pid } => {
                let pid = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
                let state_dir = state_dir.display();
                write!(
                    out,
                    "the gateway{pid} with state_dir {state_dir} is ending (or just beginning): it takes no commands"
                )
            }
        }
    }
}

/// As the gateway says it, and as we know it.
fn is_same(its_own: Option<&str>, state_dir: &Path) -> bool {
    its_own.is_some_and(|its_own| its_own == state_dir.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> Option<Silence> {
        let reply = Reply {
            status,
            headers: http::HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        };
        answered(Path::new("/new"), ([127, 0, 0, 1], 8788).into(), &reply)
    }

    #[test]
    fn who_answers_at_the_admin_port_is_told_by_what_it_says() {
        let status =
            |config: &str| format!(r#"{{"version": "1", "config": {{"generation": 1{config}}}}}"#);
        for (code, body, said) in [
            (
                200,
                status(r#", "state_dir": "/old""#),
                "another state_dir (/old)",
            ),
            (
                200,
                status(r#", "state_dir": "/new""#),
                "control.sock is gone",
            ),
            (200, status(""), "and not at /new/run/control.sock"),
            (
                503,
                format!("{WAITING}\nroutes: no\n"),
                "mended:\nroutes: no\n",
            ),
        ] {
            let text = told(code, &body).unwrap().to_string();
            assert!(text.contains(said), "{said:?} in {text:?}");
        }
        for (code, body) in [(200, "{}"), (200, "hello"), (503, "busy")] {
            assert!(told(code, body).is_none(), "{code} {body}");
        }
    }
}
