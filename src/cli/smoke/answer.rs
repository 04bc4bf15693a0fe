//! What an answer says about the alias.

use serde::Deserialize;

use crate::http_client::Reply;

/// Who served it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Served {
    pub upstream: Option<String>,
    /// As the upstream calls it.
    pub model: Option<String>,
}

/// It wasn't served.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The failure's code, or what stands for it.
    pub code: String,
    /// What to do about it.
    pub why: String,
    /// The last that was asked, where one was.
    pub upstream: Option<String>,
}

/// As much of a failure summary as is shown.
#[derive(Deserialize)]
struct Summary {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    message: String,
}

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
}

impl Refused {
    /// Nothing came back.
    pub fn unheard(why: String) -> Refused {
        Refused {
            code: "no_answer".to_owned(),
            why,
            upstream: None,
        }
    }

    /// The upstream refused the request itself, as one does that only makes embeddings.
    pub fn may_be_no_chat_model(&self) -> bool {
        self.code == "upstream_rejected"
    }
}

pub fn judge(reply: &Reply) -> Result<Served, Refused> {
    let upstream = header(reply, "x-sidegate-upstream");
    if reply.status == 200 {
        let answer: Option<Answer> = serde_json::from_slice(&reply.body).ok();
        return match answer {
            Some(answer) => Ok(Served {
                upstream,
                model: answer.model,
            }),
            None => Err(Refused {
                code: "no_json".to_owned(),
                why: "the answer is no JSON object".to_owned(),
                upstream,
            }),
        };
    }
    let summary: Option<Summary> = serde_json::from_slice(&reply.body).ok();
    Err(match summary {
        Some(Summary { error }) => Refused {
            code: error.code,
            why: error.message,
            upstream,
        },
        None => Refused {
            code: format!("status_{}", reply.status),
            why: "whatever listens there doesn't answer as sidegate does".to_owned(),
            upstream: None,
        },
    })
}

fn header(reply: &Reply, name: &str) -> Option<String> {
    let value = reply.headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Reply {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-sidegate-upstream", "a".parse().unwrap());
        Reply {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_good_answer_names_who_served() {
        let served = judge(&reply(200, r#"{"model": "m"}"#)).unwrap();
        assert_eq!(
            (served.upstream.as_deref(), served.model.as_deref()),
            (Some("a"), Some("m"))
        );
        assert_eq!(judge(&reply(200, "hello")).unwrap_err().code, "no_json");
    }

    #[test]
    fn a_failure_keeps_its_code_and_its_advice() {
        let summary = r#"{"error": {"code": "upstream_rejected", "message": "do this"}}"#;
        let refused = judge(&reply(400, summary)).unwrap_err();
        let told = (refused.why.as_str(), refused.upstream.as_deref());
        assert_eq!(told, ("do this", Some("a")));
        assert!(refused.may_be_no_chat_model());
        assert_eq!(judge(&reply(502, "<html>")).unwrap_err().code, "status_502");
    }
}
