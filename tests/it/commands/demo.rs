//! `sidegate demo`: everything that its banner promises.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{kill_process, Pid, Signal};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::support::wait::try_eventually;
use crate::support::{within, Client, Reply, DEADLINE};

/// Two that start at once would race for the usual ports.
static STARTING: Mutex<()> = Mutex::const_new(());

/// What the banner's last lines begin with.
const LAST_LINE: &str = "`sidegate --config ";

pub struct Demo {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    home: TempDir,
    banner: String,
}

impl Demo {
    pub async fn start() -> Demo {
        let _turn = STARTING.lock().await;
        let home = tempfile::tempdir().expect("a temporary home");
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidegate"));
        let temporary = home.path().join("tmp");
        std::fs::create_dir(&temporary).expect("a folder");
        command
            .arg("demo")
            .env_clear()
            .env("HOME", home.path().join("home"));
        command.env("TMPDIR", &temporary).kill_on_drop(true);
        // What a real gateway on this machine would be told.
        command
            .env("OPENCLAW_TOKEN_FILE", "/nowhere/token")
            .env("SKILL_RETRY_MAX", "0");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let banner = within(DEADLINE, "the demo's banner", read_banner(&mut stdout)).await;
        Demo {
            child,
            _stdout: stdout,
            home,
            banner,
        }
    }

    fn curl_lines(&self) -> Vec<&str> {
        let lines = self.banner.lines();
        lines.filter(|line| line.starts_with("curl ")).collect()
    }

    /// Sends what the n-th line would send.
    async fn paste(&self, line: usize) -> Reply {
        let curl = Curl::read(self.curl_lines()[line]);
        let client = Client::new(curl.address);
        let mut request = match curl.body {
            Some(body) => client.post(&curl.path, serde_json::from_str(&body).expect("JSON")),
            None => client.get(&curl.path),
        };
        for (name, value) in &curl.headers {
            request = request.header(name, value);
        }
        request.send().await
    }

    /// A client as its lines are, with their token.
    pub fn client(&self) -> Client {
        let curl = Curl::read(self.curl_lines()[0]);
        let mut headers = curl.headers.iter();
        let token = headers.find(|(name, _)| name == "authorization");
        let secret = token.and_then(|(_, value)| value.strip_prefix("Bearer "));
        Client::new(curl.address).token(secret.expect("a token"))
    }

    fn temporary(&self) -> PathBuf {
        self.home.path().join("tmp")
    }

    /// Ctrl-C, and its exit code.
    async fn interrupt(&mut self) -> i32 {
        let id = self.child.id().expect("it runs");
        let pid = Pid::from_raw(id as i32).expect("a child's id is not 0");
        kill_process(pid, Signal::INT).expect("our own child");
        let ended = within(DEADLINE, "the demo's end", self.child.wait()).await;
        ended.expect("our own child").code().expect("an exit code")
    }
}

async fn read_banner(stdout: &mut BufReader<ChildStdout>) -> String {
    let mut banner = String::new();
    loop {
        let began = banner.len();
        let read = stdout.read_line(&mut banner).await.expect("its stdout");
        assert!(read > 0, "the demo ended: {banner}");
        if banner[began..].starts_with(LAST_LINE) {
            return banner;
        }
    }
}

/// A curl line as a real shell takes it apart.
struct Curl {
    address: SocketAddr,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Curl {
    fn read(line: &str) -> Curl {
        let script = format!("curl() {{ for word do printf '%s\\n' \"$word\"; done; }}; {line}");
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output();
        let output = output.expect("a shell");
        let text = String::from_utf8(output.stdout).expect("text");
        let mut words = text.lines();
        let (mut url, mut headers, mut body) = ("", Vec::new(), None);
        while let Some(word) = words.next() {
            match word {
                "-H" => {
                    let (name, value) = words
                        .next()
                        .and_then(|h| h.split_once(": "))
                        .expect("a header");
                    headers.push((name.to_lowercase(), value.to_string()));
                }
                "-d" => body = words.next().map(str::to_string),
                flags if flags.starts_with('-') => {}
                word => url = word,
            }
        }
        let rest = url.strip_prefix("http://").expect("a URL");
        let (address, path) = rest.split_once('/').expect("a path");
        Curl {
            address: address.parse().expect("an address"),
            path: format!("/{path}"),
            headers,
            body,
        }
    }
}

#[tokio::test]
async fn its_first_line_streams_words_to_the_end() {
    let demo = Demo::start().await;

    let reply = demo.paste(0).await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.is_whole() && reply.has_done(), "{reply:?}");
    assert!(reply.text().contains("stand-in"), "{reply:?}");
    let first = reply.first_token_after().expect("a word");
    assert!(
        reply.took() > first + Duration::from_millis(300),
        "it came all at once"
    );
}

