//! `sidegate skills`: what each skill may do, by the manifests as they are now.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{json, Value};

use super::output::{complain, show, visible};
use super::table::{or_dash, Table};
use super::{Context, Exit};
use crate::config::{Budget, Config, Word};
use crate::skill::{self, Found, Manifest};

#[derive(clap::Args)]
pub struct Arguments {
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(context: &Context, arguments: &Arguments) -> Exit {
    let config = match context.config() {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let found = skill::load_for(&config);
    for mistake in &found.mistakes {
        complain(&mistake.to_string());
    }
    for warning in &found.warnings {
        complain(&format!("warning: {warning}"));
    }
    if !found.mistakes.is_empty() {
        complain("none of the skills is taken until that is mended; a gateway that runs goes on with what it has");
        return Exit::Configuration;
    }
    show(&match arguments.json {
        true => as_json(&config, &found),
        false => text(&config, &found),
    });
    match found.warnings.is_empty() {
        true => Exit::Done,
        false => Exit::Finding,
    }
}

fn text(config: &Config, found: &Found) -> String {
    let folder = config.skills_dir.display();
    let mut text = match found.skills.iter().next() {
        Some(_) => table(config, found).text(),
        None => format!("no skills in {folder}: a manifest there makes one\n"),
    };
    for path in &found.without_policy {
        text.push_str(&format!(
            "{path}: has no `metadata.sidegate`, so nobody can name it here\n"
        ));
    }
    text
}

fn table(config: &Config, found: &Found) -> Table {
    let mut table = Table::new(&[
        "SKILL",
        "ROUTE",
        "LANE",
        "MAX TOKENS",
        "TOOLS",
        "REQUEST",
        "RESPONSE",
        "BUDGET",
        "FILE",
        "DESCRIPTION",
    ]);
    for skill in found.skills.iter() {
        table.add([
            skill.name.to_string(),
            or_any(route(config, skill)),
            or_any(skill.lane.map(|lane| lane.as_str())),
            or_dash(skill.max_tokens),
            tools(skill.tools.as_ref()),
            checked(skill.request.is_some()),
            response(skill),
            or_dash(skill.budget.as_ref().map(budget)),
            file_name(&skill.file),
            // It may be a stranger's.
            visible(skill.description.as_deref().unwrap_or_default()),
        ]);
    }
    table
}

fn route<'c>(config: &'c Config, skill: &Manifest) -> Option<&'c str> {
    let route = config.routes.get(skill.route?)?;
    Some(&route.name)
}

fn or_any(value: Option<&str>) -> String {
    value.unwrap_or("any").to_owned()
}

fn tools(tools: Option<&BTreeSet<Arc<str>>>) -> String {
    match tools {
        None => "any".to_owned(),
        Some(tools) if tools.is_empty() => "none".to_owned(),
        Some(tools) => joined(tools.iter()),
    }
}

fn checked(is_checked: bool) -> String {
    let word = if is_checked { "schema" } else { "any" };
    word.to_owned()
}

fn response(skill: &Manifest) -> String {
    let content = skill.response.content.iter().map(|_| "content".to_owned());
    let tools = skill.response.tools.keys().map(ToString::to_string);
    match content.chain(tools).collect::<Vec<_>>().as_slice() {
        [] => "any".to_owned(),
        schemas => format!("schema of {}", schemas.join(",")),
    }
}

fn joined<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> String {
    names.map(|name| &**name).collect::<Vec<_>>().join(",")
}

fn budget(budget: &Budget) -> String {
    format!("{} per {}", budget.tokens, budget.per.word())
}

fn file_name(file: &str) -> String {
    let path = Path::new(file);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(Path::file_name);
    match folder.filter(|_| name == "SKILL.md") {
        Some(folder) => format!("{}/{name}", folder.to_string_lossy()),
        None => name.into_owned(),
    }
}

#[derive(Serialize)]
struct Listing<'a> {
    dir: String,
    skills: Vec<Value>,
    without_policy: &'a [String],
    warnings: Vec<String>,
}

fn as_json(config: &Config, found: &Found) -> String {
    let listing = Listing {
        dir: config.skills_dir.display().to_string(),
        skills: found
            .skills
            .iter()
            .map(|skill| entry(config, skill))
            .collect(),
        without_policy: &found.without_policy,
        warnings: found.warnings.iter().map(ToString::to_string).collect(),
    };
    let mut text = serde_json::to_string_pretty(&listing).unwrap_or_default();
    text.push('\n');
    text
}

fn entry(config: &Config, skill: &Manifest) -> Value {
    let tools = skill.tools.as_ref().map(|tools| names(tools.iter()));
    json!({
        "skill": &*skill.name,
        "description": skill.description,
        "file": &*skill.file,
        "route": route(config, skill),
        "lane": skill.lane.map(|lane| lane.as_str()),
        "max_tokens": skill.max_tokens,
        "tools": tools,
        "checks_request": skill.request.is_some(),
        "checks_content": skill.response.content.is_some(),
        "checks_arguments_of": names(skill.response.tools.keys()),
        "budget": skill.budget.as_ref().map(|budget| json!({"tokens": budget.tokens, "per": budget.per.word()})),
    })
}

fn names<'n>(names: impl Iterator<Item = &'n Arc<str>>) -> Vec<&'n str> {
    names.map(|name| &**name).collect()
}
