//! What stands between load and backend: nothing, the bare pass-through, sidegate, and whatever else the machine has.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::arguments::RunOptions;
use crate::payload;
use crate::process::{Process, Usage};
use crate::Fallible;

/// How long a proxy may take until its port answers.
const START_PATIENCE: Duration = Duration::from_secs(15);

/// Variables that would override the gateway's file.
const OVERRIDES: [&str; 9] = [
    "SIDEGATE_CONFIG",
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY_FILE",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_TOKEN_FILE",
    "SKILL_RETRY_MAX",
    "SKILL_RETRY_BASE_MS",
    "CIRCUIT_FAILURE_THRESHOLD",
    "CIRCUIT_COOL_DOWN_SEC",
];

pub const DIRECT: &str = "direct";
pub const BARE: &str = "bare-pingora";
pub const SIDEGATE: &str = "sidegate";
/// The same, each request a skill's that restricts no more than its route.
const SKILL: &str = "sidegate-skill";
/// The same, each request and each answer held against a schema.
const SCHEMAS: &str = "sidegate-schemas";

/// One way from the load to the backend.
#[derive(Debug, Clone)]
pub struct Contender {
    pub name: &'static str,
    /// None for the direct way.
    pub program: Option<PathBuf>,
}

/// A contender that runs, in a folder of its own.
pub struct Running {
    pub address: SocketAddr,
    /// Of the gateway's admin listener.
    pub admin: SocketAddr,
    process: Option<Process>,
    folder: TempDir,
}

/// Those that a run measures, and the names of those that aren't installed.
pub fn choose(options: &RunOptions, beside: &Path) -> (Vec<Contender>, Vec<&'static str>) {
    let bare = options.bare_pingora.clone();
    let bare = bare.unwrap_or_else(|| beside.join(BARE));
    let sidegate = options.sidegate.clone();
    let sidegate = sidegate.unwrap_or_else(|| beside.join("..").join(SIDEGATE));
    let wanted =
        |name: &str| options.contender.is_empty() || options.contender.iter().any(|c| c == name);
    let mut chosen = vec![
        Contender {
            name: DIRECT,
            program: None,
        },
        Contender {
            name: BARE,
            program: Some(bare),
        },
    ];
    let mut missing = Vec::new();
    for name in [SIDEGATE, SKILL, SCHEMAS]
        .into_iter()
        .filter(|name| wanted(name))
    {
        chosen.push(Contender {
            name,
            program: Some(sidegate.clone()),
        });
    }
    for name in ["nginx", "haproxy", "envoy"] {
        match find(name) {
            _ if !wanted(name) => {}
            None => missing.push(name),
            program => chosen.push(Contender { name, program }),
        }
    }
    (chosen, missing)
}

/// The program in `PATH`, or where Debian keeps daemons, which users' paths leave out.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

impl Contender {
    /// Starts it and waits until it answers. Everything that it writes is below `scratch`.
    pub async fn start(&self, backend: SocketAddr, scratch: &Path) -> Fallible<Running> {
        let folder = tempfile::Builder::new()
            .prefix(self.name)
            .tempdir_in(scratch)
            .map_err(|error| format!("a folder in {}: {error}", scratch.display()))?;
        let mut running = Running {
            address: backend,
            admin: backend,
            process: None,
            folder,
        };
        let Some(program) = &self.program else {
            return Ok(running);
        };
        running.address = free_port()?;
        running.admin = free_port()?;
        let mut command = self.command(program, &running, backend)?;
        let said = std::fs::File::create(running.folder().join("said"));
        let said = said.map_err(|error| format!("{}: {error}", self.name))?;
        command.stdout(Stdio::null()).stderr(said);
        running.process = Some(Process::start(&mut command)?);
        running.wait_until_ready().await?;
        Ok(running)
    }

