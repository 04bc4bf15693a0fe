//! `sidegate skills`: what each may do, for people and for scripts.

use super::*;

const MAIL: &str = "
description: Writes mail.
route: chat
lane: batch
max_tokens: 500
tools: [send, draft]
request: {required: [messages]}
response:
  content: {type: object}
  tools: {send: {type: object}}
budget: {tokens: 1000, per: hour}
";

#[tokio::test]
async fn a_table_for_people() {
    let builder = with_skill(with_skill(quiet(), "mail", MAIL), "any", "");

    let output = builder.run(&["skills"]).await;

    assert_eq!(output.code, 0, "{output:?}");
    let rows: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0][..3], ["SKILL", "ROUTE", "LANE"], "{output:?}");
    assert_eq!(rows[1][..3], ["any", "any", "any"], "{output:?}");
    assert_eq!(
        rows[2][..6],
        ["mail", "chat", "batch", "500", "draft,send", "schema"],
        "{output:?}"
    );
    for said in [
        "schema of content,send",
        "1000 per hour",
        "mail.yaml",
        "Writes mail.",
    ] {
        assert!(output.stdout.contains(said), "{said}: {output:?}");
    }
}

#[tokio::test]
async fn json_for_scripts() {
    let output = with_skill(quiet(), "mail", MAIL)
        .run(&["skills", "--json"])
        .await;

    assert_eq!(
        (output.code, output.stderr.contains("mistake")),
        (0, false),
        "{output:?}"
    );
    let listing: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let mut skill = listing["skills"][0].clone();
    let file = skill["file"].take();
    assert!(
        file.as_str()
            .is_some_and(|file| file.ends_with("/.sidegate/skills/mail.yaml")),
        "{file}"
    );
    assert_eq!(
        skill,
        json!({"skill": "mail", "description": "Writes mail.", "file": null, "route": "chat", "lane": "batch",
               "max_tokens": 500, "tools": ["draft", "send"], "checks_request": true, "checks_content": true,
               "checks_arguments_of": ["send"], "budget": {"tokens": 1000, "per": "hour"}})
    );
    assert_eq!(listing["warnings"], json!([]));
}

#[tokio::test]
async fn no_skills_are_no_mistake() {
    let output = quiet().run(&["skills"]).await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.starts_with("no skills in "), "{output:?}");
}

#[tokio::test]
async fn a_finding_is_1_and_a_mistake_is_78() {
    let writable = with_file(quiet(), "mail.yaml", "skill: mail", 0o600);
    let output = writable.run(&["skills", "--json"]).await;
    assert_eq!(output.code, 1, "{output:?}");
    let listing: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(
        listing["warnings"].as_array().map(Vec::len),
        Some(1),
        "{listing}"
    );

    let output = with_skill(quiet(), "mail", "lane: fast")
        .run(&["skills"])
        .await;
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (78, ""),
        "{output:?}"
    );
    assert!(
        output.stderr.contains("mail.yaml:2:7: lane: `fast`"),
        "{output:?}"
    );
    assert!(
        output.stderr.contains("none of the skills is taken"),
        "{output:?}"
    );

    let output = quiet().raw_yaml("routes: 7").run(&["skills"]).await;
    assert_eq!(output.code, 78, "{output:?}");
}

#[tokio::test]
async fn a_page_without_rules_is_named() {
    let page = "---\nname: notes\n---\n# Notes\n";
    let output = with_file(quiet(), "notes/SKILL.md", page, 0o400)
        .run(&["skills"])
        .await;
    assert_eq!(output.code, 0, "{output:?}");
    assert!(
        output
            .stdout
            .contains("SKILL.md: has no `metadata.sidegate`"),
        "{output:?}"
    );
}

#[tokio::test]
async fn another_folder_may_be_named() {
    let builder = quiet();
    let elsewhere = builder.home().join("elsewhere");
    let builder = builder.file("elsewhere/mail.yaml", "skill: mail", 0o400);
    set_mode(&elsewhere, 0o700);
    let builder = builder.set("skills.dir", elsewhere.to_str().expect("a path"));

    let output = builder.run(&["skills", "--json"]).await;

    let listing: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(listing["skills"][0]["skill"], "mail", "{output:?}");
}
