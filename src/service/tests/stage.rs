//! A supervisor of its own for each test: a copy of the stand-in with its state beside it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::service::{
    Facts, FileState, Health, Installed, Job, Manager, ModelServer, Owner, Place, Removed, Service,
    State, Status, Tool, Trouble, Values,
};

const STAND_INS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stand-ins");

pub struct Stage {
    folder: TempDir,
    pub service: Service,
    config: PathBuf,
    drain: Duration,
    model_server: ModelServer,
}

impl Stage {
    pub fn login(manager: Manager) -> Stage {
        Stage::of(manager, Owner::Login(501))
    }

    /// Like one of a dedicated account, but that its files may be ours.
    pub fn account(manager: Manager) -> Stage {
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        let owner = Owner::Account {
            name: "gateway".to_owned(),
            user: user.as_raw(),
            group: group.as_raw(),
        };
        Stage::of(manager, owner)
    }

    fn of(manager: Manager, owner: Owner) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(manager, owner, &folder.path().join("home"), folder.path());
        let stage = Stage {
            service: Service {
                tool: Tool::new(folder.path().join("bin").join(manager.command())),
                place,
                pause: Duration::from_secs(1),
                sleep: |_| {},
                say: |_| {},
            },
            config: PathBuf::from("/etc/sidegate.yaml"),
            drain: Duration::from_secs(15),
            model_server: ModelServer {
                program: PathBuf::from("/bin/sh"),
                model: "Qwen/Qwen3-32B".to_owned(),
                port: 8000,
                more: vec!["--served-model-name".to_owned(), "a b".to_owned()],
            },
            folder,
        };
        fs::create_dir_all(stage.folder.path().join("bin/state")).unwrap();
        let stand_in = Path::new(STAND_INS).join(manager.command());
        // A link: a file that was just written may not be run while another test's process still has it open.
        symlink(
            stand_in,
            stage.folder.path().join("bin").join(manager.command()),
        )
        .unwrap();
        stage.put("units", &stage.service.place.units.to_string_lossy());
        stage
    }

    pub fn with_config(mut self, path: &str) -> Stage {
        self.config = PathBuf::from(path);
        self
    }

    pub fn with_drain(mut self, seconds: u64) -> Stage {
        self.drain = Duration::from_secs(seconds);
        self
    }

    /// Tells the stand-in something about the world.
    pub fn put(&self, name: &str, text: &str) {
        let path = self.state(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{text}\n")).unwrap();
    }

    /// Takes something out of it.
    pub fn take(&self, name: &str) {
        let path = self.state(name);
        match path.is_dir() {
            true => fs::remove_dir_all(path).unwrap(),
            false => fs::remove_file(path).unwrap(),
        }
    }

    /// What the stand-in was asked since the last time, but for looks.
    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.state("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.state("calls"));
        let changes = calls.lines().filter(|call| {
            let mut words = call.split(' ').filter(|word| *word != "--user");
            !matches!(words.next(), Some("print" | "show"))
        });
        changes.map(str::to_owned).collect()
    }

    fn state(&self, name: &str) -> PathBuf {
        self.folder.path().join("bin/state").join(name)
    }

    pub fn values(&self) -> Values {
        let account = match &self.service.place.owner {
            Owner::Login(_) => None,
            Owner::Account { name, .. } => Some(name.as_str()),
        };
        let facts = Facts {
            program: Path::new("/bin/sh"),
            config: &self.config,
            home: &self.folder.path().join("home"),
            output: &self.service.place.output,
            archive: Path::new("/var/lib/sidegate/disk"),
            account,
            drain: self.drain,
            state_dir: Path::new("/var/lib/sidegate"),
            model_server: Some(&self.model_server),
        };
        Values::try_new(&facts).unwrap()
    }

    pub fn try_install(&self, job: Job) -> Result<(Installed, State), Trouble> {
        self.service.install(job, &self.values())
    }

    pub fn install(&self, job: Job) -> (Installed, State) {
        self.try_install(job).unwrap()
    }

    pub fn uninstall(&self, job: Job) -> Removed {
        self.service.uninstall(job).unwrap()
    }

    pub fn status(&self, job: Job) -> Status {
        self.service.status(job, Some(&self.values())).unwrap()
    }

    pub fn stands(&self, job: Job) -> (FileState, Health) {
        let status = self.status(job);
        (status.file, status.health)
    }

    /// The first file of a job.
    pub fn file(&self, job: Job) -> PathBuf {
        self.service.place.paths(job).remove(0)
    }

    pub fn text(&self, job: Job) -> String {
        fs::read_to_string(self.file(job)).unwrap()
    }
}
