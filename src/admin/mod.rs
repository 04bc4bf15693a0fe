//! The second port: health, metrics, status, and the commands of an operator. The control socket speaks the same.
//!
//! Reading needs no token, because the port is on the loopback; changing anything needs one with scope `admin`, and no
//! `Origin`, so that no web page can do it. The control socket needs neither: only its owner can open it.

mod page;
mod status;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Response;
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use serde::Serialize;

use page::Page;

use crate::caller::bearer;
use crate::clock;
use crate::platform;
use crate::snapshot::{Change, Earlier, Reloaded, Reloader, Shared};

/// Whoever orders the end hears of it before it comes.
const TIME_TO_ANSWER: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// Prometheus' text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The application of the admin port, or of the control socket.
pub struct Admin {
    shared: Arc<Shared>,
    reloader: Arc<Reloader>,
    /// Whoever gets here is the owner.
    trusts: bool,
    page: Page,
}

/// What an operator's command came to.
#[derive(Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
enum ReloadAnswer {
    Ok {
        generation: u64,
        changes: Vec<ChangeLine>,
        pending_restart: Vec<String>,
        /// Where `changes` is empty: the last change before.
        earlier: Option<EarlierChange>,
    },
    Rejected {
        mistakes: Vec<String>,
    },
}

#[derive(Serialize)]
struct EarlierChange {
    generation: u64,
    seconds_ago: u64,
    changes: Vec<ChangeLine>,
}

#[derive(Serialize)]
struct ChangeLine {
    key: String,
    before: Option<String>,
    after: Option<String>,
}

#[derive(Serialize)]
struct ResetAnswer {
    /// How many weren't closed.
    reset: u32,
}

#[derive(Serialize)]
struct Refusal {
    error: &'static str,
    hint: &'static str,
}

type Answer = Response<Vec<u8>>;

impl Admin {
    /// For the port, which anybody on the host may reach.
    pub fn for_everybody(shared: &Arc<Shared>, reloader: &Arc<Reloader>) -> Admin {
        Admin {
            shared: Arc::clone(shared),
            reloader: Arc::clone(reloader),
            trusts: false,
            page: Page::load(),
        }
    }

    /// For the control socket, which only the owner can open.
    pub fn for_owner(shared: &Arc<Shared>, reloader: &Arc<Reloader>) -> Admin {
        Admin {
            shared: Arc::clone(shared),
            reloader: Arc::clone(reloader),
            trusts: true,
            page: Page::load(),
        }
    }

    fn answer(&self, session: &ServerSession) -> Answer {
        let header = session.req_header();
        let host = header
            .headers
            .get("host")
            .map(|host| host.as_bytes())
            .unwrap_or_default();
        if !self.trusts && !self.shared.snapshot().hosts.allows(host) {
            return refuse(421, "host_denied", "use the address that the gateway listens on, or add the name to callers.allowed_hosts");
        }
        // Of what changes anything nothing is passed over: it was meant to say what.
        let query = header.uri.query().filter(|query| !query.is_empty());
        match (header.method.as_str(), header.uri.path()) {
            ("GET" | "HEAD", "/") => self.page.answer(),
            ("GET" | "HEAD", "/livez") => plain(200, TEXT, b"ok\n".to_vec()),
            ("GET" | "HEAD", "/readyz") => self.ready(),
            ("GET", "/metrics") => self.metrics(),
            ("GET", "/status") => json(200, &status::of(&self.shared, &self.reloader)),
            ("POST", "/reload") => self.changing(session, |admin| match query {
                None => admin.reload(),
                Some(_) => unknown_query("/reload takes no query"),
            }),
            ("POST", path) if reset_of(path).is_some() => {
                let upstream = reset_of(path).unwrap_or_default();
                self.changing(session, |admin| match query.map(model_in) {
                    None => admin.reset(upstream, None),
                    Some(Some(model)) => admin.reset(upstream, Some(model)),
                    Some(None) => unknown_query(
                        "?model=NAME, percent-encoded, is all that it takes; without it all of the upstream's breakers are \
                         closed",
                    ),
                })
            }
            ("POST", "/drain") => self.changing(session, |admin| match query {
                None => admin.drain(),
                Some(_) => unknown_query("/drain takes no query, and nothing undoes it"),
            }),
            ("POST" | "DELETE", path) if drain_of(path).is_some() => {
                let upstream = drain_of(path).unwrap_or_default();
                let drained = header.method == "POST";
                self.changing(session, |admin| match query {
                    None => admin.drain_upstream(upstream, drained),
                    Some(_) => unknown_query(
                        "it takes no query: POST takes the upstream out of use, DELETE uses it again",
                    ),
                })
            }
            (_, "/" | "/livez" | "/readyz" | "/metrics" | "/status") => {
                refuse(405, "method_not_allowed", "this path is read with GET")
            }
            (_, "/reload" | "/drain") => refuse(
                405,
                "method_not_allowed",
                "this path changes something: use POST",
            ),
            _ => refuse(
                404,
                "unknown_path",
                "there are / (a page), /livez, /readyz, /metrics, /status and POST /reload",
            ),
        }
    }