    /// What to run, its configuration written.
    fn command(&self, program: &Path, running: &Running, backend: SocketAddr) -> Fallible<Command> {
        let file = |template, name| running.configure(template, name, backend);
        let mut command = Command::new(program);
        match self.name {
            BARE => {
                command.args([running.address.to_string(), backend.to_string()]);
            }
            SIDEGATE | SKILL | SCHEMAS => {
                let config = file(include_str!("../proxies/sidegate.yaml"), "sidegate.yaml")?;
                self.write_token(running.folder())?;
                self.write_skill(running.folder())?;
                command.arg("serve").arg("--config").arg(config);
                for variable in OVERRIDES {
                    command.env_remove(variable);
                }
            }
            "nginx" => {
                let config = file(include_str!("../proxies/nginx.conf"), "nginx.conf")?;
                command.arg("-p").arg(running.folder());
                command.arg("-c").arg(config);
            }
            "haproxy" => {
                let config = file(include_str!("../proxies/haproxy.cfg"), "haproxy.cfg")?;
                command.arg("-db").arg("-f").arg(config);
            }
            _ => {
                let config = file(include_str!("../proxies/envoy.yaml"), "envoy.yaml")?;
                command.args(["--concurrency", "1", "--use-dynamic-base-id"]);
                command.args(["-l", "critical", "-c"]).arg(config);
            }
        }
        Ok(command)
    }

    pub fn is_gateway(&self) -> bool {
        self.manifest().is_some() || self.name == SIDEGATE
    }

    fn manifest(&self) -> Option<&'static str> {
        match self.name {
            SKILL => Some(include_str!("../proxies/skills/named.yaml")),
            SCHEMAS => Some(include_str!("../proxies/skills/checked.yaml")),
            _ => None,
        }
    }

    /// The token is bound to the skill, so that the requests are the same bytes for all.
    fn write_token(&self, folder: &Path) -> Fallible<()> {
        let bound = self.manifest().map_or("", |_| " skill=load");
        let text = format!("load-tests {} invoke:*,lane:*{bound}\n", payload::TOKEN);
        write_for_reading(&folder.join("token"), &text)
    }

    fn write_skill(&self, folder: &Path) -> Fallible<()> {
        let Some(manifest) = self.manifest() else {
            return Ok(());
        };
        let skills = folder.join("state").join("skills");
        std::fs::create_dir_all(&skills)
            .map_err(|error| format!("{}: {error}", skills.display()))?;
        write_for_reading(&skills.join("load.yaml"), manifest)
    }

    fn signal(&self) -> Signal {
        match self.name {
            // It would wait five minutes for streams of which there are none.
            BARE => Signal::KILL,
            _ => Signal::TERM,
        }
    }

    pub async fn stop(&self, running: Running) {
        if let Some(process) = running.process {
            process.stop(self.signal()).await;
        }
    }
}

impl Running {
    /// None for the direct way.
    pub async fn usage(&self) -> Fallible<Option<Usage>> {
        match &self.process {
            Some(process) => process.usage().await.map(Some),
            None => Ok(None),
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a template with this contender's ports and folder.
    fn configure(&self, template: &str, name: &str, backend: SocketAddr) -> Fallible<PathBuf> {
        let text = template
            .replace("@PORT@", &self.address.port().to_string())
            .replace("@ADMIN_PORT@", &self.admin.port().to_string())
            .replace("@BACKEND_PORT@", &backend.port().to_string())
            .replace("@FOLDER@", &self.folder().display().to_string());
        write(&self.folder().join(name), &text)
    }

    async fn wait_until_ready(&mut self) -> Fallible<()> {
        let address = self.address;
        let until = tokio::time::Instant::now() + START_PATIENCE;
        loop {
            if !self.process.as_mut().is_some_and(Process::is_running) {
                return Err(format!("it ended at once: {}", self.said()));
            }
            if TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            if tokio::time::Instant::now() > until {
                return Err(format!("its port never answered: {}", self.said()));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }
}

fn write(path: &Path, text: &str) -> Fallible<PathBuf> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path.to_owned())
}

/// Tokens and manifests are taken only where nobody can write them.
fn write_for_reading(path: &Path, text: &str) -> Fallible<()> {
    use std::os::unix::fs::PermissionsExt;
    let path = write(path, text)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// A port that nobody listens on now.
fn free_port() -> Fallible<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no free port: {error}"))
}
