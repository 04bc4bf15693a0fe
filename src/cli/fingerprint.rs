//! What a server is, by what it answers to a few harmless questions.
//!
//! Every family answers `GET /v1/models`; most say there whose it is, the rest have a path that no other one has. The paths
//! are chosen so that asking costs nothing: SGLang's `/health` would make it generate a token, and its older
//! `/get_model_info` write a warning.

mod model;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Family;

pub use model::{may_be_named, Model};

/// What every server is asked first. Who doesn't answer this isn't asked anything else.
pub const FIRST: &str = "/v1/models";

/// What tells the families apart where the first answer doesn't.
pub const MORE: [&str; 5] = [
    "/props",
    "/api/v0/models",
    "/api/version",
    "/model_info",
    "/version",
];

/// One answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// What a server answered, by path; one that got no answer is absent.
pub type Answers = BTreeMap<&'static str, Answer>;

/// What answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    Server {
        family: Family,
        models: Models,
    },
    /// It speaks HTTP, but is no model server: a web page, a tunnel's end, another program.
    Stranger,
}

/// What a server says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Models {
    /// In the server's order, but what is loaded first.
    Listed(Vec<Model>),
    /// It says so only to who has its key.
    KeyWanted,
    /// It doesn't say so now: it may be loading.
    Unsaid,
}

/// Decides by the answers alone.
///
/// What vLLM 0.32.0 and llama.cpp 2026.10.11549 answer was seen on real servers; SGLang's (0.5.23) and MLX's (mlx-lm
/// 0.32.2) answers were read in their sources, LM Studio's and Ollama's in their documentation.
pub fn identify(answers: &Answers) -> Identity {
    let list = model::list(answers);
    let family = list
        .as_deref()
        .and_then(owner)
        .or_else(|| by_own_path(answers))
        .or_else(|| by_error(answers))
        .or_else(|| list.as_deref().map(|list| unnamed(list, answers)));
    match (family, refused(answers)) {
        (Some(family), true) => server(family, Models::KeyWanted),
        (Some(family), false) => {
            let models = list.map(|list| model::read(&list, answers));
            server(family, models.map_or(Models::Unsaid, Models::Listed))
        }
        // Who asks for a key here is somebody's model server.
        (None, true) => server(Family::Other, Models::KeyWanted),
        (None, false) => Identity::Stranger,
    }
}

fn server(family: Family, models: Models) -> Identity {
    Identity::Server { family, models }
}

/// The body of a good answer, where it is JSON.
fn json(answers: &Answers, path: &str) -> Option<Value> {
    let answer = answers.get(path).filter(|answer| answer.status == 200)?;
    serde_json::from_slice(&answer.body).ok()
}

/// Whose models these are, where the server says so.
fn owner(list: &[Value]) -> Option<Family> {
    match list.first()?.get("owned_by")?.as_str()? {
        "vllm" => Some(Family::Vllm),
        "llamacpp" => Some(Family::LlamaCpp),
        "sglang" => Some(Family::Sglang),
        _ => None,
    }
}

/// By a path that only one family has. What it answers counts, not that it does: LM Studio answers 200 to every path.
fn by_own_path(answers: &Answers) -> Option<Family> {
    let has =
        |path: &str, key: &str| json(answers, path).is_some_and(|body| body.get(key).is_some());
    let studio = || {
        let body = json(answers, "/api/v0/models")?;
        let first = body.get("data")?.as_array()?.first()?.clone();
        first.get("compatibility_type").map(|_| ())
    };
    if studio().is_some() {
        Some(Family::LmStudio)
    } else if has("/props", "default_generation_settings") {
        Some(Family::LlamaCpp)
    } else if has("/model_info", "is_generation") {
        Some(Family::Sglang)
    } else if has("/api/version", "version") {
        Some(Family::Ollama)
    } else if has("/version", "version") {
        Some(Family::Vllm)
    } else {
        None
    }
}

/// llama.cpp answers nothing else while it loads its model, or to who lacks its key.
fn by_error(answers: &Answers) -> Option<Family> {
    let answer = answers.get(FIRST)?;
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let error = body.get("error")?;
    let code = error.get("code")?.as_u64()?;
    let words = (
        error.get("message")?.as_str()?,
        error.get("type")?.as_str()?,
    );
    match (code, words) {
        (503, ("Loading model", "unavailable_error"))
        | (401, ("Invalid API Key", "authentication_error")) => Some(Family::LlamaCpp),
        _ => None,
    }
}

/// MLX's server says nothing of itself: its models have no owner, and what it doesn't know it calls just that.
fn unnamed(list: &[Value], answers: &Answers) -> Family {
    let ownerless = list.iter().all(|entry| entry.get("owned_by").is_none());
    let curt = answers
        .get("/version")
        .is_some_and(|answer| answer.status == 404 && answer.body == b"Not Found");
    match ownerless && curt {
        true => Family::Mlx,
        false => Family::Other,
    }
}

/// Whether the first question was refused for want of a key, and not by a page for people.
fn refused(answers: &Answers) -> bool {
    answers.get(FIRST).is_some_and(|answer| {
        matches!(answer.status, 401 | 403) && !answer.body.trim_ascii_start().starts_with(b"<")
    })
}

#[cfg(test)]
mod tests;