    fn ready(&self) -> Answer {
        match self.shared.is_draining() {
            false => plain(200, TEXT, b"ok\n".to_vec()),
            true => plain(503, TEXT, b"draining\n".to_vec()),
        }
    }

    fn metrics(&self) -> Answer {
        status::refresh(&self.shared);
        match self.shared.metrics.render(&platform::own_process()) {
            Ok(text) => plain(200, METRICS, text),
            Err(_) => refuse(
                500,
                "internal",
                "the metrics could not be written; see gateway.jsonl",
            ),
        }
    }

    fn reload(&self) -> Answer {
        match self.reloader.reload() {
            Ok(Reloaded {
                generation,
                changes,
                pending,
                earlier,
            }) => json(
                200,
                &ReloadAnswer::Ok {
                    generation,
                    changes: lines(changes),
                    pending_restart: pending,
                    earlier: earlier.map(earlier_change),
                },
            ),
            Err(mistakes) => json(422, &ReloadAnswer::Rejected { mistakes }),
        }
    }

    /// As SIGTERM does.
    fn drain(&self) -> Answer {
        log::info!("draining by an operator's order");
        std::thread::spawn(|| {
            std::thread::sleep(TIME_TO_ANSWER);
            if let Err(error) = platform::end_this_process() {
                log::error!("the gateway doesn't drain: {error}; send it SIGTERM");
            }
        });
        plain(200, TEXT, b"draining\n".to_vec())
    }

    /// Takes an upstream out of use, or into it again.
    fn drain_upstream(&self, name: &str, drained: bool) -> Answer {
        let snapshot = self.shared.snapshot();
        let Some(upstream) = snapshot.upstreams.iter().find(|one| *one.name == *name) else {
            return refuse(
                404,
                "unknown_upstream",
                "`sidegate status` lists the upstreams",
            );
        };
        upstream.runtime.drain(drained);
        let now = if drained {
            "out of use"
        } else {
            "in use again"
        };
        log::info!("upstream {name} is {now}, by an operator's order");
        plain(200, TEXT, format!("{now}\n").into_bytes())
    }

    /// Closes the breakers of an upstream, or of one of its models.
    fn reset(&self, upstream: &str, model: Option<String>) -> Answer {
        let snapshot = self.shared.snapshot();
        let now = clock::since_boot().into();
        let (mut found, mut reset) = (0, 0);
        for (index, route) in snapshot.config.routes.iter().enumerate() {
            for (place, target) in route.targets.iter().enumerate() {
                let named = snapshot.upstreams.get(target.upstream);
                let is_it = named.is_some_and(|named| *named.name == *upstream)
                    && model
                        .as_ref()
                        .is_none_or(|model| target.model.as_deref().unwrap_or("*") == model);
                if let Some(state) = snapshot.target_state(index, place).filter(|_| is_it) {
                    found += 1;
                    reset += u32::from(state.breaker.reset(now));
                }
            }
        }
        if found == 0 {
            return refuse(
                404,
                "unknown_upstream",
                "`sidegate breakers` lists the upstreams and models that routes name",
            );
        }
        log::info!("breakers of upstream {upstream} reset by an operator: {reset} were not closed");
        json(200, &ResetAnswer { reset })
    }

