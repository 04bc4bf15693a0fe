//! From servers to upstreams and routes: what the configuration will say, without its words.

use super::wishes::Server;
use crate::cli::fingerprint::{may_be_named, Model, Models};
use crate::config::Family;

/// A server may know dozens of models that were ever downloaded; the first ones are the loaded ones.
const MOST_OF_A_SERVER: usize = 8;

/// As long as a name may be.
const LONGEST_NAME: usize = 64;

/// What will be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub upstreams: Vec<PlannedUpstream>,
    pub routes: Vec<PlannedRoute>,
    /// What won't, and why.
    pub left_out: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct PlannedUpstream {
    pub name: String,
    pub url: String,
    pub family: Family,
    pub key_file: Option<String>,
    /// It wants a key that nobody has named yet.
    pub lacks_key: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct PlannedRoute {
    pub name: String,
    pub kind: Kind,
    pub aliases: Vec<String>,
    pub targets: Vec<PlannedTarget>,
}

/// What a route is for, as far as the model's name and its server show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Chat,
    Vectors,
    /// Every name that no other route has.
    Rest,
}

#[derive(Debug, PartialEq, Eq)]
pub struct PlannedTarget {
    pub upstream: String,
    /// None where every name passes through.
    pub model: Option<String>,
    pub context: Option<u64>,
}

/// Every model becomes a route of its own under the name that clients have used so far; two servers with the same model
/// become one route, the first model that chats also `default`. The first server that doesn't say its models gets all
/// names that are left.
pub fn plan(servers: Vec<Server>) -> Plan {
    let mut plan = Plan::default();
    for server in servers {
        match &server.models {
            Models::Listed(models) if models.is_empty() => {
                plan.left_out
                    .push(format!("{}, which has no model", server.url));
            }
            Models::Listed(models) => plan.add_models(&server, models),
            Models::KeyWanted | Models::Unsaid => plan.add_unknown(&server),
        }
    }
    plan.name_default();
    plan
}

impl Plan {
    fn add_models(&mut self, server: &Server, models: &[Model]) {
        let upstream = self.add_upstream(server);
        for model in models.iter().take(MOST_OF_A_SERVER) {
            self.add_model(&upstream, model);
        }
        let rest: Vec<&str> = models
            .iter()
            .skip(MOST_OF_A_SERVER)
            .map(|model| model.name.as_str())
            .collect();
        if !rest.is_empty() {
            let text = format!(
                "{} more models of {upstream}: {}",
                rest.len(),
                rest.join(", ")
            );
            self.left_out.push(text);
        }
    }

    fn add_model(&mut self, upstream: &str, model: &Model) {
        let target = PlannedTarget {
            upstream: upstream.to_owned(),
            model: Some(model.name.clone()),
            context: model.context,
        };
        let alias = alias(&model.name);
        let kind = match model.embeds {
            true => Kind::Vectors,
            false => Kind::Chat,
        };
        let known = self
            .routes
            .iter_mut()
            .find(|route| route.aliases.contains(&alias));
        match known {
            Some(route) if route.targets.iter().all(|other| other.upstream != upstream) => {
                route.targets.push(target);
            }
            // Two files of one name in two folders of one server: only their full names differ.
            Some(_) => self.add_route(model.name.clone(), kind, target),
            None => self.add_route(alias, kind, target),
        }
    }

    fn add_route(&mut self, alias: String, kind: Kind, target: PlannedTarget) {
        if self
            .routes
            .iter()
            .any(|route| route.aliases.contains(&alias))
        {
            return;
        }
        let name = match kind {
            Kind::Chat | Kind::Vectors => slug(&alias),
            Kind::Rest => "other".to_owned(),
        };
        let taken: Vec<&str> = self
            .routes
            .iter()
            .map(|route| route.name.as_str())
            .collect();
        self.routes.push(PlannedRoute {
            name: free(&name, &taken),
            kind,
            aliases: vec![alias],
            targets: vec![target],
        });
    }

    fn add_unknown(&mut self, server: &Server) {
        if self.routes.iter().any(|route| route.kind == Kind::Rest) {
            let text = format!(
                "{}, whose models aren't known: name them with --server and --model",
                server.url
            );
            self.left_out.push(text);
            return;
        }
        let target = PlannedTarget {
            upstream: self.add_upstream(server),
            model: None,
            context: None,
        };
        self.add_route("*".to_owned(), Kind::Rest, target);
    }

    fn add_upstream(&mut self, server: &Server) -> String {
        let wanted = match server.family {
            Family::Other => "local",
            Family::Vllm
            | Family::LlamaCpp
            | Family::Mlx
            | Family::LmStudio
            | Family::Ollama
            | Family::Sglang
            | Family::Openai
            | Family::Anthropic => server.family.as_str(),
        };
        let taken: Vec<&str> = self
            .upstreams
            .iter()
            .map(|upstream| upstream.name.as_str())
            .collect();
        let name = free(wanted, &taken);
        self.upstreams.push(PlannedUpstream {
            name: name.clone(),
            url: server.url.clone(),
            family: server.family,
            lacks_key: server.models == Models::KeyWanted && server.key_file.is_none(),
            key_file: server.key_file.clone(),
        });
        name
    }

    /// `default` goes to the first model that chats, whose route is then called `chat`.
    fn name_default(&mut self) {
        let is_taken = |route: &PlannedRoute| {
            route.name == "chat" || route.aliases.iter().any(|alias| alias == "default")
        };
        let taken = self.routes.iter().any(is_taken);
        if let Some(route) = self
            .routes
            .iter_mut()
            .find(|route| route.kind == Kind::Chat && !taken)
        {
            "chat".clone_into(&mut route.name);
            route.aliases.push("default".to_owned());
        }
    }
}

/// What clients call it: its name, but without the folders and the ending of a file.
fn alias(model: &str) -> String {
    let is_file = model.starts_with('/') || model.ends_with(".gguf");
    let last = model.rsplit('/').next().unwrap_or(model).trim();
    let bare = last.strip_suffix(".gguf").unwrap_or(last).trim();
    match is_file && may_be_named(bare) {
        true => bare.to_owned(),
        false => model.to_owned(),
    }
}

/// A name that may stand in metrics and scopes, made of a model's.
fn slug(alias: &str) -> String {
    let last = alias.rsplit('/').next().unwrap_or(alias).to_lowercase();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let slug: String = last.chars().map(plain).take(LONGEST_NAME).collect();
    match slug.trim_matches('-') {
        "" | "none" => "model".to_owned(),
        slug => slug.to_owned(),
    }
}

/// The name, or the name with the first number that is free.
fn free(wanted: &str, taken: &[&str]) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while taken.contains(&name.as_str()) {
        let end = format!("-{number}");
        let room = LONGEST_NAME.saturating_sub(end.len());
        name = wanted.chars().take(room).chain(end.chars()).collect();
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests;
