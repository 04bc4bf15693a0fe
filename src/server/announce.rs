//! Tells the world that the ports answer: a line, and a file for scripts.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::platform;

/// Longer than any start takes; then something is wrong and the process must not pretend to serve.
const PATIENCE: Duration = Duration::from_secs(35);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The addresses that are really bound.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Ports {
    pub listen: SocketAddr,
    pub admin: SocketAddr,
}

/// Where the addresses are written down.
pub fn ports_file(state_dir: &Path) -> PathBuf {
    state_dir.join("run").join("ports.json")
}

/// Waits until both ports accept, then says so; ends the process when they never do.
pub fn when_ready(ports: Ports, run_dir: PathBuf, on_ready: Box<dyn FnOnce(&Ports) + Send>) {
    thread::spawn(move || {
        let tries = PATIENCE.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..tries {
            if accepts(ports.listen) && accepts(ports.admin) {
                write(&ports, &run_dir.join("ports.json"));
                on_ready(&ports);
                return;
            }
            thread::sleep(LOOK_EVERY);
        }
        eprintln!(
            "sidegate: the ports don't answer after {} s",
            PATIENCE.as_secs()
        );
        std::process::exit(71);
    });
}

/// A port where nobody listens yet may be the one that the connection gets for its own end: then it meets itself.
fn accepts(address: SocketAddr) -> bool {
    let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) else {
        return false;
    };
    stream.local_addr().is_ok_and(|own| own != address)
}

fn write(ports: &Ports, path: &Path) {
    let Ok(text) = serde_json::to_string(ports) else {
        return;
    };
    if let Err(error) = platform::replace_file(path, &format!("{text}\n")) {
        log::warn!("{} could not be written: {error}", path.display());
    }
}
