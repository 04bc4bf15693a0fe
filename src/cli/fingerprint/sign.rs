//! The signs of the families: what only one of them answers. Whoever wants to know what a server is asks this table.
//!
//! vLLM's (0.32.0) and llama.cpp's (2026.10.11549) lists are held against recordings of the real servers (`tests/fixtures`),
//! llama.cpp's `/props` against the real server. The others are from their sources and documentation: SGLang's (0.5.23)
//! `protocol.py` (`owned_by`) and `http_server.py` (`/model_info`; its older name writes a warning into the server's log),
//! Ollama's `openai.go` (`owned_by` is the model's namespace, `library` unless somebody else published it) and API reference
//! (`/api/version`), LM Studio's REST API v0 (`/api/v0/models`), `server.py` of mlx-lm (0.32.2), which is Python's own HTTP
//! server and names itself so.

use serde_json::Value;

use super::Answer;
use crate::config::Family;

/// What only one family has, the most telling first. Asking costs nothing there: SGLang's `/health` would make it generate
/// a token.
pub const PATHS: [(Family, &str); 5] = [
    (Family::LmStudio, "/api/v0/models"),
    (Family::LlamaCpp, "/props"),
    (Family::Sglang, "/model_info"),
    (Family::Ollama, "/api/version"),
    (Family::Vllm, "/version"),
];

/// What a server is, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    pub family: Family,
    pub by: String,
}

/// The path that only servers of a family have.
pub fn path_of(family: Family) -> Option<&'static str> {
    let of_it = PATHS.iter().find(|(one, _)| *one == family);
    of_it.map(|(_, path)| *path)
}

/// By the list of models, then by the families' own paths, as far as `at` has an answer to them.
pub fn sign<'a>(list: &Answer, at: impl Fn(Family, &str) -> Option<&'a Answer>) -> Option<Sign> {
    let by_path = |(family, path): &(Family, &str)| {
        let answer = at(*family, path)?;
        is_of(*family, answer).then(|| sign_of(*family, format!("it has {path}")))
    };
    by_list(list).or_else(|| PATHS.iter().find_map(by_path))
}

fn sign_of(family: Family, by: impl Into<String>) -> Sign {
    let by = by.into();
    Sign { family, by }
}

fn by_list(answer: &Answer) -> Option<Sign> {
    let server = answer.server.as_deref().unwrap_or_default();
    if server == "llama.cpp" {
        return Some(sign_of(Family::LlamaCpp, "its Server header"));
    }
    let Some(json) = answer.good_json() else {
        return by_error(answer);
    };
    let owner = json.pointer("/data/0/owned_by").and_then(Value::as_str);
    let family = match owner {
        Some("vllm") => Family::Vllm,
        Some("llamacpp") => Family::LlamaCpp,
        Some("sglang") => Family::Sglang,
        Some("library") => Family::Ollama,
        Some("organization_owner") => Family::LmStudio,
        // Of this field's servers only mlx-lm is built on Python's own.
        _ if server.starts_with("BaseHTTP/") && json.get("data").is_some() => {
            return Some(sign_of(Family::Mlx, "its Server header"))
        }
        _ => return None,
    };
    let owner = owner.unwrap_or_default();
    Some(sign_of(
        family,
        format!("its models are owned by `{owner}`"),
    ))
}

/// llama.cpp answers nothing else while it loads its model, or to who lacks its key.
fn by_error(answer: &Answer) -> Option<Sign> {
    let error = answer.json.as_ref()?.get("error")?;
    let code = error.get("code")?.as_u64()?;
    let words = (
        error.get("message")?.as_str()?,
        error.get("type")?.as_str()?,
    );
    match (code, words) {
        (503, ("Loading model", "unavailable_error"))
        | (401, ("Invalid API Key", "authentication_error")) => {
            Some(sign_of(Family::LlamaCpp, "the words of its refusal"))
        }
        _ => None,
    }
}

/// Whether an answer to the family's own path is that family's. What it answers counts, not that it does: LM Studio answers
/// 200 to every path.
fn is_of(family: Family, answer: &Answer) -> bool {
    let Some(json) = answer.good_json() else {
        return false;
    };
    let has = |pointer: &str| json.pointer(pointer).is_some();
    match family {
        Family::LlamaCpp => has("/default_generation_settings") || has("/total_slots"),
        Family::Vllm | Family::Ollama => json.pointer("/version").is_some_and(Value::is_string),
        Family::LmStudio => {
            has("/data/0/state")
                && (has("/data/0/compatibility_type") || has("/data/0/max_context_length"))
        }
        Family::Sglang => has("/is_generation"),
        Family::Mlx | Family::Openai | Family::Anthropic | Family::Other => false,
    }
}
