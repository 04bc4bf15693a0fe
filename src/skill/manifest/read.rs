//! From the text of one file to a manifest, or everything that is wrong with it.

mod response;

use super::front;
use super::keys::MANIFEST;
use super::Manifest;
use crate::config::kit::{
    did_you_mean, listed, parse, read_budget, shown, withhold, Entry, Findings, Found, Node,
    Placed, Reader, Section, Value,
};
use crate::config::{Mistake, Place};
use crate::skill::schema::Compiler;
use response::{response, schema_at};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a manifest is read against.
pub struct Context<'a> {
    /// The file's name, which stands before every line number.
    pub name: &'a Arc<str>,
    pub routes: &'a [&'a str],
    pub compiler: &'a Compiler,
}

/// What came of a file.
#[derive(Debug, Default)]
pub struct Outcome {
    /// With the place of its name; none where there is a mistake.
    pub manifest: Option<(Manifest, Place)>,
    pub mistakes: Vec<Mistake>,
    pub warnings: Vec<Mistake>,
    /// False for a `SKILL.md` that says nothing about this gateway.
    pub is_ours: bool,
}

/// Reads a file that is a manifest.
pub fn yaml(context: &Context<'_>, text: &str) -> Outcome {
    if says_nothing(text) {
        let text = "is empty; the smallest manifest has `skill`";
        return refused(vec![Mistake::new(whole(context), "", text)]);
    }
    match parse(context.name, text) {
        Ok(root) => manifest(context, root, "", &Named::default()),
        Err(mistakes) => refused(mistakes),
    }
}

/// Reads the front matter of a `SKILL.md`. What is in it for others is passed over.
pub fn skill_md(context: &Context<'_>, text: &str) -> Outcome {
    let Some(matter) = front::matter(text).filter(|matter| matter.contains(front::OURS)) else {
        return Outcome::default();
    };
    let root = match parse(context.name, &matter) {
        Ok(root) => root,
        Err(mistakes) => return refused(mistakes),
    };
    let named = Named {
        name: member(&root, "name").cloned(),
        description: member(&root, "description").and_then(text_of),
    };
    let Some(metadata) = member(&root, "metadata") else {
        return Outcome::default();
    };
    if let Value::Text(_) = metadata.value {
        let text = "is a text, not a mapping (accepted: keys below it, without quotes around them)";
        return refused(vec![Mistake::new(metadata.place.clone(), "metadata", text)]);
    }
    match member(metadata, front::OURS).cloned() {
        Some(ours) => manifest(context, ours, "metadata.sidegate", &named),
        None => Outcome::default(),
    }
}

/// What the front matter says outside of our part.
#[derive(Debug, Default)]
struct Named {
    name: Option<Node>,
    description: Option<String>,
}

fn manifest(context: &Context<'_>, mut root: Node, path: &str, named: &Named) -> Outcome {
    if let (Some(name), Value::Null) = (&named.name, &root.value) {
        root = Node::map(name.place.clone(), Vec::new());
    }
    lend_name(&mut root, named);
    let reader = Reader::new(None);
    // A schema may speak of passwords and URLs; no other part of a manifest has any.
    let schemas = take_schemas(&mut root);
    for mistake in withhold(&mut root) {
        reader.mistake(&mistake.place, &mistake.path, mistake.text);
    }
    put_back(&mut root, schemas);
    let section = Section::of(&reader, &MANIFEST, path, &whole(context), &root);
    let (mut manifest, place) = read(context, &section);
    manifest.description = manifest.description.or_else(|| named.description.clone());
    let Findings {
        mistakes, warnings, ..
    } = reader.into_findings();
    Outcome {
        manifest: mistakes.is_empty().then_some((manifest, place)),
        mistakes,
        warnings,
        is_ours: true,
    }
}

/// The front matter's `name` is the skill's, unless our part has another.
fn lend_name(root: &mut Node, named: &Named) {
    let has_one = member(root, "skill").is_some();
    if let (Value::Map(entries), Some(name), false) = (&mut root.value, &named.name, has_one) {
        entries.push(Entry {
            name: "skill".to_string(),
            place: name.place.clone(),
            value: name.clone(),
        });
    }
}

fn take_schemas(root: &mut Node) -> Vec<Entry> {
    let Value::Map(entries) = &mut root.value else {
        return Vec::new();
    };
    let (schemas, others) = std::mem::take(entries)
        .into_iter()
        .partition(|entry| matches!(entry.name.as_str(), "request" | "response"));
    *entries = others;
    schemas
}

fn put_back(root: &mut Node, schemas: Vec<Entry>) {
    if let Value::Map(entries) = &mut root.value {
        entries.extend(schemas);
    }
}

fn read(context: &Context<'_>, section: &Section<'_>) -> (Manifest, Place) {
    let name: Found<String> = section.get("skill");
    let tools = section.optional::<Vec<Placed<String>>>("tools");
    let tools: Option<BTreeSet<Arc<str>>> = tools.map(|found| {
        found
            .value
            .iter()
            .map(|tool| Arc::from(tool.value.as_str()))
            .collect()
    });
    let value = |found: Found<String>| found.value;
    let manifest = Manifest {
        name: Arc::from(name.value.as_str()),
        description: section.optional("description").map(value),
        file: Arc::clone(context.name),
        route: route(context, section),
        lane: section.optional("lane").map(|found| found.value),
        max_tokens: section.optional("max_tokens").map(|found| found.value),
        request: section
            .node("request")
            .and_then(|node| schema_at(context, section, "request", node)),
        response: response(context, section, tools.as_ref()),
        budget: read_budget(section),
        tools,
    };
    (manifest, name.place)
}

fn route(context: &Context<'_>, section: &Section<'_>) -> Option<usize> {
    let found: Found<String> = section.optional("route")?;
    let index = context
        .routes
        .iter()
        .position(|route| *route == found.value);
    if index.is_none() && found.sound {
        let routes = context.routes.iter().copied();
        let near = did_you_mean(&found.value, routes.clone());
        let text = format!(
            "{} names no route{near} (known: {})",
            shown(&found.value),
            listed(routes)
        );
        section.mistake("route", &found.place, text);
    }
    index
}

/// The first member of a mapping that is called so.
fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let entry = entries.iter().find(|entry| entry.name == name)?;
    Some(&entry.value)
}

fn text_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// Nothing but comments, blank lines, document marks and a null.
fn says_nothing(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().map(str::trim);
    lines.all(|line| line.starts_with('#') || matches!(line, "" | "---" | "..." | "null" | "~"))
}

fn whole(context: &Context<'_>) -> Place {
    Place::WholeFile(Arc::clone(context.name))
}

fn refused(mistakes: Vec<Mistake>) -> Outcome {
    Outcome {
        mistakes,
        is_ours: true,
        ..Outcome::default()
    }
}
