//! What software answers, by what only that software says.
//!
//! llama.cpp's and vLLM's lists are held against recordings of the real servers (`tests/fixtures`), llama.cpp's `/props`
//! against the real server. The others are from their sources and documentation: SGLang's `protocol.py` (`owned_by`) and
//! `http_server.py` (`/model_info`; its older name writes a warning into the server's log), Ollama's `openai.go` (`owned_by` is the model's namespace, `library` unless
//! somebody else published it) and API reference (`/api/version`), LM Studio's REST API v0 (`/api/v0/models`), mlx-lm's
//! `server.py` (Python's own HTTP server, which names itself).

use serde_json::Value;

use super::answer::{Answer, Heard};
use super::visit::Visit;
use crate::config::Family;

/// What only one family has.
pub const PATHS: [(Family, &str); 5] = [
    (Family::LlamaCpp, "/props"),
    (Family::Vllm, "/version"),
    (Family::Ollama, "/api/version"),
    (Family::LmStudio, "/api/v0/models"),
    (Family::Sglang, "/model_info"),
];

/// What a server told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Nothing,
    Family { family: Family, by: String },
}

impl Told {
    pub fn is_something(&self) -> bool {
        matches!(self, Told::Family { .. })
    }
}

/// The path that only servers of a family have.
pub fn path_of(family: Family) -> Option<&'static str> {
    let of_it = PATHS.iter().find(|(one, _)| *one == family);
    of_it.map(|(_, path)| *path)
}

/// By the list of models, by its own family's path, by the other families' paths, in this order.
pub fn told(visit: &Visit, answer: &Answer) -> Told {
    if let Some((family, by)) = by_list(answer) {
        return Told::Family { family, by };
    }
    let own = visit.own.iter().map(|heard| (visit.upstream.family, heard));
    let others = visit.others.iter().map(|(family, heard)| (*family, heard));
    for (family, heard) in own.chain(others) {
        if let (true, Some(path)) = (is_of(family, heard), path_of(family)) {
            return Told::Family {
                family,
                by: format!("it has {path}"),
            };
        }
    }
    Told::Nothing
}

fn by_list(answer: &Answer) -> Option<(Family, String)> {
    let server = answer.server.as_deref().unwrap_or_default();
    if server == "llama.cpp" {
        return Some((Family::LlamaCpp, "its Server header".to_owned()));
    }
    let owner = answer.json.as_ref()?.pointer("/data/0/owned_by");
    let owner = owner.and_then(Value::as_str).unwrap_or_default();
    let family = match owner {
        "vllm" => Family::Vllm,
        "llamacpp" => Family::LlamaCpp,
        "sglang" => Family::Sglang,
        "library" => Family::Ollama,
        "organization_owner" => Family::LmStudio,
        // Python's own HTTP server: of this field's servers only mlx-lm is built on it.
        _ if server.starts_with("BaseHTTP/") => {
            return Some((Family::Mlx, "its Server header".to_owned()))
        }
        _ => return None,
    };
    Some((family, format!("its models are owned by `{owner}`")))
}

/// Whether an answer to the family's own path is that family's.
fn is_of(family: Family, heard: &Heard) -> bool {
    let Heard::Answer(answer) = heard else {
        return false;
    };
    let (200, Some(json)) = (answer.status, &answer.json) else {
        return false;
    };
    let has = |pointer: &str| json.pointer(pointer).is_some();
    match family {
        Family::LlamaCpp => has("/default_generation_settings") || has("/total_slots"),
        Family::Vllm | Family::Ollama => json.pointer("/version").is_some_and(Value::is_string),
        Family::LmStudio => has("/data/0/state") && has("/data/0/max_context_length"),
        Family::Sglang => has("/is_generation"),
        Family::Mlx | Family::Openai | Family::Anthropic | Family::Other => false,
    }
}