#[tokio::test]
async fn its_other_lines_show_a_failover_a_summary_and_the_status() {
    let demo = Demo::start().await;

    let served = demo.paste(1).await;
    assert_eq!(served.status, 200, "{served:?}");
    assert_eq!(served.header("x-sidegate-upstream"), Some("second"));
    assert_eq!(served.header("x-sidegate-attempts"), Some("2"));

    let failed = demo.paste(2).await;
    assert_eq!(
        failed.code().as_deref(),
        Some("upstream_error"),
        "{failed:?}"
    );
    let body = String::from_utf8_lossy(&failed.body).into_owned();
    for theirs in ["Traceback", "gpu-12", "sk-demo"] {
        assert!(!body.contains(theirs), "{body}");
    }

    let skilled = demo.paste(3).await;
    assert_eq!(skilled.status, 200, "{skilled:?}");
    let said: serde_json::Value = serde_json::from_str(&skilled.text()).expect("JSON");
    assert!(said["by"] == "first" || said["by"] == "second", "{said}");

    let status = demo.paste(4).await;
    assert_eq!(status.json()["ready"], true, "{status:?}");
    assert_eq!(
        status.json()["recent_failures"][0]["code"],
        "upstream_error"
    );
}

#[tokio::test]
async fn every_model_name_of_the_banner_does_what_it_says() {
    let demo = Demo::start().await;
    let client = demo.client();
    let ask = async |model: &str| client.chat(model).stream().send().await;

    let (down, cut, held, slow) = tokio::join!(
        ask("demo-down"),
        ask("demo-cut"),
        ask("demo-cut-held"),
        ask("demo-slow")
    );

    assert_eq!(
        down.header("x-sidegate-upstream"),
        Some("second"),
        "{down:?}"
    );
    assert!(down.has_done());
    assert_eq!(cut.code().as_deref(), Some("stream_interrupted"), "{cut:?}");
    assert!(!cut.is_whole() && !cut.text().is_empty());
    assert!(held.is_whole() && held.has_done(), "{held:?}");
    assert_eq!(held.header("x-sidegate-attempts"), Some("2"));
    let first = slow.first_token_after().expect("a word");
    assert!(
        first >= Duration::from_secs(2) && slow.has_done(),
        "{first:?}"
    );
}

#[tokio::test]
async fn it_ends_with_0_and_leaves_nothing_behind() {
    let mut demo = Demo::start().await;
    let running: Vec<_> = std::fs::read_dir(demo.temporary()).expect("it").collect();
    assert_eq!(running.len(), 1, "one folder while it runs");

    assert_eq!(demo.interrupt().await, 0);

    assert_eq!(std::fs::read_dir(demo.temporary()).expect("it").count(), 0);
    assert!(
        !demo.home.path().join("home").exists(),
        "nothing in the home"
    );
}

#[tokio::test]
async fn taken_ports_are_replaced_and_named() {
    // Another test's demo may have them and end at any moment: they are held once it has. A stranger's stay taken anyhow.
    let mut held = Vec::new();
    for port in [8787, 8788] {
        let bind = async || TcpListener::bind(("127.0.0.1", port)).map_err(|why| why.to_string());
        held.push(try_eventually(DEADLINE, bind).await);
    }

    let demo = Demo::start().await;

    for port in [8787, 8788] {
        assert!(
            demo.banner.contains(&format!("Port {port} is taken")),
            "{}",
            demo.banner
        );
    }
    assert_eq!(demo.paste(0).await.status, 200);
    drop(held);
}
