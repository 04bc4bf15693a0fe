//! The schemas of a manifest: what its `request` and `response` hold.

use super::super::keys::RESPONSE;
use super::super::Response;
use super::{member, Context};
use crate::config::kit::{did_you_mean, plain, shown, Node, Reader, Section, Value};
use crate::skill::schema::{self, Schema};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A schema for the content, or one each for the content and for tools: these two are no keywords of a schema.
pub fn response(
    context: &Context<'_>,
    section: &Section<'_>,
    offered: Option<&BTreeSet<Arc<str>>>,
) -> Response {
    let Some(node) = section.node("response") else {
        return Response::default();
    };
    let is_split = ["content", "tools"]
        .iter()
        .any(|name| member(node, name).is_some());
    if !is_split {
        return Response {
            content: schema_at(context, section, "response", node),
            tools: BTreeMap::new(),
        };
    }
    let path = section.path_of("response");
    let split = Section::of(section.reader, &RESPONSE, &path, &node.place, node);
    Response {
        content: split
            .node("content")
            .and_then(|node| schema_at(context, &split, "content", node)),
        tools: tools(context, &split, offered),
    }
}

fn tools(
    context: &Context<'_>,
    split: &Section<'_>,
    offered: Option<&BTreeSet<Arc<str>>>,
) -> BTreeMap<Arc<str>, Schema> {
    let Some(node) = split.node("tools") else {
        return BTreeMap::new();
    };
    let Value::Map(entries) = &node.value else {
        let text = format!(
            "{} is no mapping (accepted: tools by name, each with a JSON Schema)",
            node.described()
        );
        split.mistake("tools", &node.place, text);
        return BTreeMap::new();
    };
    let path = format!("{}.tools", split.path);
    let mut schemas = BTreeMap::new();
    for entry in entries {
        let name: Arc<str> = Arc::from(entry.name.as_str());
        if let Some(offered) = offered.filter(|offered| !offered.contains(&name)) {
            let near = did_you_mean(&name, offered.iter().map(|tool| tool.as_ref()));
            let text = format!("{} is none of `tools`{near}", shown(&name));
            split.reader.mistake(&entry.place, &path, text);
        }
        let below = format!("{path}.{}", plain(&name));
        let Some(schema) = compiled(context, split.reader, &below, &entry.value) else {
            continue;
        };
        if schemas.insert(name, schema).is_some() {
            split
                .reader
                .mistake(&entry.place, &below, "is written twice");
        }
    }
    schemas
}

pub fn schema_at(
    context: &Context<'_>,
    section: &Section<'_>,
    name: &str,
    node: &Node,
) -> Option<Schema> {
    compiled(context, section.reader, &section.path_of(name), node)
}

fn compiled(context: &Context<'_>, reader: &Reader, path: &str, node: &Node) -> Option<Schema> {
    let value = schema::read(reader, context.compiler, path, node)?;
    match context.compiler.compile(&value) {
        Ok(schema) => Some(schema),
        Err(why) => {
            reader.mistake(&node.place, path, why);
            None
        }
    }
}
