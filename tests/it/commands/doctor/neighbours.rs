//! Who else listens where a model server should, and who else reaches it.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::{expect, found, free_ports, good, sound, DOCTOR};
use crate::support::{eventually, Gateway, Upstream};

#[tokio::test]
async fn a_model_server_on_all_addresses_is_a_warning_with_its_owner() {
    let open = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = open.local_addr().expect("its address").port();
    let url = format!("http://127.0.0.1:{port}/v1");

    let output = sound(url.as_str()).run(DOCTOR).await;

    let us = format!("(pid {})", std::process::id());
    let listens = format!("listens on 0.0.0.0:{port}");
    let said = [us.as_str(), &listens, "--host 127.0.0.1"];
    let finding = expect(&output, "upstream-exposure", "warning", &said);
    assert_eq!(finding["subject"], "a");
}

#[tokio::test]
async fn a_model_server_on_loopback_is_reached_by_this_host_alone() {
    let upstream = Upstream::start(good()).await;
    let output = sound(&upstream).run(DOCTOR).await;
    let finding = found(&output, "upstream-exposure");
    assert_eq!(finding["severity"], "ok", "{finding}");
}

/// A program that is called ssh and answers HTTP: our own under another name.
async fn tunnel(to: &Upstream) -> (crate::support::gateway::Builder, Child, String) {
    let [listen, admin] = free_ports();
    let home = Gateway::builder()
        .upstream("far", to)
        .route("chat", "m", &["far"])
        .set("listen", listen.to_string())
        .set("admin", admin.to_string());
    home.run(&["check"]).await;
    let ssh = home.home().join("ssh");
    symlink(env!("CARGO_BIN_EXE_sidegate"), &ssh).expect("a link");
    let mut command = Command::new(ssh);
    command
        .arg("serve")
        .env_clear()
        .env("HOME", home.home())
        .env("SIDEGATE_CONFIG", home.home().join("sidegate.yaml"))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let child = command.spawn().expect("the binary runs");
    eventually("the tunnel", async || {
        let connected = TcpStream::connect(listen).await;
        connected.map(drop).map_err(|error| error.to_string())
    })
    .await;
    (home, child, format!("http://{listen}/v1"))
}

#[tokio::test]
async fn a_tunnel_in_the_place_of_a_server_is_named() {
    let far = Upstream::start(good()).await;
    let (_home, child, url) = tunnel(&far).await;

    let output = sound(url.as_str()).run(DOCTOR).await;

    let ssh = format!("ssh (pid {})", child.id().expect("it runs"));
    let said = [ssh.as_str(), "through a tunnel"];
    expect(&output, "upstream-stranger", "warning", &said);
}
