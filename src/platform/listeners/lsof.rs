//! Reads what `lsof -F` prints: a field a line, its letter first (lsof(8), "OUTPUT FOR OTHER PROGRAMS").

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Listener, Owner};

/// The sockets in the order in which they stand; those of a process follow its `p` and `c`.
pub fn listeners(said: &str) -> Vec<Listener> {
    let mut found = Vec::new();
    let (mut pid, mut name) = (None, String::new());
    for line in said.lines() {
        let Some((field, value)) = line.split_at_checked(1) else {
            continue;
        };
        match field {
            "p" => {
                pid = value.parse().ok();
                name.clear();
            }
            "c" => value.clone_into(&mut name),
            "n" => {
                let owner = pid.map(|pid| Owner {
                    pid,
                    name: name.clone(),
                });
                let listener = |address| Listener { address, owner };
                found.extend(address(value).map(listener));
            }
            _ => {}
        }
    }
    found
}

/// `127.0.0.1:80`, `[::1]:80`, `*:80`.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = match host {
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        host => host.parse().ok()?,
    };
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_socket_has_the_process_above_it() {
        let said = "p401\ncssh\nf5\nn127.0.0.1:8000\nTST=LISTEN\nf6\nn[::1]:8000\np77\ncPython 3\nn*:8080\nnnonsense\n";
        let found: Vec<_> = listeners(said)
            .into_iter()
            .map(|listener| {
                let owner = listener.owner.unwrap();
                (listener.address.to_string(), owner.pid, owner.name)
            })
            .collect();
        let row = |address: &str, pid, name: &str| (address.to_owned(), pid, name.to_owned());
        assert_eq!(
            found,
            [
                row("127.0.0.1:8000", 401, "ssh"),
                row("[::1]:8000", 401, "ssh"),
                row("0.0.0.0:8080", 77, "Python 3"),
            ]
        );
    }

    #[test]
    fn nothing_said_is_nothing_found() {
        assert_eq!(listeners(""), []);
        assert_eq!(listeners("é\n"), []);
    }
}
