//! Log lines as they are read back. An older or newer gateway may have written them: what isn't there is none.

use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::search::Found;

/// The access line of a request.
#[derive(Debug)]
pub struct Access<'a> {
    pub file: &'a Path,
    /// As it stands in the file.
    pub json: &'a RawValue,
    pub of: AccessFields,
}

/// What an upstream said when it failed.
#[derive(Debug)]
pub struct Raw<'a> {
    pub file: &'a Path,
    pub json: &'a RawValue,
    pub of: RawFields,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AccessFields {
    pub ts: Option<String>,
    pub correlation_id: Option<String>,
    pub caller: Option<String>,
    pub route: Option<String>,
    pub lane: Option<String>,
    pub upstream: Option<String>,
    pub status: Option<u16>,
    pub code: Option<String>,
    pub attempts: Option<u32>,
    pub queue_seconds: Option<f64>,
    pub first_token_seconds: Option<f64>,
    pub duration_seconds: Option<f64>,
    pub bytes_in: Option<u64>,
    pub bytes_out: Option<u64>,
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    pub usage_source: Option<String>,
    pub finish_reason: Option<String>,
    pub config_generation: Option<u64>,
    pub method: Option<String>,
    pub path: Option<String>,
    pub stream: Option<bool>,
    pub client_retry: Option<u32>,
    pub phase: Option<String>,
    pub upstream_status: Option<u16>,
    pub dropped_events: Option<u64>,
    pub skill: Option<String>,
    pub answer_fits: Option<bool>,
    pub refused_answers: Option<u64>,
    pub discarded_tokens: Option<u64>,
    pub tries: Option<Vec<Try>>,
    pub upload_seconds: Option<f64>,
    /// None in a line of an older gateway, which didn't say where the time went.
    pub waits: Option<Vec<Wait>>,
    pub hint: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Try {
    pub upstream: Option<String>,
    pub outcome: Option<String>,
    pub status: Option<u16>,
    pub began_seconds: Option<f64>,
    pub took_seconds: Option<f64>,
    pub reused: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wait {
    #[serde(rename = "for")]
    pub what: Option<String>,
    pub upstream: Option<String>,
    pub began_seconds: Option<f64>,
    pub took_seconds: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawFields {
    pub ts: Option<String>,
    pub correlation_id: Option<String>,
    pub attempt: Option<u32>,
    pub upstream: Option<String>,
    pub status: Option<u16>,
    pub content_type: Option<String>,
    pub body: Option<String>,
    /// Why there is none.
    pub body_omitted: Option<String>,
}

impl<'a> Access<'a> {
    /// None where the line is no access line of this id after all.
    pub fn read(found: &'a Found, id: &str) -> Option<Access<'a>> {
        let of: AccessFields = serde_json::from_str(&found.line).ok()?;
        let is_it = of.correlation_id.as_deref() == Some(id);
        Some(Access {
            file: &found.file,
            json: serde_json::from_str(&found.line).ok().filter(|_| is_it)?,
            of,
        })
    }
}

impl<'a> Raw<'a> {
    /// None where the line is no raw error of this id after all.
    pub fn read(found: &'a Found, id: &str) -> Option<Raw<'a>> {
        let of: RawFields = serde_json::from_str(&found.line).ok()?;
        let is_it = of.correlation_id.as_deref() == Some(id);
        Some(Raw {
            file: &found.file,
            json: serde_json::from_str(&found.line).ok().filter(|_| is_it)?,
            of,
        })
    }

    /// Clients may use an id again: what happened before this request began isn't its own. Times are all written with the
    /// same number of digits, so that texts compare as the times do.
    pub fn is_of(&self, access: &Access) -> bool {
        match (&self.of.ts, &access.of.ts) {
            (Some(at), Some(began)) => at >= began,
            _ => true,
        }
    }

    pub fn order(&self) -> (Option<&str>, Option<u32>) {
        (self.of.ts.as_deref(), self.of.attempt)
    }

    /// Whether a web page answered.
    pub fn is_html_page(&self) -> bool {
        let kind = self.of.content_type.as_deref().unwrap_or_default();
        let starts = "text/html";
        kind.get(..starts.len())
            .is_some_and(|kind| kind.eq_ignore_ascii_case(starts))
    }
}
