//! The keys of a manifest, in the notation of the configuration's own tables.

use crate::config::kit::{
    check_name, words, Key, Kind, Refusal, Rule, Table, BUDGET, NAME_ACCEPTS, NAME_PATTERN, TOKENS,
};
use crate::config::Lane;

/// The whole manifest.
pub static MANIFEST: Table = Table {
    title: "a manifest",
    keys: &[
        Key::required("skill", Kind::Text(&SKILL), "The name that requests and tokens use."),
        Key::optional("description", Kind::Text(&WORDS), "What it is for."),
        Key::optional("route", Kind::Text(&ROUTE), "The only route that its requests take."),
        Key::optional("lane", Kind::Choice(words::<Lane>), "The only lane that its requests take."),
        Key::optional(
            "max_tokens",
            Kind::Count(1, TOKENS),
            "Clamps what a request asks for, beside the route's own.",
        ),
        Key::optional(
            "tools",
            Kind::List(&Kind::Text(&TOOL)),
            "The only tools that may be offered to the model; `[]` allows none. Without it any may.",
        ),
        Key::optional(
            "request",
            Kind::Section(&SCHEMA),
            "A JSON Schema for the whole body of a request.",
        ),
        Key::optional(
            "response",
            Kind::Section(&SCHEMA),
            "A JSON Schema for the content of an answer, or `content` and `tools` with one for each.",
        ),
        BUDGET,
    ],
};

/// The two that `response` may be split into.
pub static RESPONSE: Table = Table {
    title: "`response`",
    keys: &[
        Key::optional(
            "content",
            Kind::Section(&SCHEMA),
            "A JSON Schema for the content.",
        ),
        Key::optional(
            "tools",
            Kind::Named(&SCHEMA),
            "JSON Schemas for the arguments of calls, by tool.",
        ),
    ],
};

/// Read by rules of its own.
static SCHEMA: Table = Table {
    title: "a JSON Schema",
    keys: &[],
};

static SKILL: Rule = Rule {
    read: |text| check_name(text).map(|()| text.to_string()),
    accepts: NAME_ACCEPTS,
    pattern: NAME_PATTERN,
};

static ROUTE: Rule = Rule {
    read: route,
    accepts: "the name of a route in the configuration",
    pattern: NAME_PATTERN,
};

static TOOL: Rule = Rule {
    read: tool,
    accepts: "a tool's name: 1 to 128 visible ASCII characters",
    pattern: "^[!-~]{1,128}$",
};

static WORDS: Rule = Rule {
    read: |text| Ok(text.to_string()),
    accepts: "a text",
    pattern: "",
};

fn route(text: &str) -> Result<String, Refusal> {
    if text.contains("://") || text.contains('/') {
        return Err(Refusal::new("is an address, and a skill knows routes only"));
    }
    check_name(text).map(|()| text.to_string())
}

fn tool(text: &str) -> Result<String, Refusal> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(1..=128).contains(&text.len()) {
        return Err(Refusal::new("is no tool's name"));
    }
    Ok(text.to_string())
}
