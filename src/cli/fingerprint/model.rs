//! The models that a server lists.

use serde_json::Value;

use super::{json, Answer, Answers};

/// More names than this, or longer ones, are no list of models.
const MOST: usize = 1000;
const LONGEST: usize = 256;

/// One model of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// As the server wants it.
    pub name: String,
    /// Its window in tokens, as it is served now.
    pub context: Option<u64>,
    /// It makes vectors and doesn't chat, as far as can be seen.
    pub embeds: bool,
    /// None where the family makes no difference.
    pub loaded: Option<bool>,
}

/// What `GET /v1/models` lists, as it stands. `data` is null where Ollama has nothing.
pub fn list(first: &Answer) -> Option<&[Value]> {
    let body = first.good_json()?;
    match body.get("data")? {
        Value::Array(list) => Some(list),
        Value::Null if body.get("object")?.as_str()? == "list" => Some(&[]),
        _ => None,
    }
}

/// The models of that list, with what the families say of them elsewhere; what is loaded first.
pub fn read(list: &[Value], answers: &Answers) -> Vec<Model> {
    let details = json(answers, "/api/v0/models");
    let details = details.and_then(|body| body.get("data")?.as_array());
    let window = slot_window(answers);
    let mut models: Vec<Model> = Vec::new();
    for entry in list.iter().take(MOST) {
        let Some(name) = name(entry).filter(|name| models.iter().all(|model| model.name != **name))
        else {
            continue;
        };
        let detail =
            details.and_then(|all| all.iter().find(|one| one.get("id") == entry.get("id")));
        let said = |key: &str| detail?.get(key)?.as_str();
        models.push(Model {
            name: name.to_owned(),
            context: entry
                .get("max_model_len")
                .and_then(Value::as_u64)
                .or(window),
            embeds: said("type") == Some("embeddings") || sounds_like_vectors(name),
            loaded: said("state").map(|state| state == "loaded"),
        });
    }
    models.sort_by_key(|model| model.loaded == Some(false));
    models
}

fn name(entry: &Value) -> Option<&str> {
    entry.get("id")?.as_str().filter(|name| may_be_named(name))
}

/// Whether a configuration can name it.
pub fn may_be_named(name: &str) -> bool {
    let plain = !name.is_empty() && name.trim() == name && !name.chars().any(char::is_control);
    plain && name.len() <= LONGEST && name != "*"
}

/// What one slot of llama.cpp holds. The window in its list of models is another one in some versions.
fn slot_window(answers: &Answers) -> Option<u64> {
    let props = json(answers, "/props")?;
    let window = props.get("default_generation_settings")?.get("n_ctx")?;
    window.as_u64().filter(|window| *window > 0)
}

/// Only LM Studio says which models embed; the others' show it by their names. It decides no more than which model
/// becomes `default`.
fn sounds_like_vectors(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["embed", "rerank", "bge-", "minilm", "gte-", "e5-"]
        .iter()
        .any(|part| name.contains(part))
}
