//! Finds the model servers of this host: the families' usual ports, all asked at the same time.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use super::wishes::Server;
use crate::cli::fingerprint::{identify, Answer, Answers, Identity, Models, FIRST, PATHS};
use crate::cli::live;
use crate::clock;
use crate::config::Family;
use crate::http_client::{self, Question};

/// A server on the same host answers in milliseconds, also while it works.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where the families listen unless told otherwise: vLLM; llama.cpp and MLX; LM Studio; Ollama; SGLang.
const USUAL_PORTS: [u16; 5] = [8000, 8080, 1234, 11434, 30000];

/// What answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub address: SocketAddr,
    pub identity: Identity,
}

/// The addresses that are worth a question.
pub fn usual() -> Vec<SocketAddr> {
    at(&USUAL_PORTS)
}

/// These ports of this host.
pub fn at(ports: &[u16]) -> Vec<SocketAddr> {
    let here = |port: &u16| SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
    ports.iter().map(here).collect()
}

/// What answers at these addresses, in their order. Who doesn't answer the first question costs one patience, everybody
/// else two, however many they are.
pub fn look<A>(addresses: &[SocketAddr], ask: A) -> Vec<Found>
where
    A: Fn(SocketAddr, &str) -> Option<Answer> + Sync,
{
    let ask = &ask;
    thread::scope(|scope| {
        let threads: Vec<_> = addresses
            .iter()
            .map(|address| scope.spawn(move || find(*address, ask)))
            .collect();
        // A thread that panicked has found nothing.
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok().flatten())
            .collect()
    })
}

/// What answers at one address; none where nothing does.
pub fn find<A>(address: SocketAddr, ask: &A) -> Option<Found>
where
    A: Fn(SocketAddr, &str) -> Option<Answer> + Sync,
{
    let mut answers = Answers::from([(FIRST, ask(address, FIRST)?)]);
    thread::scope(|scope| {
        let threads = PATHS.map(|(_, path)| (path, scope.spawn(move || ask(address, path))));
        for (path, thread) in threads {
            if let Some(answer) = thread.join().ok().flatten() {
                answers.insert(path, answer);
            }
        }
    });
    Some(Found {
        address,
        identity: identify(&answers),
    })
}

/// Asks with the gateway's own client.
pub fn ask_over_http(address: SocketAddr, path: &str) -> Option<Answer> {
    let host = address.to_string();
    let question = Question {
        method: "GET",
        path,
        host: &host,
        headers: Vec::new(),
        body: &[],
    };
    let server = http_client::Server::Address(address);
    let reply = live::block_on(http_client::ask(server, &question, PATIENCE)).ok()?;
    let heard_at = clock::wall();
    Some(Answer::of(
        reply.status,
        &reply.headers,
        &reply.body,
        None,
        heard_at,
    ))
}

impl Found {
    /// As a server to write down; a stranger is none.
    pub fn server(self) -> Option<Server> {
        match self.identity {
            Identity::Server { family, models } => Some(Server {
                url: format!("http://{}/v1", self.address),
                family,
                models,
                key_file: None,
            }),
            Identity::Stranger => None,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match &self.identity {
            Identity::Stranger => write!(out, "{address}: something that is no model server"),
            Identity::Server { family, models } => {
                write!(out, "{address}: {}, {}", name(*family), counted(models))
            }
        }
    }
}

fn name(family: Family) -> &'static str {
    match family {
        Family::Other => "an OpenAI-compatible server",
        Family::Vllm
        | Family::LlamaCpp
        | Family::Mlx
        | Family::LmStudio
        | Family::Ollama
        | Family::Sglang
        | Family::Openai
        | Family::Anthropic => family.as_str(),
    }
}

fn counted(models: &Models) -> String {
    match models {
        Models::KeyWanted => "which wants a key".to_owned(),
        Models::Unsaid => "which doesn't say its models now".to_owned(),
        Models::Listed(models) => match models.as_slice() {
            [] => "no model".to_owned(),
            [only] => format!("model {}", only.name),
            [first, ..] => format!("{} models, first {}", models.len(), first.name),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const LIST: &str = r#"{"object":"list","data":[{"id":"m","owned_by":"vllm"}]}"#;

    fn good(body: &str) -> Option<Answer> {
        Some(Answer::plain(200, body))
    }

    #[test]
    fn servers_are_found_in_the_order_of_the_ports() {
        let ports = |found: &[Found]| -> Vec<u16> {
            found.iter().map(|found| found.address.port()).collect()
        };
        let found = look(&usual(), |address, _| match address.port() {
            8000 | 30000 => good(LIST),
            1234 => good("<html>"),
            _ => None,
        });
        assert_eq!(ports(&found), [8000, 1234, 30000]);
        let lines: Vec<String> = found.iter().map(Found::to_string).collect();
        let vllm = "127.0.0.1:8000: vllm, model m";
        assert_eq!(
            lines[..2],
            [vllm, "127.0.0.1:1234: something that is no model server"]
        );
        let servers: Vec<Server> = found.into_iter().filter_map(Found::server).collect();
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[0].url, "http://127.0.0.1:8000/v1");
    }

    #[test]
    fn who_does_not_answer_the_first_question_is_asked_no_other() {
        let asked = AtomicUsize::new(0);
        let found = look(&usual(), |_, _| {
            asked.fetch_add(1, Ordering::Relaxed);
            None
        });
        assert_eq!((found.len(), asked.into_inner()), (0, USUAL_PORTS.len()));
    }
}
