//! What a stand-in says, and how long it takes.

use std::time::Duration;

/// Between two words: about the pace of a model on a laptop.
pub const BETWEEN_WORDS: Duration = Duration::from_millis(30);

/// What a slow one takes to its first word.
pub const LATE: Duration = Duration::from_secs(2);

/// Its words, each with the space before it, at most `limit` of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    pub words: Vec<String>,
    /// Whether the limit ended it.
    pub is_cut_short: bool,
}

impl Speech {
    /// `name` is the stand-in's own, so that whoever reads it sees who served.
    pub fn of(name: &str, limit: Option<u64>) -> Speech {
        let text = format!(
            "Hello! I am the {name} stand-in, not a model. sidegate checked your token, found out what this model name \
             means, chose me to serve it, and passes on my words as they come, one every {} ms. It counts them, times \
             them and logs the request; /status and /metrics on the admin port show it. Try the other model names to \
             see what happens when an upstream fails.",
            BETWEEN_WORDS.as_millis()
        );
        Speech::limited(&text, limit)
    }

    /// What it says when JSON is asked for; a limit cuts that short too.
    pub fn of_json(name: &str, limit: Option<u64>) -> Speech {
        let text = "Hello! I am no model, but my answer is JSON, as the skill wants it.";
        Speech::limited(&format!(r#"{{"by": "{name}", "text": "{text}"}}"#), limit)
    }

    fn limited(text: &str, limit: Option<u64>) -> Speech {
        let mut words: Vec<String> = text
            .split_whitespace()
            .map(|word| format!(" {word}"))
            .collect();
        if let Some(first) = words.first_mut() {
            *first = first.trim_start().to_owned();
        }
        let limit = limit
            .and_then(|limit| usize::try_from(limit).ok())
            .unwrap_or(usize::MAX);
        let is_cut_short = words.len() > limit;
        words.truncate(limit);
        Speech {
            words,
            is_cut_short,
        }
    }

    pub fn text(&self) -> String {
        self.words.concat()
    }

    /// One word counts as one token.
    pub fn tokens(&self) -> usize {
        self.words.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_unless_a_limit_ends_it() {
        let whole = Speech::of_json("first", None).text();
        let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
        assert_eq!(value["by"], "first");
        let cut = Speech::of_json("first", Some(4)).text();
        assert!(serde_json::from_str::<serde_json::Value>(&cut).is_err());
    }

    #[test]
    fn a_limit_is_kept_and_told() {
        let short = Speech::of("first", Some(3));
        assert_eq!(short.text(), "Hello! I am");
        assert!(short.is_cut_short);
        let whole = Speech::of("first", None);
        assert!(!whole.is_cut_short && whole.tokens() > 50);
        assert!(whole.text().contains("the first stand-in"));
    }
}
