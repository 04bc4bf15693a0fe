//! Whether the models that routes name are there, and whether they take as much as routes say.

use serde_json::Value;

use super::answer::Heard;
use super::visit::Visit;
use crate::cli::doctor::{Check, Finding};
use crate::cli::fingerprint::Answer;
use crate::config::{Config, Family, Route, Target};

/// So many names help; more hide what is said.
const NAMES_SHOWN: usize = 5;

const LONGEST_NAME: usize = 80;

/// One model that a server lists.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    names: Vec<String>,
    /// Tokens that it takes.
    context: Option<u64>,
}

pub fn check(config: &Config, visit: &Visit, answer: &Answer) -> Vec<Finding> {
    let Some(listed) = listed(answer) else {
        let evidence = "doesn't list its models: whether it has those that routes name isn't known";
        return vec![Finding::ok(Check::UpstreamModels, evidence)];
    };
    let mut findings = Vec::new();
    let mut named = 0;
    for (route, target, model) in targets(config, &visit.upstream.name) {
        named += 1;
        match listed.iter().find(|one| has_name(one, model)) {
            None => findings.push(missing(
                visit.upstream.family,
                answer,
                &listed,
                route,
                model,
            )),
            Some(one) => {
                let learned = one.context.or_else(|| learned(visit, model));
                findings.extend(context(route, target, model, learned));
            }
        }
    }
    let is_missing = |finding: &Finding| finding.check == Check::UpstreamModels;
    if !findings.iter().any(is_missing) {
        let evidence = match named {
            0 => "no route names a model there".to_owned(),
            named => format!("has every model that routes name ({named})"),
        };
        findings.insert(0, Finding::ok(Check::UpstreamModels, evidence));
    }
    findings
}

/// The targets at an upstream that name a model; where names pass through there is nothing to hold them against.
fn targets<'a>(
    config: &'a Config,
    upstream: &'a str,
) -> impl Iterator<Item = (&'a Route, &'a Target, &'a str)> {
    let is_it = move |target: &&Target| {
        let named = config.upstreams.get(target.upstream);
        named.is_some_and(|named| named.name == upstream)
    };
    config.routes.iter().flat_map(move |route| {
        let targets = route.targets.iter().filter(is_it);
        targets.filter_map(move |target| Some((route, target, target.model.as_deref()?)))
    })
}

fn listed(answer: &Answer) -> Option<Vec<Listed>> {
    let data = answer.json.as_ref()?.get("data")?.as_array()?;
    Some(data.iter().filter_map(one).collect())
}

fn one(entry: &Value) -> Option<Listed> {
    let mut names = vec![entry.get("id")?.as_str()?.to_owned()];
    let aliases = entry.get("aliases").and_then(Value::as_array);
    let aliases = aliases.into_iter().flatten().filter_map(Value::as_str);
    names.extend(aliases.map(str::to_owned));
    // vLLM and SGLang; llama.cpp.
    let context = ["/max_model_len", "/meta/n_ctx"].iter();
    let context = context.filter_map(|pointer| entry.pointer(pointer)?.as_u64());
    Some(Listed {
        names,
        context: context.into_iter().next(),
    })
}

/// Ollama's names have a tag, and one without means `latest`.
fn has_name(listed: &Listed, model: &str) -> bool {
    let is_it = |name: &String| name == model || name.strip_suffix(":latest") == Some(model);
    listed.names.iter().any(is_it)
}

fn missing(
    family: Family,
    answer: &Answer,
    listed: &[Listed],
    route: &Route,
    model: &str,
) -> Finding {
    let has = match listed {
        [] => "none at all".to_owned(),
        listed => {
            let names = listed.iter().filter_map(|one| one.names.first());
            let mut text = names
                .take(NAMES_SHOWN)
                .map(|name| plain(name))
                .collect::<Vec<_>>()
                .join(", ");
            if listed.len() > NAMES_SHOWN {
                text.push_str(&format!(" and {} more", listed.len() - NAMES_SHOWN));
            }
            text
        }
    };
    let evidence = format!("route {} asks for {model}, and it has {has}", route.name);
    let remedy = format!(
        "load {model} there, or correct routes.{}.targets",
        route.name
    );
    // One page of several, names that stand for others, models loaded when they are asked for: then a list is no proof.
    let has_more = answer.json.as_ref().and_then(|json| json.get("has_more"));
    let is_partial = has_more.and_then(Value::as_bool).unwrap_or(false);
    match family {
        _ if is_partial => Finding::warning(Check::UpstreamModels, evidence, remedy),
        Family::Anthropic | Family::Mlx => {
            Finding::warning(Check::UpstreamModels, evidence, remedy)
        }
        _ => Finding::failure(Check::UpstreamModels, evidence, remedy),
    }
}

/// A name that a server gave, without anything that could be more than a name.
fn plain(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._:/@+-".contains(letter);
    let letters = name.chars().take(LONGEST_NAME);
    letters
        .map(|letter| if is_plain(letter) { letter } else { '?' })
        .collect()
}

/// From the path that only its family has.
fn learned(visit: &Visit, model: &str) -> Option<u64> {
    let Some(Heard::Answer(own)) = &visit.own else {
        return None;
    };
    let json = own.json.as_ref().filter(|_| own.status == 200)?;
    match visit.upstream.family {
        Family::LlamaCpp => json.pointer("/default_generation_settings/n_ctx")?.as_u64(),
        Family::LmStudio => {
            let models = json.get("data")?.as_array()?;
            let entry = models.iter().find(|entry| entry["id"] == model)?;
            let loaded = entry.get("loaded_context_length").and_then(Value::as_u64);
            loaded.or(entry.get("max_context_length").and_then(Value::as_u64))
        }
        Family::Vllm
        | Family::Mlx
        | Family::Ollama
        | Family::Sglang
        | Family::Openai
        | Family::Anthropic
        | Family::Other => None,
    }
}

fn context(route: &Route, target: &Target, model: &str, learned: Option<u64>) -> Option<Finding> {
    let (said, takes) = (target.context?, learned?);
    let name = &route.name;
    if said <= takes {
        let evidence = format!("route {name}: {model} takes {takes} tokens, and context is {said}");
        return Some(Finding::ok(Check::UpstreamContext, evidence));
    }
    let evidence =
        format!("route {name} says that {model} takes {said} tokens, and the server takes {takes}");
    let remedy = format!("set context: {takes} there, or start the server with more");
    Some(Finding::warning(Check::UpstreamContext, evidence, remedy))
}
