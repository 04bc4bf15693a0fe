//! What a test says about the gateway it wants; everything unsaid is a small, quick, valid configuration.
//!
//! Clocks and waits are scaled down so that a test of a timeout takes a second. [`Builder::shipped_defaults`]
//! leaves them as users get them.

use std::sync::{Arc, Mutex};

use serde_json::{json, Value};
use tempfile::TempDir;

use super::config::{self, Written};
use super::process::{self, Output};
use super::tokens::{self, Caller};
use super::{Gateway, UpstreamEntry};
use crate::support::canary::{self, Canaries};
use crate::support::capacity;
use crate::support::ledger::Ledger;
use crate::support::tls::write;
use crate::support::unreachable::{Blackhole, Refusing};
use crate::support::upstream::Upstream;

/// Something that an upstream's `url` can point at.
pub trait Address {
    fn base_url(&self) -> String;
}

impl Address for Upstream {
    fn base_url(&self) -> String {
        self.url()
    }
}

impl Address for Refusing {
    fn base_url(&self) -> String {
        self.url()
    }
}

impl Address for Blackhole {
    fn base_url(&self) -> String {
        self.url()
    }
}

impl Address for str {
    fn base_url(&self) -> String {
        self.to_string()
    }
}

pub struct Builder {
    home: TempDir,
    config: Value,
    raw: Option<String>,
    has_file: bool,
    canaries: Canaries,
    callers: Vec<Caller>,
    upstreams: Vec<UpstreamEntry>,
    env: Vec<(String, String)>,
    serve: Vec<String>,
    places: Option<u64>,
}

impl Builder {
    pub(super) fn new() -> Self {
        let home = tempfile::Builder::new()
            .prefix("sidegate-")
            .tempdir()
            .expect("a temporary home");
        let canaries = Canaries::mint();
        let agent = Caller::new("agent", &canaries.token, "invoke:*,lane:*,models");
        let operator = Caller::new("operator", &canary::word("canaryOperator"), "admin");
        Builder {
            config: config::base(home.path()),
            home,
            raw: None,
            has_file: true,
            canaries,
            callers: vec![agent, operator],
            upstreams: Vec::new(),
            env: Vec::new(),
            serve: Vec::new(),
            places: capacity::wanted(),
        }
    }

    /// An upstream of family `vllm` with a key of its own.
    pub fn upstream(mut self, name: &str, at: &(impl Address + ?Sized)) -> Self {
        let key = canary::word("canaryKey");
        let file = write(&config::keys(self.home.path()), name, &key, 0o600);
        let entry = json!({"url": at.base_url(), "family": "vllm", "key_file": file});
        self.config["upstreams"][name] = entry;
        self.upstreams.push(UpstreamEntry {
            name: name.into(),
            url: at.base_url(),
            key: Some(key),
        });
        self
    }

    /// That upstream gets no key.
    pub fn without_key(mut self, name: &str) -> Self {
        self.upstreams
            .iter_mut()
            .filter(|upstream| upstream.name == name)
            .for_each(|it| it.key = None);
        self.unset(&format!("upstreams.{name}.key_file"))
    }

    /// A route of the interactive lane. Each upstream is a tier of its own, in this order: the first one that
    /// can serve does. The model asked for there is `<alias>-on-<upstream>`.
    pub fn route(self, name: &str, alias: &str, upstreams: &[&str]) -> Self {
        let tiers = upstreams
            .iter()
            .enumerate()
            .map(|(tier, upstream)| target(alias, upstream, tier));
        let targets = tiers.collect();
        self.route_to(name, alias, targets)
    }

    /// The same with all upstreams in one tier.
    pub fn pool(self, name: &str, alias: &str, upstreams: &[&str]) -> Self {
        let targets = upstreams
            .iter()
            .map(|upstream| target(alias, upstream, 0))
            .collect();
        self.route_to(name, alias, targets)
    }

    fn route_to(self, name: &str, alias: &str, targets: Vec<Value>) -> Self {
        let route = json!({"alias": [alias], "lane": "interactive", "targets": targets});
        self.set(&format!("routes.{name}"), route)
    }

    /// So many places in each lane and at each upstream where the test sets none: it is about that many requests at once.
    /// A configuration that is a text of the test's own stays as it is.
    pub fn needs_places(mut self, count: u64) -> Self {
        self.places = Some(count);
        self
    }

    /// Any key of the configuration, by its dotted path (`routes.chat.targets.0.weight`).
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Self {
        config::set(&mut self.config, path, Some(value.into()));
        self
    }

    pub fn unset(mut self, path: &str) -> Self {
        config::set(&mut self.config, path, None);
        self
    }

