//! The table of all failures for `docs/failures.md`, made of the same constants that make the answers.

use super::hint::{self, Advice, Case};
use super::Code;
use crate::config::Family;

/// Two Markdown tables: every code, then the advice that differs by family or by what was seen.
pub fn table_markdown() -> String {
    let mut page = String::from(
        "| code | status | type | resent by SDKs | when | hint |\n|---|---|---|---|---|---|\n",
    );
    for &code in Code::ALL {
        page.push_str(&row(code));
    }
    page.push_str("\n| seen | family | hint |\n|---|---|---|\n");
    for case in [Case::HtmlPage, Case::Loading] {
        if let Some(advice) = hint::of(case, None) {
            page.push_str(&case_row(case, "any", advice));
        }
        page.push_str(&family_rows(case));
    }
    for &code in Code::ALL {
        page.push_str(&family_rows(Case::Code(code)));
    }
    page
}

fn row(code: Code) -> String {
    let hint = hint::of(Case::Code(code), None).map_or_else(String::new, |advice| {
        sample(advice, hint::default_key(code))
    });
    format!(
        "| `{}` | {} | `{}` | {} | {} | {hint} |\n",
        code.as_str(),
        status(code),
        code.error_type(),
        resent(code),
        code.when(),
    )
}

fn status(code: Code) -> String {
    match code {
        Code::StreamInterrupted => "in the stream".to_owned(),
        kept if kept.keeps_upstream_status() => format!("4xx, else {}", kept.status()),
        own => own.status().to_string(),
    }
}

fn resent(code: Code) -> &'static str {
    match code {
        Code::StreamInterrupted | Code::ClientClosed => "–",
        other if other.retryable() => "yes",
        _ => "no",
    }
}

fn family_rows(case: Case) -> String {
    let own = |family| Some((family, hint::of(case, Some(family))?));
    Family::ALL
        .into_iter()
        .filter_map(own)
        .map(|(family, advice)| case_row(case, family.as_str(), advice))
        .collect()
}

fn case_row(case: Case, family: &str, advice: Advice) -> String {
    let (seen, key) = match case {
        Case::HtmlPage => ("an HTML page".to_owned(), None),
        Case::Loading => ("the model is loading".to_owned(), None),
        Case::Code(code) => (format!("`{}`", code.as_str()), hint::default_key(code)),
    };
    format!("| {seen} | {family} | {} |\n", sample(advice, key))
}

/// The advice as a reader of the page sees it, with names where an answer has facts.
fn sample(advice: Advice, key: Option<&str>) -> String {
    format!("{}; {}.", advice.act, advice.more)
        .replace("{wait}", "N s")
        .replace("{renews}", "")
        .replace("{place}", "")
        .replace("{key}", key.unwrap_or("the limit"))
        .replace("{id}", "ID")
        .replace('|', "\\|")
}
