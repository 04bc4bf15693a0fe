//! What happened to one request, as text for people and as JSON for scripts.

mod text;
mod time;

use serde::Serialize;
use serde_json::value::RawValue;

use super::line::{Access, Raw};
use crate::config::{Config, Family};
use crate::failure::{hint, About, Code, Failure};

/// Everything that is known of one request.
#[derive(Debug)]
pub struct Story<'a> {
    pub id: &'a str,
    /// None while it is under way, or when its line was lost.
    pub access: Option<Access<'a>>,
    /// Lines of requests before this one that had the same id.
    pub earlier: usize,
    pub raw: Vec<Raw<'a>>,
    /// None where it is broken.
    pub config: Option<&'a Config>,
}

#[derive(Serialize)]
struct Json<'a> {
    correlation_id: &'a str,
    /// The line as it was written.
    access: Option<&'a RawValue>,
    access_file: Option<String>,
    earlier_with_this_id: usize,
    raw_errors: Vec<&'a RawValue>,
    hint: Option<String>,
    notes: &'a [String],
}

impl Story<'_> {
    /// Bodies are whole, other than in the text.
    pub fn json(&self, notes: &[String]) -> String {
        let access = self.access.as_ref();
        let json = Json {
            correlation_id: self.id,
            access: access.map(|access| access.json),
            access_file: access.map(|access| access.file.display().to_string()),
            earlier_with_this_id: self.earlier,
            raw_errors: self.raw.iter().map(|raw| raw.json).collect(),
            hint: self.hint(),
            notes,
        };
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }

    pub fn text(&self) -> String {
        text::of(self)
    }

    /// The failure's code; none where it went well, or where this build doesn't know it.
    pub fn code(&self) -> Option<Code> {
        let name = self.access.as_ref()?.of.code.as_deref()?;
        Code::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    pub fn route(&self) -> Option<&str> {
        self.access.as_ref()?.of.route.as_deref()
    }

    /// What the client was told to do about it; made anew for a line of an older gateway, as far as the files tell.
    fn hint(&self) -> Option<String> {
        let fields = &self.access.as_ref()?.of;
        if fields.hint.is_some() {
            return fields.hint.clone();
        }
        let mut failure = Failure::new(self.code()?);
        if let Some(status) = fields.status {
            failure = failure.status(status);
        }
        if let Some(status) = fields.upstream_status {
            failure = failure.upstream_status(status);
        }
        // Of the attempts the last one had the last word.
        let last = self
            .raw
            .last()
            .filter(|last| last.of.attempt == fields.attempts);
        if last.is_some_and(Raw::is_html_page) {
            failure = failure.html_page();
        }
        let family = self.family();
        let about = About {
            route: fields.route.as_deref().unwrap_or("none"),
            provider_family: family.map_or("none", Family::as_str),
            correlation_id: self.id,
            attempts: fields.attempts.unwrap_or(0),
        };
        Some(hint(&failure, &about))
    }

    /// Of the last upstream asked, by what the configuration says now.
    fn family(&self) -> Option<Family> {
        let name = self.access.as_ref()?.of.upstream.as_deref()?;
        let mut upstreams = self.config?.upstreams.iter();
        let upstream = upstreams.find(|upstream| upstream.name == name)?;
        Some(upstream.family)
    }
}

#[cfg(test)]
mod tests;
