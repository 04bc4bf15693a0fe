//! `serve --supervised`: what a supervisor starts doesn't end for its configuration.

use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::{kill_process, Pid, Signal};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::support::{eventually, within, Client, Reply, DEADLINE};

const SECRET: &str = "a-secret-of-more-than-24-characters";

/// A gateway as launchd would have it, with ports of its own.
struct Supervised {
    home: TempDir,
    listen: SocketAddr,
    admin: SocketAddr,
    child: Option<Child>,
}

impl Supervised {
    fn new() -> Supervised {
        let home = tempfile::tempdir().expect("a temporary home");
        let [listen, admin] = free_ports();
        let supervised = Supervised {
            home,
            listen,
            admin,
            child: None,
        };
        supervised.write("token", SECRET);
        supervised
    }

    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
    }

    /// `more` is a line of the configuration.
    fn configure(&self, more: &str) {
        let home = self.home.path().display();
        let (listen, admin) = (self.listen, self.admin);
        self.write(
            "sidegate.yaml",
            &format!(
                "listen: {listen}\nadmin: {admin}\nstate_dir: {home}/state\n\
                 callers: {{token_file: {home}/token}}\n\
                 upstreams:\n  a: {{url: http://127.0.0.1:9/v1}}\n\
                 routes:\n  chat: {{alias: [m], targets: [{{upstream: a, model: x}}]}}\n{more}\n"
            ),
        );
    }

    fn start(&mut self) {
        self.start_with(&[]);
    }

    /// What it says is kept in `stderr` of its home.
    fn start_with(&mut self, more: &[&std::ffi::OsStr]) {
        let said = std::fs::File::create(self.home.path().join("stderr"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        command
            .args(["--config"])
            .arg(self.home.path().join("sidegate.yaml"))
            .args(["serve", "--supervised"])
            .args(more)
            .env_clear()
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .stderr(said.expect("a file"))
            .kill_on_drop(true);
        self.child = Some(command.spawn().expect("the binary runs"));
    }

    fn pid(&self) -> u32 {
        let child = self.child.as_ref().expect("it was started");
        child.id().expect("it runs")
    }

    async fn ready(&self, status: u16) -> Reply {
        eventually(format!("{status} of /readyz"), async || {
            if TcpStream::connect(self.admin).await.is_err() {
                return Err("nobody listens".to_string());
            }
            let reply = Client::new(self.admin).get("/readyz").send().await;
            match reply.status == status {
                true => Ok(reply),
                false => Err(format!("{reply:?}")),
            }
        })
        .await
    }

    async fn status(&self) -> serde_json::Value {
        Client::new(self.admin).get("/status").send().await.json()
    }

    /// A command of the same binary with the same configuration; its exit code and all that it says.
    async fn run(&self, command: &str) -> (Option<i32>, String) {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        process
            .args(["--config"])
            .arg(self.home.path().join("sidegate.yaml"))
            .arg(command)
            .env_clear()
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = within(DEADLINE, "its end", process.output()).await;
        let output = output.expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    async fn is_open(&self) -> bool {
        TcpStream::connect(self.listen).await.is_ok()
    }

    /// Asks it to end; its exit code.
    async fn end(&mut self) -> Option<i32> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a process"), Signal::TERM).expect("it is ours");
        let child = self.child.as_mut().expect("it was started");
        let status = within(DEADLINE, "its end", child.wait()).await;
        status.expect("it is our child").code()
    }
}

/// Both are held until both are known, so that they differ.
fn free_ports() -> [SocketAddr; 2] {
    let held = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    held.map(|listener| listener.local_addr().expect("an address"))
}

#[tokio::test]
async fn a_broken_file_starts_the_last_good_one() {
    let mut gateway = Supervised::new();
    gateway.configure("");
    gateway.start();
    gateway.ready(200).await;
    assert_eq!(gateway.end().await, Some(0));

    gateway.configure("nonsense: 7");
    gateway.start();
    gateway.ready(200).await;
    assert!(gateway.is_open().await);
    let reload = gateway.status().await["config"]["last_reload"].clone();
    assert_eq!(reload["result"], "rejected");
    assert!(
        reload["mistakes"].to_string().contains("nonsense"),
        "{reload}"
    );

    gateway.configure("drain: 1s");
    eventually("the mended file to serve", async || {
        match gateway.status().await["config"]["last_reload"]["result"] == "ok" {
            true => Ok(()),
            false => Err("it does not"),
        }
        .map_err(str::to_string)
    })
    .await;
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn a_file_that_is_gone_starts_the_last_good_one_of_the_named_folder() {
    let mut gateway = Supervised::new();
    gateway.configure("");
    gateway.start();
    gateway.ready(200).await;
    assert_eq!(gateway.end().await, Some(0));
    let state_dir = gateway.home.path().join("state");
    let named = ["--state-dir".as_ref(), state_dir.as_os_str()];

    std::fs::remove_file(gateway.home.path().join("sidegate.yaml")).expect("it was there");
    gateway.start_with(&named);

    gateway.ready(200).await;
    assert!(gateway.is_open().await);
    let reload = gateway.status().await["config"]["last_reload"].clone();
    assert_eq!(reload["result"], "rejected", "{reload}");
    gateway.configure("drain: 1s");
    eventually("the new file to serve", async || {
        let result = gateway.status().await["config"]["last_reload"]["result"].clone();
        (result == "ok").then_some(()).ok_or(result.to_string())
    })
    .await;
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn the_file_knows_its_state_folder_better_than_the_supervisor() {
    let mut gateway = Supervised::new();
    gateway.configure("");
    gateway.start();
    gateway.ready(200).await;
    assert_eq!(gateway.end().await, Some(0));

    gateway.configure("nonsense: 7");
    gateway.start_with(&["--state-dir".as_ref(), "/nowhere".as_ref()]);

    gateway.ready(200).await;
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn where_no_earlier_one_is_found_it_says_where_it_looked() {
    let mut gateway = Supervised::new();
    gateway.configure("nonsense: 7");
    gateway.start();
    gateway.ready(503).await;

    let said = std::fs::read_to_string(gateway.home.path().join("stderr")).expect("a file");
    let place = gateway.home.path().join("state/run/last-good.yaml");
    assert!(
        said.contains(&format!("{} isn't there", place.display())),
        "{said}"
    );
    assert!(said.contains("--state-dir DIR"), "{said}");
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn with_no_good_one_the_admin_port_says_what_is_wrong_until_it_is_mended() {
    let mut gateway = Supervised::new();
    gateway.configure("nonsense: 7");
    gateway.start();
    let told = gateway.ready(503).await;
    assert!(
        String::from_utf8_lossy(&told.body).contains("nonsense"),
        "{told:?}"
    );
    assert_eq!(
        Client::new(gateway.admin).get("/livez").send().await.status,
        200
    );
    assert!(
        !gateway.is_open().await,
        "the data port waits for the mending"
    );
    let pid = gateway.pid();

    gateway.configure("");
    gateway.ready(200).await;
    assert!(gateway.is_open().await);
    assert_eq!(gateway.pid(), pid, "to its supervisor nothing has happened");
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn a_missing_token_file_is_waited_for_too() {
    let mut gateway = Supervised::new();
    std::fs::remove_file(gateway.home.path().join("token")).expect("it was there");
    gateway.configure("");
    gateway.start();
    let told = gateway.ready(503).await;
    assert!(
        String::from_utf8_lossy(&told.body).contains("callers.token_file"),
        "{told:?}"
    );

    gateway.write("token", SECRET);
    gateway.ready(200).await;
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn who_waits_ends_when_asked() {
    let mut gateway = Supervised::new();
    gateway.configure("nonsense: 7");
    gateway.start();
    gateway.ready(503).await;
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn a_port_in_use_is_left_to_the_supervisor() {
    let mut gateway = Supervised::new();
    let _taken = std::net::TcpListener::bind(gateway.listen).expect("it was free");
    gateway.configure("");
    gateway.start();
    let child = gateway.child.as_mut().expect("it was started");
    let status = within(DEADLINE, "its end", child.wait()).await;
    assert_eq!(status.expect("it is our child").code(), Some(71));
}

#[tokio::test]
async fn commands_say_that_it_waits_and_for_what() {
    let mut gateway = Supervised::new();
    gateway.configure("nonsense: 7");
    gateway.start();
    gateway.ready(503).await;

    for command in ["status", "reload", "drain"] {
        let (code, said) = gateway.run(command).await;
        assert_eq!(code, Some(78), "{command}: {said}");
        assert!(said.contains("a gateway waits at"), "{command}: {said}");
        assert!(said.contains("nonsense"), "{command}: {said}");
        assert!(!said.contains("no gateway runs"), "{command}: {said}");
    }
    assert_eq!(gateway.end().await, Some(0));
}

#[tokio::test]
async fn folders_that_it_cannot_use_are_waited_for_too() {
    let mut gateway = Supervised::new();
    let in_the_way = gateway.home.path().join("state");
    std::fs::write(&in_the_way, "").expect("a file");
    gateway.configure("");
    gateway.start();
    let told = gateway.ready(503).await;
    let told = String::from_utf8_lossy(&told.body).into_owned();
    assert!(told.contains("state: it is no folder"), "{told}");

    std::fs::remove_file(&in_the_way).expect("it was there");
    gateway.ready(200).await;
    assert_eq!(gateway.end().await, Some(0));
}
