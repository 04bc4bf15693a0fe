//! Who could have written a manifest decides whether it is read.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use super::*;
use crate::support::Output;

pub async fn check(builder: Builder) -> Output {
    builder.run(&["check"]).await
}

pub fn expect_refused(output: &Output, said: &str) {
    assert_eq!(output.code, 78, "{output:?}");
    assert!(output.stderr.contains(said), "{said}: {output:?}");
}

#[tokio::test]
async fn what_others_can_write_is_refused() {
    for mode in [0o420, 0o402, 0o664, 0o666] {
        let output = check(with_file(quiet(), "mail.yaml", "skill: mail", mode)).await;
        expect_refused(
            &output,
            &format!("mail.yaml: may be written by others (mode {mode:04o})"),
        );
    }
    for mode in [0o720, 0o702, 0o1777] {
        let builder = with_skill(quiet(), "mail", "");
        set_mode(&folder(builder.home()), mode);
        expect_refused(
            &check(builder).await,
            &format!("may be written by others (mode {mode:04o})"),
        );
    }
    let builder = with_file(
        quiet(),
        "mail/SKILL.md",
        "---\nname: mail\nmetadata: {sidegate: {}}\n---\n",
        0o400,
    );
    set_mode(&folder(builder.home()).join("mail"), 0o770);
    expect_refused(
        &check(builder).await,
        "is in a folder that may be written by others",
    );
}

#[tokio::test]
async fn what_we_can_write_is_warned_of_and_taken() {
    let builder = with_file(quiet(), "mail.yaml", "skill: mail", 0o600);

    let output = check(builder).await;

    assert_eq!(output.code, 0, "{output:?}");
    let said = output.stdout.clone() + &output.stderr;
    assert!(said.contains("chmod 0400"), "{output:?}");
}

#[tokio::test]
async fn a_link_is_not_followed() {
    let builder = with_skill(quiet(), "mail", "");
    let folder = folder(builder.home());
    let elsewhere = builder.home().join("elsewhere");
    std::fs::create_dir_all(elsewhere.join("page")).expect("a folder");
    std::fs::write(elsewhere.join("x.yaml"), "skill: x").expect("a file");
    std::fs::write(elsewhere.join("page/SKILL.md"), "---\nname: p\n---\n").expect("a file");
    for (to, name) in [
        ("x.yaml", "linked.yaml"),
        ("page", "page"),
        ("nowhere.yaml", "dead.yaml"),
    ] {
        symlink(elsewhere.join(to), folder.join(name)).expect("a link");
    }

    let output = check(builder).await;

    for name in ["linked.yaml", "page", "dead.yaml"] {
        expect_refused(&output, &format!("{name}: is a symbolic link"));
    }
}

#[tokio::test]
async fn a_pipe_holds_nobody_up() {
    let builder = with_skill(quiet(), "mail", "");
    let pipe = folder(builder.home()).join("pipe.yaml");
    let mut mkfifo = std::process::Command::new("mkfifo");
    let made = mkfifo.args(["-m", "400"]).arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    let began = Instant::now();

    let output = check(builder).await;

    expect_refused(&output, "pipe.yaml: is no regular file");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn what_is_no_manifest_is_passed_over() {
    let builder = with_skill(quiet(), "mail", "");
    for name in [
        "README.md",
        ".mail.yaml.swp",
        ".hidden.yaml",
        "mail.yaml~",
        "mail.json",
    ] {
        std::fs::write(folder(builder.home()).join(name), "skill: [").expect("a file");
    }
    std::fs::create_dir(folder(builder.home()).join("folder.yaml")).expect("a folder");

    let output = builder.run(&["skills", "--json"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    let listing: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(
        listing["skills"].as_array().map(Vec::len),
        Some(1),
        "{listing}"
    );
}

#[tokio::test]
async fn what_is_too_large_or_no_text_is_refused() {
    let large = format!("skill: mail\n# {}\n", "x".repeat(300_000));
    expect_refused(
        &check(with_file(quiet(), "mail.yaml", &large, 0o400)).await,
        "is larger than 256KiB",
    );
    let builder = with_skill(quiet(), "mail", "");
    std::fs::write(
        folder(builder.home()).join("bytes.yaml"),
        b"skill: \xff\xfe",
    )
    .expect("a file");
    expect_refused(&check(builder).await, "bytes.yaml: is not UTF-8");
}
