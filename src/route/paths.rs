//! Which endpoint a request line names.
//!
//! Exactly or not at all: the raw target is compared byte for byte, so that no decoding, dot segment or
//! doubled slash of ours can disagree with an upstream's. The upstream's path is made from the endpoint,
//! never from the target.

use super::api::Api;

const PREFIX: &[u8] = b"/v1/";
/// The one query parameter that goes on, and only to messages: Anthropic's SDK sends it for its beta calls.
const BETA: &str = "beta=true";

/// What a request line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The list of models.
    Models,
    /// One model by its decoded name.
    Model(String),
    /// `OPTIONS` on a path that exists; whether the origin may is not decided here.
    Preflight,
    /// A request for an upstream; `query` is what of the query string goes on.
    Api {
        api: Api,
        query: Option<&'static str>,
    },
    NotFound,
    MethodNotAllowed {
        allow: &'static str,
    },
    /// The target is no path: absolute-form, authority-form or `*`.
    NotOrigin,
}

/// What there is at a path.
enum Resource {
    Models,
    Model(String),
    Api(Api),
}

/// Finds the endpoint of a request line; methods are compared as written (RFC 9110, section 9.1).
pub fn match_target(method: &str, raw_target: &[u8]) -> Endpoint {
    if raw_target.first() != Some(&b'/') {
        return Endpoint::NotOrigin;
    }
    let (path, query) =
        match memchr::memchr(b'?', raw_target).and_then(|at| raw_target.split_at_checked(at)) {
            Some((path, query)) => (path, query.get(1..).unwrap_or_default()),
            None => (raw_target, &b""[..]),
        };
    let Some(resource) = path.strip_prefix(PREFIX).and_then(resource) else {
        return Endpoint::NotFound;
    };
    match (resource, method) {
        (_, "OPTIONS") => Endpoint::Preflight,
        (Resource::Models, "GET") => Endpoint::Models,
        (Resource::Model(id), "GET") => Endpoint::Model(id),
        (Resource::Models | Resource::Model(_), _) => Endpoint::MethodNotAllowed { allow: "GET" },
        (Resource::Api(api), "POST") => Endpoint::Api {
            api,
            query: passing_query(api, query),
        },
        (Resource::Api(_), _) => Endpoint::MethodNotAllowed { allow: "POST" },
    }
}

fn resource(path: &[u8]) -> Option<Resource> {
    if path == b"models" {
        return Some(Resource::Models);
    }
    if let Some(id) = path.strip_prefix(b"models/") {
        return percent_decoded(id).map(Resource::Model);
    }
    let api = Api::ALL
        .into_iter()
        .find(|api| api.suffix().as_bytes() == path)?;
    Some(Resource::Api(api))
}

fn passing_query(api: Api, query: &[u8]) -> Option<&'static str> {
    let asked = query
        .split(|&byte| byte == b'&')
        .any(|parameter| parameter == BETA.as_bytes());
    (asked && matches!(api, Api::Messages | Api::CountTokens)).then_some(BETA)
}

/// A model's name as it is looked up; none for an empty one, half an escape or what is no UTF-8.
fn percent_decoded(id: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(id.len());
    let mut rest = id.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(*rest.next()?).to_digit(16)?;
        let low = char::from(*rest.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(decoded).ok().filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests;
