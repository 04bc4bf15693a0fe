//! `sidegate token`, from the secret on stdout to the running gateway's answer.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::{json, quiet};
use crate::stage::Stage;
use crate::support::{plain, Output};

async fn stage() -> Stage {
    Stage::start(plain::chat("hello")).await
}

/// The one line of stdout.
fn secret(output: &Output) -> &str {
    assert_eq!(output.code, 0, "{output:?}");
    let secret = output.stdout.strip_suffix('\n').expect("a line");
    assert!(
        secret.starts_with("sg_") && secret.len() == 46,
        "{output:?}"
    );
    assert!(!output.stderr.contains(secret), "{output:?}");
    secret
}

/// What the gateway says to whoever presents it.
async fn status(stage: &Stage, secret: &str) -> u16 {
    let client = stage.client().without_token().token(secret);
    client.chat("m").send().await.status
}

#[tokio::test]
async fn a_new_token_works_at_once() {
    let stage = stage().await;

    let made = stage
        .gateway
        .run(&["token", "new", "bob", "--scopes", "invoke:chat"])
        .await;

    assert_eq!(status(&stage, secret(&made)).await, 200);
    assert!(
        made.stderr.contains("the running gateway has taken it"),
        "{made:?}"
    );
    let file = std::fs::read_to_string(stage.gateway.home().join("token")).expect("the token file");
    assert!(!file.contains(secret(&made)), "only its hash is kept");
    let mode = std::fs::metadata(stage.gateway.home().join("token"))
        .expect("it")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o400);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let stage = stage().await;
    let made = stage
        .gateway
        .run(&["token", "new", "bob", "--scopes", "invoke:*"])
        .await;
    assert_eq!(status(&stage, secret(&made)).await, 200);

    let revoked = stage.gateway.run(&["token", "revoke", "bob"]).await;

    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(status(&stage, secret(&made)).await, 401);
}

#[tokio::test]
async fn a_rotated_token_overlaps_for_as_long_as_was_said() {
    let stage = stage().await;
    let first = stage
        .gateway
        .run(&["token", "new", "bob", "--scopes", "invoke:*"])
        .await;

    let second = stage
        .gateway
        .run(&["token", "rotate", "bob", "--overlap", "24h"])
        .await;
    assert_eq!(status(&stage, secret(&first)).await, 200);
    assert_eq!(status(&stage, secret(&second)).await, 200);

    let third = stage
        .gateway
        .run(&["token", "rotate", "bob", "--overlap", "0s"])
        .await;
    assert_eq!(status(&stage, secret(&first)).await, 401);
    assert_eq!(status(&stage, secret(&second)).await, 401);
    assert_eq!(status(&stage, secret(&third)).await, 200);
}

#[tokio::test]
async fn a_list_names_callers_and_never_a_secret() {
    let stage = stage().await;
    let made = stage
        .gateway
        .run(&[
            "token",
            "new",
            "bob",
            "--scopes",
            "invoke:chat,lane:batch",
            "--expires",
            "2100-01-01T00:00:00Z",
        ])
        .await;

    let table = stage.gateway.run(&["token", "list"]).await;
    let list = stage.gateway.run(&["token", "list", "--json"]).await;

    assert_eq!((table.code, list.code), (0, 0), "{table:?} {list:?}");
    let rows = json(&list);
    let bob = rows
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["name"] == "bob"));
    let bob = bob.expect("bob in the list");
    assert_eq!(bob["scopes"], "invoke:chat,lane:batch");
    assert_eq!(bob["expires"], "2100-01-01T00:00:00Z");
    assert_eq!(bob["hashed"], true);
    assert!(table.stdout.contains("bob"), "{table:?}");
    let agent = &stage.gateway.callers()[0].secret;
    for output in [&table, &list] {
        assert!(!output.stdout.contains(agent) && !output.stdout.contains(secret(&made)));
    }
}

