//! L6 and L7: what is secret stays where it belongs, and so does what is somebody's own.

use std::path::Path;

use super::{id_of, Facts};
use crate::support::canary::{found, UPSTREAM_BODY, UPSTREAM_HEADER};
use crate::support::client::{nonces, Reply};
use crate::support::gateway::UpstreamEntry;
use crate::support::unpacked;
use crate::support::upstream::SeenRequest;

/// Where something may show, and its bytes.
type Place = (String, Vec<u8>);

pub async fn canaries(facts: &Facts<'_>) -> Vec<String> {
    let places = places(facts).await;
    let secrets = secrets(facts);
    let mut complaints = Vec::new();
    for (name, secret) in &secrets {
        for (place, bytes) in places.iter().filter(|(place, _)| !may_hold(place, name)) {
            if let Some(form) = found(secret, bytes) {
                complaints.push(format!("{name} stands in {place}, {form}"));
            }
        }
    }
    complaints
}

/// Name and text of everything secret.
fn secrets(facts: &Facts) -> Vec<(String, String)> {
    let canaries = facts.gateway.canaries();
    let mut secrets = vec![
        ("the prompt".to_string(), canaries.prompt.clone()),
        ("the query".to_string(), canaries.query.clone()),
        ("a client's header".to_string(), canaries.header.clone()),
        ("an upstream's body".to_string(), UPSTREAM_BODY.to_string()),
        (
            "an upstream's header".to_string(),
            UPSTREAM_HEADER.to_string(),
        ),
    ];
    let callers = facts.gateway.callers().iter();
    secrets.extend(callers.map(|caller| {
        (
            format!("the token of {}", caller.name),
            caller.secret.clone(),
        )
    }));
    secrets.extend(
        keys(facts)
            .into_iter()
            .map(|(name, key)| (format!("the key of {name}"), key)),
    );
    secrets
}

fn keys(facts: &Facts) -> Vec<(String, String)> {
    let key = |upstream: &UpstreamEntry| Some((upstream.name.clone(), upstream.key.clone()?));
    facts.gateway.upstreams().iter().filter_map(key).collect()
}

/// Raw errors are what that file is for; an upstream may have put the prompt into one.
fn may_hold(place: &str, secret: &str) -> bool {
    place.contains("raw-errors") && ["an upstream's body", "the prompt"].contains(&secret)
}

async fn places(facts: &Facts<'_>) -> Vec<Place> {
    let gateway = facts.gateway;
    let mut places = vec![
        ("stdout".to_string(), gateway.stdout().into_bytes()),
        ("stderr".to_string(), gateway.stderr().into_bytes()),
        ("the command line".to_string(), gateway.command_line()),
    ];
    files(&gateway.state_dir(), &mut places);
    if !gateway.logs_dir().starts_with(gateway.state_dir()) {
        files(&gateway.logs_dir(), &mut places);
    }
    if let Some(metrics) = &facts.metrics {
        places.push(("/metrics".into(), metrics.text().into()));
        places.push((
            "/status".into(),
            gateway.admin_get("/status").await.body.to_vec(),
        ));
    }
    places.extend(facts.replies.iter().flat_map(shown_to_a_client));
    places
}

/// Every file below a folder, and what is inside the compressed ones.
fn files(folder: &Path, places: &mut Vec<Place>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&entry.path(), places),
            // Not what a socket or a link leads to.
            Ok(kind) if kind.is_file() => {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                let name = entry.path().display().to_string();
                let inside = unpacked::inside(&bytes);
                places.extend(inside.map(|text| (format!("{name}, unpacked"), text)));
                places.push((name, bytes));
            }
            _ => {}
        }
    }
}

/// A client may see what the model says. Nobody sees more than our own words in a failure or a head.
fn shown_to_a_client(reply: &Reply) -> Vec<Place> {
    let id = id_of(reply).unwrap_or("a request without id");
    let head = (
        format!("the head of the answer to {id}"),
        reply.head.raw.to_vec(),
    );
    let failure = reply.failure().map(|failure| {
        (
            format!("the failure of {id}"),
            failure.to_string().into_bytes(),
        )
    });
    std::iter::once(head).chain(failure).collect()
}

pub fn separate(facts: &Facts) -> Vec<String> {
    let strangers = facts.replies.iter().filter_map(strange_nonce);
    let at_upstreams = facts
        .seen
        .iter()
        .flat_map(|(i, request)| carried(facts, *i, request));
    strangers.chain(at_upstreams).collect()
}

fn strange_nonce(reply: &Reply) -> Option<String> {
    let strange = nonces(&reply.body)
        .into_iter()
        .find(|nonce| *nonce != reply.sent.nonce)?;
    Some(format!(
        "{:?}: the answer has another request's {strange}",
        id_of(reply)
    ))
}

/// What a request to an upstream has with it that it must not have.
fn carried(facts: &Facts, upstream: usize, request: &SeenRequest) -> Vec<String> {
    let url = facts.laws.upstreams[upstream].url();
    let is_there = |entry: &&UpstreamEntry| entry.url == url;
    let own = facts
        .gateway
        .upstreams()
        .iter()
        .filter(is_there)
        .map(|entry| entry.name.clone())
        .collect::<Vec<_>>();
    let foreign = keys(facts)
        .into_iter()
        .filter(|(name, _)| !own.contains(name));
    let foreign = foreign.map(|(name, key)| (format!("the key of {name}"), key));
    let callers = facts.gateway.callers().iter();
    let bearers = callers.map(|caller| {
        (
            format!("the token of {}", caller.name),
            caller.secret.clone(),
        )
    });
    let canaries = facts.gateway.canaries();
    let others = [
        ("a client's header".to_string(), canaries.header.clone()),
        ("the query".to_string(), canaries.query.clone()),
    ];
    let all = foreign.chain(bearers).chain(others);
    let shown = |(name, secret): (String, String)| {
        // Bodies may be many megabytes: there the plain form has to do.
        let in_body = memchr::memmem::find(&request.body, secret.as_bytes()).map(|_| "plain");
        let form = found(&secret, request.head.as_bytes()).or(in_body)?;
        Some(format!("{name} went to {url}, {form}"))
    };
    all.filter_map(shown)
        .chain(other_prompt(facts, request))
        .collect()
}

/// A body with another request's nonce than the one that its correlation id stands for.
fn other_prompt(facts: &Facts, request: &SeenRequest) -> Option<String> {
    let id = request.correlation_id()?;
    let owners = facts.replies_of(id);
    let strange = nonces(&request.body).into_iter().find(|nonce| {
        !owners.is_empty() && owners.iter().all(|reply| reply.sent.nonce != *nonce)
    })?;
    Some(format!(
        "{id}: what went upstream has another request's {strange}"
    ))
}