    /// Lets an operator through, and nobody else.
    fn changing(&self, session: &ServerSession, act: impl FnOnce(&Admin) -> Answer) -> Answer {
        if self.trusts {
            return act(self);
        }
        let headers = &session.req_header().headers;
        if headers.contains_key("origin") {
            return refuse(403, "origin_denied", "web pages can't change the gateway");
        }
        let authorization = headers.get("authorization").map(|value| value.as_bytes());
        let snapshot = self.shared.snapshot();
        let caller = bearer(authorization, None, false)
            .and_then(|token| snapshot.tokens.identify(token, clock::wall()));
        match caller {
            Ok(caller) if caller.is_admin() => act(self),
            Ok(_) => refuse(
                403,
                "insufficient_scope",
                "this needs a token with scope `admin`; `sidegate reload` needs none",
            ),
            Err(_) => refuse(
                401,
                "invalid_token",
                "this needs a token with scope `admin`; `sidegate reload` needs none",
            ),
        }
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Answer {
        self.answer(session)
    }
}

fn lines(changes: Vec<Change>) -> Vec<ChangeLine> {
    let line = |change: Change| ChangeLine {
        key: change.path,
        before: change.before,
        after: change.after,
    };
    changes.into_iter().map(line).collect()
}

fn earlier_change(earlier: Earlier) -> EarlierChange {
    let since = clock::wall().duration_since(earlier.at);
    EarlierChange {
        generation: earlier.generation,
        seconds_ago: since.map_or(0, |since| since.as_secs()),
        changes: lines(earlier.changes),
    }
}

/// The upstream in `/upstreams/<name>/drain`.
fn drain_of(path: &str) -> Option<&str> {
    path.strip_prefix("/upstreams/")?
        .strip_suffix("/drain")
        .filter(|name| !name.is_empty())
}

/// The upstream in `/breakers/<upstream>/reset`.
fn reset_of(path: &str) -> Option<&str> {
    path.strip_prefix("/breakers/")?
        .strip_suffix("/reset")
        .filter(|name| !name.is_empty())
}

/// The model in `?model=…`, percent-decoded; none where the query says anything else.
fn model_in(query: &str) -> Option<String> {
    let value = query.strip_prefix("model=")?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'&' => return None,
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

fn unknown_query(hint: &'static str) -> Answer {
    refuse(400, "unknown_query", hint)
}

fn plain(status: u16, kind: &str, body: Vec<u8>) -> Answer {
    let built = Response::builder()
        .status(status)
        .header("content-type", kind)
        .header("content-length", body.len())
        .header("cache-control", "no-store")
        .body(body);
    built.unwrap_or_default()
}

fn json(status: u16, value: &impl Serialize) -> Answer {
    let mut body = serde_json::to_vec_pretty(value).unwrap_or_default();
    body.push(b'\n');
    plain(status, JSON, body)
}

fn refuse(status: u16, error: &'static str, hint: &'static str) -> Answer {
    json(status, &Refusal { error, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_one_model_or_nothing_that_is_understood() {
        assert_eq!(model_in("model=org%2Fbig").as_deref(), Some("org/big"));
        assert_eq!(model_in("model=a%26b").as_deref(), Some("a&b"));
        for query in [
            "bogus=1",
            "model=a&bogus=1",
            "bogus=1&model=a",
            "model=%zz",
            "model",
            "model=%2",
        ] {
            assert_eq!(model_in(query), None, "{query}");
        }
    }
}