#[tokio::test]
async fn mistakes_in_the_arguments_are_said_at_once_and_change_nothing() {
    let stage = stage().await;
    let before = std::fs::read(stage.gateway.home().join("token")).expect("the token file");

    let wrong = [
        "token",
        "new",
        "bob",
        "--scopes",
        "invoke:*,everything",
        "--expires",
        "1999-01-01T00:00:00Z",
    ];
    let output = stage.gateway.run(&wrong).await;
    let taken = stage
        .gateway
        .run(&["token", "new", "agent", "--scopes", "invoke:*"])
        .await;
    let nobody = stage.gateway.run(&["token", "revoke", "agnet"]).await;

    assert_eq!(output.code, 64, "{output:?}");
    assert!(
        output.stderr.contains("--scopes: scope 2") && output.stderr.contains("--expires: is over"),
        "{output:?}"
    );
    assert_eq!(taken.code, 2, "{taken:?}");
    assert!(
        taken.stderr.contains("sidegate token rotate agent"),
        "{taken:?}"
    );
    assert_eq!(nobody.code, 2, "{nobody:?}");
    assert!(
        nobody.stderr.contains("did you mean `agent`?"),
        "{nobody:?}"
    );
    let after = std::fs::read(stage.gateway.home().join("token")).expect("the token file");
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_revocation_that_no_gateway_can_take_is_shouted() {
    let stage = stage().await;
    let file = stage.gateway.home().join("token");
    let text = std::fs::read_to_string(&file).expect("the token file");
    let mended = text.clone() + "two columns\n";
    std::fs::remove_file(&file).expect("our own file");
    crate::support::tls::write(stage.gateway.home(), "token", &mended, 0o600);

    let output = stage.gateway.run(&["token", "revoke", "operator"]).await;

    assert_eq!(output.code, 78, "{output:?}");
    assert!(
        output.stderr.contains("NO GATEWAY TAKES THE FILE"),
        "{output:?}"
    );
    assert!(output.stderr.contains("line 2: "), "{output:?}");
}

#[tokio::test]
async fn a_revocation_that_the_gateway_refuses_is_shouted() {
    let stage = stage().await;
    let key = stage.gateway.home().join("keys/a");
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("our own file");

    let output = stage.gateway.run(&["token", "revoke", "operator"]).await;

    assert_eq!(output.code, 78, "{output:?}");
    assert!(output.stderr.contains("HAS NOT TAKEN IT"), "{output:?}");
    assert!(output.stderr.contains("has mode 0644"), "{output:?}");
}

#[tokio::test]
async fn with_a_broken_configuration_the_token_file_has_to_be_named() {
    let stage = stage().await;
    let file = stage.gateway.home().join("token");
    let file = file.to_str().expect("a plain path");
    stage.gateway.edit("threads", 0);

    let lost = stage.gateway.run(&["token", "revoke", "operator"]).await;
    let named = ["token", "revoke", "operator", "--token-file", file];
    let named = stage.gateway.run(&named).await;

    assert_eq!(lost.code, 78, "{lost:?}");
    assert!(
        lost.stderr.contains("--token-file FILE names it"),
        "{lost:?}"
    );
    let text = std::fs::read_to_string(file).expect("the token file");
    assert!(!text.contains("operator"));
    // The file is right, and the gateway goes on with the old one until its configuration is mended.
    assert_eq!(named.code, 78, "{named:?}");
    assert!(named.stderr.contains("HAS NOT TAKEN IT"), "{named:?}");
}

#[tokio::test]
async fn the_first_token_makes_the_file_and_its_folder() {
    let home = quiet();
    let file = home.home().join("deep/er/token");
    let home = home.set("callers.token_file", file.to_str());

    let made = home
        .run(&["token", "new", "bob", "--scopes", "invoke:caht"])
        .await;

    secret(&made);
    assert!(made.stderr.contains("there is no route `caht`"), "{made:?}");
    assert!(made.stderr.contains("no gateway runs"), "{made:?}");
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("made").permissions().mode() & 0o777
    };
    assert_eq!(
        (mode(&file), mode(file.parent().expect("a folder"))),
        (0o400, 0o700)
    );
}

#[tokio::test]
async fn a_skill_that_does_not_exist_is_warned_of() {
    let stage = stage().await;
    let made = async |name: &str, scopes: &str| {
        let words = ["token", "new", name, "--scopes", scopes, "--skill", "mail"];
        stage.gateway.run(&words).await
    };

    let bound = made("bob", "invoke:*").await;
    let admin = made("eve", "invoke:*,admin").await;

    assert_eq!(bound.code, 0, "{bound:?}");
    let said = "there is no skill `mail` yet (skills: none)";
    assert!(bound.stderr.contains(said), "{bound:?}");
    assert!(!bound.stderr.contains("administers"), "{bound:?}");
    assert!(admin.stderr.contains("administers nothing"), "{admin:?}");
}
