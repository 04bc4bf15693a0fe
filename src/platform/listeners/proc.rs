//! Reads `/proc/net/tcp` and `tcp6`, and finds the processes that have the sockets (proc(5)).

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::{Listener, Owner};

/// `TCP_LISTEN` of the kernel's `tcp_states.h`, as the table prints it.
const LISTEN: &str = "0A";

pub fn listeners(proc: &Path) -> Vec<Listener> {
    let mut sockets = Vec::new();
    for table in ["net/tcp", "net/tcp6"] {
        let text = fs::read_to_string(proc.join(table)).unwrap_or_default();
        sockets.extend(text.lines().filter_map(socket));
    }
    let wanted: Vec<&str> = sockets.iter().map(|(_, inode)| inode.as_str()).collect();
    let owners = owners(proc, &wanted);
    let listener = |(address, inode): &(SocketAddr, String)| Listener {
        address: *address,
        owner: owners.get(inode).cloned(),
    };
    sockets.iter().map(listener).collect()
}

/// The address and the inode of a listening socket.
fn socket(line: &str) -> Option<(SocketAddr, String)> {
    let mut columns = line.split_whitespace().skip(1);
    let local = columns.next()?;
    let state = columns.nth(1)?;
    let inode = columns.nth(5)?;
    let address = address(local).filter(|_| state == LISTEN)?;
    Some((address, inode.to_owned()))
}

/// Hexadecimal, each 32-bit word of the host in the machine's own byte order, the port in the network's.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for at in (0..host.len()).step_by(8) {
        let word = u32::from_str_radix(host.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let host = match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(four) => IpAddr::V4(Ipv4Addr::from(four)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
    };
    Some(SocketAddr::new(host, port))
}

/// By inode. Other users' processes don't show theirs.
fn owners(proc: &Path, wanted: &[&str]) -> HashMap<String, Owner> {
    let mut owners = HashMap::new();
    for process in fs::read_dir(proc).into_iter().flatten().flatten() {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let open = fs::read_dir(process.path().join("fd"));
        for descriptor in open.into_iter().flatten().flatten() {
            let Some(inode) = inode_behind(&descriptor.path()) else {
                continue;
            };
            if wanted.contains(&inode.as_str()) {
                // Children have their parents' sockets too: the oldest is the one to name.
                let owner = owners.entry(inode).or_insert_with(|| owner(proc, pid));
                if pid < owner.pid {
                    *owner = self::owner(proc, pid);
                }
            }
        }
    }
    owners
}

fn inode_behind(descriptor: &Path) -> Option<String> {
    let target = fs::read_link(descriptor).ok()?;
    let inode = target.to_str()?.strip_prefix("socket:[")?;
    Some(inode.strip_suffix(']')?.to_owned())
}

fn owner(proc: &Path, pid: u32) -> Owner {
    let name = fs::read_to_string(proc.join(pid.to_string()).join("comm"));
    Owner {
        pid,
        name: name.unwrap_or_default().trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_count() {
        let listening = "   0: 0100007F:1F40 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 7232808 2 x";
        let established = listening.replace(" 0A ", " 01 ");
        assert_eq!(
            socket(listening),
            Some(("127.0.0.1:8000".parse().unwrap(), "7232808".to_owned()))
        );
        assert_eq!(socket(&established), None);
        assert_eq!(socket("  sl  local_address rem_address   st"), None);
    }

    #[test]
    fn both_kinds_of_addresses_are_read() {
        let loopback = "00000000000000000000000001000000:0050";
        assert_eq!(address(loopback), Some("[::1]:80".parse().unwrap()));
        assert_eq!(
            address("00000000:0016"),
            Some("0.0.0.0:22".parse().unwrap())
        );
        assert_eq!(address("0100:0016"), None);
    }

    #[test]
    fn a_port_of_our_own_is_found_with_us_as_its_owner() {
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap();
        let found = super::super::listeners();
        let ours = found.iter().find(|listener| listener.address == address);
        let owner = ours.unwrap().owner.as_ref().unwrap();
        assert_eq!(owner.pid, std::process::id());
        assert!(!owner.name.is_empty());
    }
}
