//! `doctor --snapshot`: what is in it, and above all what isn't.

use super::{good, mode, sound};
use crate::support::canary::{found, UPSTREAM_BODY, UPSTREAM_HEADER};
use crate::support::{plain, Gateway, Script, Upstream};

async fn written(gateway: &Gateway) -> serde_json::Value {
    let file = gateway.home().join("snapshot.json");
    let output = gateway
        .run(&["doctor", "--snapshot", file.to_str().expect("a path")])
        .await;
    assert!(output.stderr.contains("snapshot written to"), "{output:?}");
    assert_eq!(mode(&file), 0o600);
    let text = std::fs::read_to_string(&file).expect("the snapshot");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test]
async fn it_has_what_helps_others_to_help() {
    let upstream = Upstream::start(good()).await;
    let gateway = sound(&upstream).start().await;
    assert_eq!(gateway.run(&["smoke"]).await.code, 0);

    let snapshot = written(&gateway).await;

    assert_eq!(snapshot["sidegate_snapshot"], 1);
    assert_eq!(snapshot["gateway"]["generation"], 1);
    assert_eq!(snapshot["configuration"]["sound"], true);
    assert_eq!(snapshot["routes"]["routes"][0]["name"], "chat");
    assert_eq!(snapshot["folders"]["state"], "~/.sidegate");
    assert_eq!(snapshot["folders"]["gateway_works_in"], "~");
    assert_eq!(snapshot["smoke"]["aliases"][0]["result"], "ok");
    let ports = snapshot["ports"].as_array().expect("ports");
    let address = gateway.addr().to_string();
    let ours = ports
        .iter()
        .find(|port| port["address"] == address.as_str());
    assert_eq!(ours.expect("our port")["pid"], gateway.pid());
    assert!(!snapshot["findings"]
        .as_array()
        .expect("findings")
        .is_empty());
}

#[tokio::test]
async fn it_holds_no_secret_and_no_prompt() {
    // A hostile server: what it says is full of what it was told.
    let echo = Script::by(|ask| {
        let told = ask.head.get("authorization").unwrap_or_default().to_owned();
        let escaped: String = told.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        let entry = |id: &str| format!(r#"{{"id": "{id}", "owned_by": "{UPSTREAM_BODY}"}}"#);
        let list = format!(r#"{{"data": [{}, {}]}}"#, entry(&told), entry(&escaped));
        match ask.head.first_line.starts_with("GET ") {
            true => plain::status(200, &[("server", &told)], list),
            false => plain::error(
                400,
                &told,
                UPSTREAM_BODY,
                &String::from_utf8_lossy(ask.body),
            ),
        }
    });
    let upstream = Upstream::start(echo).await;
    let gateway = sound(&upstream).start().await;
    assert_eq!(gateway.client().chat("m").send().await.status, 400);
    let _ = gateway.run(&["smoke"]).await;

    let snapshot = written(&gateway).await.to_string();

    let canaries = gateway.canaries();
    let mut secrets = vec![
        canaries.prompt.clone(),
        canaries.query.clone(),
        canaries.header.clone(),
        UPSTREAM_BODY.to_owned(),
        UPSTREAM_HEADER.to_owned(),
    ];
    secrets.extend(gateway.callers().iter().map(|caller| caller.secret.clone()));
    let keys = gateway.upstreams().iter();
    secrets.extend(keys.filter_map(|upstream| upstream.key.clone()));
    assert!(secrets.len() >= 8, "{}", secrets.len());
    for secret in &secrets {
        assert_eq!(found(secret, snapshot.as_bytes()), None, "{secret}");
    }
}

#[tokio::test]
async fn it_is_never_written_over_something_else() {
    let upstream = Upstream::start(good()).await;
    let home = sound(&upstream).file("diary.txt", "dear diary", 0o600);
    let diary = home.home().join("diary.txt");
    let link = home.home().join("link");
    std::os::unix::fs::symlink(&diary, &link).expect("a link");

    for path in [&diary, &link] {
        let output = home
            .run(&["doctor", "--snapshot", path.to_str().expect("a path")])
            .await;
        assert_eq!(output.code, 2, "{output:?}");
        assert!(
            output.stderr.contains("something else is there"),
            "{output:?}"
        );
    }

    let text = std::fs::read_to_string(&diary).expect("the diary");
    assert_eq!(text, "dear diary");
}
