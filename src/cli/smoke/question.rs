//! The request that is sent, or printed.

use http::HeaderValue;
use serde_json::json;

use crate::config::Secret;
use crate::http_client::Question;

/// Enough for any model to show that it lives, and too little to cost anything.
const MAX_TOKENS: u32 = 16;

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Chat,
    Embedding,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Kind::Chat => "/v1/chat/completions",
            Kind::Embedding => "/v1/embeddings",
        }
    }

    pub fn body(self, alias: &str) -> Vec<u8> {
        let body = match self {
            Kind::Chat => {
                let message = json!({"role": "user", "content": "Say hello."});
                json!({"model": alias, "max_tokens": MAX_TOKENS, "messages": [message]})
            }
            Kind::Embedding => json!({"model": alias, "input": "hello"}),
        };
        body.to_string().into_bytes()
    }
}

/// # Errors
/// The secret has a byte that no header may have.
pub fn question<'a>(
    kind: Kind,
    host: &'a str,
    secret: &Secret,
    body: &'a [u8],
) -> Result<Question<'a>, String> {
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()))
        .map_err(|_| "the secret has a character that no header carries".to_owned())?;
    bearer.set_sensitive(true);
    Ok(Question {
        method: "POST",
        path: kind.path(),
        host,
        headers: vec![
            ("authorization", bearer),
            ("content-type", HeaderValue::from_static("application/json")),
            ("user-agent", HeaderValue::from_static("sidegate-smoke")),
        ],
        body,
    })
}

/// The same request for a shell. The secret stays in its variable: what is printed may be shared.
pub fn curl(base_url: &str, alias: &str) -> String {
    let body = String::from_utf8_lossy(&Kind::Chat.body(alias)).replace('\'', r"'\''");
    format!(
        "curl -sS {base_url}/chat/completions -H \"Authorization: Bearer $SIDEGATE_TOKEN\" \
         -H 'Content-Type: application/json' -d '{body}'\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_line_has_the_variable_and_survives_any_alias() {
        let line = curl("http://127.0.0.1:1/v1", "it's");
        assert!(line.contains("Bearer $SIDEGATE_TOKEN"));
        assert!(line.contains(r#""model":"it'\''s""#), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}