    /// Clocks, retries and breakers as users get them. First, before what a test sets of them.
    pub fn shipped_defaults(self) -> Self {
        config::SCALED
            .iter()
            .fold(self, |builder, path| builder.unset(path))
    }

    /// This text instead of the configuration so far. `{{state_dir}}`, `{{token_file}}` and `{{<upstream>.url}}`
    /// stand for what they say.
    pub fn raw_yaml(mut self, yaml: &str) -> Self {
        self.raw = Some(yaml.to_string());
        self
    }

    /// No file at all: the environment is the configuration.
    pub fn without_file(mut self) -> Self {
        self.has_file = false;
        self
    }

    /// The secret of the first caller.
    pub fn token(mut self, secret: &str) -> Self {
        self.canaries.token = secret.to_string();
        self.callers[0].secret = secret.to_string();
        self
    }

    /// The columns behind the first caller's secret: scopes, `expires=…`, `skill=…`.
    pub fn scopes(mut self, columns: &str) -> Self {
        self.callers[0].columns = columns.to_string();
        self
    }

    /// One more caller with a secret of its own.
    pub fn caller(mut self, name: &str, columns: &str) -> Self {
        self.callers
            .push(Caller::new(name, &canary::word("canaryCaller"), columns));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// One more argument of `serve`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.serve.push(argument.into());
        self
    }

    /// A file in the home, before the start.
    pub fn file(self, path: &str, text: &str, mode: u32) -> Self {
        let path = self.home.path().join(path);
        let folder = path.parent().expect("a path with a folder");
        std::fs::create_dir_all(folder).expect("a folder");
        write(
            folder,
            &path.file_name().expect("a name").to_string_lossy(),
            text,
            mode,
        );
        self
    }

    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Started and ready, or a panic with all that it said.
    pub async fn start(self) -> Gateway {
        let started = self.try_start().await;
        started.unwrap_or_else(|output| panic!("the gateway did not start: {output:?}"))
    }

    /// Started and ready, or what it said when it ended instead.
    pub async fn try_start(mut self) -> Result<Gateway, Output> {
        self.set_places();
        let written = self.write_files();
        self.serve.insert(0, "serve".into());
        let (process, ports) = process::start(self.home.path(), &self.env, &self.serve).await?;
        Ok(Gateway {
            baseline: process.usage().unwrap_or_default(),
            process: Mutex::new(Some(process)),
            ports,
            written: Mutex::new(written),
            env: self.env,
            serve: self.serve,
            canaries: Arc::new(self.canaries),
            callers: self.callers,
            upstreams: self.upstreams,
            ledger: Ledger::default(),
            home: self.home,
        })
    }

    /// One command without a gateway that runs: `check`, `doctor`.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.write_files();
        process::run(self.home.path(), &self.env, arguments).await
    }

    fn set_places(&mut self) {
        let (Some(places), None) = (self.places, &self.raw) else {
            return;
        };
        let upstreams = self.config["upstreams"].as_object();
        let names = upstreams.into_iter().flat_map(|all| all.keys());
        let upstreams = names.map(|name| format!("upstreams.{name}.streams"));
        let lanes = ["interactive", "batch"].map(|lane| format!("lanes.{lane}.streams"));
        for path in upstreams.chain(lanes).collect::<Vec<_>>() {
            if config::look(&self.config, &path).is_none() {
                config::set(&mut self.config, &path, Some(places.into()));
            }
        }
    }

    fn write_files(&self) -> Written {
        tokens::write(self.home.path(), &self.callers);
        let mut written = Written::new(self.config.clone());
        match &self.raw {
            _ if !self.has_file => {}
            Some(yaml) => written.replace(&self.filled_in(yaml), self.home.path()),
            None => written.save(self.home.path()),
        }
        written
    }

    fn filled_in(&self, yaml: &str) -> String {
        let home = self.home.path();
        let state_dir = config::state_dir(home).display().to_string();
        let token_file = tokens::file(home).display().to_string();
        let text = yaml
            .replace("{{state_dir}}", &state_dir)
            .replace("{{token_file}}", &token_file);
        let fill = |text: String, upstream: &UpstreamEntry| {
            text.replace(&format!("{{{{{}.url}}}}", upstream.name), &upstream.url)
        };
        self.upstreams.iter().fold(text, fill)
    }
}

fn target(alias: &str, upstream: &str, tier: usize) -> Value {
    let model = if alias == "*" {
        Value::Null
    } else {
        json!(format!("{alias}-on-{upstream}"))
    };
    match model {
        Value::Null => json!({"upstream": upstream, "tier": tier}),
        model => json!({"upstream": upstream, "model": model, "tier": tier}),
    }
}
