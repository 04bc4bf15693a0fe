//! The model server that `service install` sets up beside the gateway, where one is asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::output::complain;
use crate::config::Config;
use crate::service::{ModelServer, Tool};

/// Where vLLM listens unless told otherwise.
const USUAL_PORT: u16 = 8000;

/// For a look along PATH.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(clap::Args)]
pub struct Wish {
    /// Also run a model server of the vLLM kind: `PROGRAM serve MODEL --host 127.0.0.1 --port PORT ARGUMENTS`.
    #[arg(long, value_name = "MODEL")]
    model_server: Option<String>,
    /// Its program [default: vllm, where PATH has it].
    #[arg(long, value_name = "PROGRAM", requires = "model_server")]
    program: Option<PathBuf>,
    /// Its port [default: that of the upstream on this host that a route asks for MODEL, else 8000].
    #[arg(long, value_name = "PORT", requires = "model_server")]
    port: Option<u16>,
    /// What else it is told.
    #[arg(last = true, value_name = "ARGUMENTS", requires = "model_server")]
    more: Vec<String>,
}

impl Wish {
    pub fn is_wanted(&self) -> bool {
        self.model_server.is_some()
    }

    /// None where no model server is asked for.
    ///
    /// # Errors
    /// It can't be one, as a sentence.
    pub fn wanted(&self, config: &Config) -> Result<Option<ModelServer>, String> {
        let Some(model) = &self.model_server else {
            return Ok(None);
        };
        if model.is_empty() || model.starts_with('-') {
            let shown = model.escape_debug();
            return Err(format!("--model-server: `{shown}` is no model's name"));
        }
        let port = self
            .port
            .or_else(|| port_of(config, model))
            .unwrap_or(USUAL_PORT);
        advise(config, port, &self.more);
        Ok(Some(ModelServer {
            program: program(self.program.as_deref())?,
            model: model.clone(),
            port,
            more: self.more.clone(),
        }))
    }
}

/// The port of the upstream on this host that a route asks for this model.
fn port_of(config: &Config, model: &str) -> Option<u16> {
    let targets = config.routes.iter().flat_map(|route| &route.targets);
    let mut asked = targets.filter(|target| target.model.as_deref() == Some(model));
    asked.find_map(|target| {
        let url = &config.upstreams.get(target.upstream)?.url;
        url.is_loopback().then_some(url.port)
    })
}

fn advise(config: &Config, port: u16, more: &[String]) {
    let urls = config.upstreams.iter().map(|upstream| &upstream.url);
    if !urls
        .into_iter()
        .any(|url| url.is_loopback() && url.port == port)
    {
        complain(&format!(
            "note: no upstream of the configuration is at port {port} of this host; add one with url: http://127.0.0.1:{port}/v1"
        ));
    }
    if more.iter().any(|word| word.starts_with("--api-key")) {
        complain("warning: every process of this host can read the key behind --api-key; on 127.0.0.1 it needs none");
    }
}

/// A whole path: a supervisor has no PATH to look along, and no folder to begin at.
fn program(named: Option<&Path>) -> Result<PathBuf, String> {
    let path = match named {
        Some(named) => std::path::absolute(named).ok(),
        None => on_path("vllm"),
    };
    let path = path.ok_or("vllm isn't on PATH; --program PROGRAM says where it is")?;
    match path.is_file() {
        true => Ok(path),
        false => Err(format!("--program: {} is no file", path.display())),
    }
}

/// As a shell finds it.
fn on_path(name: &str) -> Option<PathBuf> {
    let arguments = ["-c", "command -v \"$0\"", name];
    let answer = Tool::new("sh").ask(&arguments, PATIENCE).ok()?;
    let path = PathBuf::from(answer.stdout.trim_end());
    path.is_absolute().then_some(path)
}
