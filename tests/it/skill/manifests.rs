//! What a manifest may say: every mistake in one go, with its place and what would be accepted.

use super::*;
use crate::support::Output;

pub async fn check(files: &[(&str, &str)]) -> Output {
    let all = files.iter();
    let builder = all.fold(quiet(), |builder, (name, text)| {
        with_file(builder, name, text, 0o400)
    });
    builder.run(&["check"]).await
}

/// `sidegate check` refuses it and says all of this.
pub async fn expect_mistakes(files: &[(&str, &str)], said: &[&str]) {
    let output = check(files).await;
    assert_eq!(output.code, 78, "{output:?}");
    assert_eq!(output.stdout, "", "{output:?}");
    for said in said {
        assert!(output.stderr.contains(said), "{said}: {output:?}");
    }
}

#[tokio::test]
async fn every_mistake_of_every_file_is_told_at_once() {
    let one = "skill: mail\nroute: caht\nlane: fast\nmax_tokens: many\ntols: [a]\n";
    let other = "route: http://10.0.0.1:8000/v1\nrequest: {typ: object}\n";
    expect_mistakes(
        &[("one.yaml", one), ("two.yml", other)],
        &[
            "one.yaml:2:8: route: `caht` names no route; did you mean `chat`?",
            "one.yaml:3:7: lane: ",
            "one.yaml:4:13: max_tokens: ",
            "one.yaml:5:1: tols: ",
            "did you mean `tools`",
            "two.yml:1:8: route: ",
            "is an address, and a skill knows routes only",
            "two.yml:2:11: request.typ: ",
            "did you mean `type`",
            "two.yml: skill: ",
            "7 mistakes in the files",
        ],
    )
    .await;
}

#[tokio::test]
async fn broken_yaml_is_told_by_line_and_column() {
    for (text, place) in [
        (
            "skill: mail\ntools: [a, b\nlane: batch\n",
            "mail.yaml:3:5: is no YAML: ",
        ),
        ("skill: mail\n\ttools: []\n", "mail.yaml:1:8: is no YAML: "),
        ("skill: *mail\n", "mail.yaml:1:8: is no YAML: "),
        ("- skill: mail\n", "mail.yaml:1:1: "),
    ] {
        expect_mistakes(&[("mail.yaml", text)], &[place]).await;
    }
}

#[tokio::test]
async fn an_empty_file_and_a_second_skill_of_a_name_are_mistakes() {
    expect_mistakes(
        &[
            ("a.yaml", "skill: mail"),
            ("b.yaml", "skill: mail"),
            ("c.yaml", "# nothing\n"),
        ],
        &[
            "b.yaml:1:8: skill: `mail` is the name of another skill, in ",
            "a.yaml",
            "c.yaml: is empty",
        ],
    )
    .await;
}

#[tokio::test]
async fn words_that_are_not_checked_are_refused_instead_of_ignored() {
    expect_mistakes(
        &[(
            "mail.yaml",
            "skill: mail
request: {$id: x, unevaluatedProperties: false, format: birthday, type: objekt, minItems: -1}
",
        )],
        &[
            "request.$id: ",
            "request.unevaluatedProperties: ",
            "write `additionalProperties`",
            "request.format: ",
            "request.type: ",
            "request.minItems: ",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_skills_folder_may_have_its_manifest_in_its_own_page() {
    const PAGE: &str = "---
name: mail
description: Writes mail.
license: MIT
metadata:
  author: somebody
  sidegate:
    route: chat
    tools: [send]
---
# Mail

skill: this is no manifest
";
    let stage = Stage::with(plain::chat("yes"), |builder| {
        let builder = with_file(builder, "mail/SKILL.md", PAGE, 0o400);
        with_file(
            builder,
            "notes/SKILL.md",
            "---\nname: notes\n---\n# Notes\n",
            0o644,
        )
    })
    .await;

    let tools = json!([{"name": "drop"}]);
    let refused = mail(&stage).field("tools", tools).send().await;
    let (served, line) = stage.tell(&mail(&stage)).await;
    let unruled = of_skill(stage.chat(), "notes").send().await;

    expect_violation(&refused, "/tools/0/name", "tools");
    assert_eq!((served.status, &line["skill"]), (200, &json!("mail")));
    expect_failure(&unruled, 400, "skill_unknown");
    stage.end().await;
}

#[tokio::test]
async fn a_mistake_in_a_page_has_its_line_in_the_page() {
    let page = "---\nname: mail\nmetadata:\n  sidegate:\n    lane: fast\n---\n";
    expect_mistakes(
        &[("mail/SKILL.md", page)],
        &["mail/SKILL.md:5:11: metadata.sidegate.lane: "],
    )
    .await;
    let quoted = "---\nname: mail\nmetadata: \"sidegate: {}\"\n---\n";
    expect_mistakes(
        &[("mail/SKILL.md", quoted)],
        &["SKILL.md:3:11: metadata: is a text"],
    )
    .await;
}

#[tokio::test]
async fn serve_refuses_what_check_refuses_and_says_the_same() {
    let bad = "skill: mail\nroute: caht\n";
    let checked = check(&[("mail.yaml", bad)]).await;

    let started = with_file(quiet(), "mail.yaml", bad, 0o400)
        .try_start()
        .await;

    let output = started.err().expect("no gateway");
    assert_eq!((output.code, checked.code), (78, 78), "{output:?}");
    for told in [&output.stderr, &checked.stderr] {
        assert!(
            told.contains("mail.yaml:2:8: route: `caht` names no route"),
            "{told}"
        );
    }
}
