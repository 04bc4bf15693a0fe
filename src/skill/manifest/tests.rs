use super::*;
use crate::config::Window;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ROUTES: [&str; 2] = ["chat", "demo"];

/// A folder of skills, as careful as a folder should be.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        chmod(folder.0.path(), 0o700);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> &Folder {
        self.put_with(name, text, 0o400)
    }

    fn put_with(&self, name: &str, text: &str, mode: u32) -> &Folder {
        let path = self.path(name);
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        chmod(folder, 0o700);
        fs::write(&path, text).unwrap();
        chmod(&path, mode);
        self
    }

    fn load(&self) -> Found {
        load(self.0.path(), &ROUTES)
    }

    /// What is said, without the folder's own path.
    fn mistakes(&self) -> Vec<String> {
        self.told(self.load().mistakes)
    }

    fn told(&self, found: Vec<Mistake>) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        found
            .iter()
            .map(|mistake| mistake.to_string().replace(&folder, ""))
            .collect()
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const MAIL: &str = "\
skill: mail
route: chat
lane: batch
max_tokens: 512
tools: [send_mail, look_up]
request: {type: object, required: [messages]}
response:
  content: {type: object}
  tools:
    send_mail: {type: object, required: [to]}
budget: {tokens: 1000, per: day}
";

#[test]
fn a_manifest_says_all_that_a_skill_may_do() {
    let folder = Folder::new();
    let found = folder.put("mail.yaml", MAIL).load();
    assert_eq!(found.mistakes, []);
    let mail = found.skills.get("mail").unwrap();
    assert_eq!(
        (mail.route, mail.lane, mail.max_tokens),
        (Some(0), Some(Lane::Batch), Some(512))
    );
    assert!(mail.tools.as_ref().unwrap().contains("send_mail"));
    assert!(mail.request.is_some() && mail.response.content.is_some());
    assert!(mail.response.tools.contains_key("send_mail"));
    let budget = Budget {
        tokens: 1000,
        per: Window::Day,
    };
    assert_eq!(mail.budget, Some(budget));
    assert!(found.skills.get("mial").is_none());
}

#[test]
fn what_is_not_said_is_not_restricted() {
    let folder = Folder::new();
    let found = folder.put("a.yml", "skill: a\n").load();
    let skill = found.skills.get("a").unwrap();
    assert!(skill.tools.is_none() && skill.request.is_none() && skill.route.is_none());
    assert!(folder
        .put("b.yaml", "skill: b\ntools: []\n")
        .load()
        .skills
        .get("b")
        .unwrap()
        .tools
        .as_ref()
        .unwrap()
        .is_empty());
}

#[test]
fn a_schema_alone_under_response_is_for_the_content() {
    let folder = Folder::new();
    folder.put(
        "a.yaml",
        "skill: a\nresponse: {type: object, required: [x]}\n",
    );
    let found = folder.load();
    assert!(found.skills.get("a").unwrap().response.content.is_some());
    folder.put(
        "b.yaml",
        "skill: b\nresponse: {content: {type: object}, type: object}\n",
    );
    let said = folder.mistakes();
    assert!(
        said[0].contains("b.yaml:2:37: response.type: `type` is no key of `response`"),
        "{said:?}"
    );
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let folder = Folder::new();
    folder.put(
        "a.yaml",
        "skill: a\nroute: chta\nlane: fast\nmax_token: 3\n",
    );
    folder.put("b.yaml", "skill: b c\nroute: https://api.example.com/v1\ntools: send\nbudget: {tokens: 0, per: day}\n");
    folder.put("c.yaml", "route: chat\nrequest: {type: strng}\n");
    folder.put("good.yaml", "skill: good\n");
    assert_eq!(
        folder.mistakes(),
        [
            "a.yaml:2:8: route: `chta` names no route; did you mean `chat`? (known: chat, demo)",
            "a.yaml:3:7: lane: `fast` is unknown (accepted: one of `interactive`, `batch`)",
            "a.yaml:4:1: max_token: `max_token` is no key of a manifest; did you mean `max_tokens`? (known: skill, \
             description, route, lane, max_tokens, tools, request, response, budget)",
            "b.yaml:1:8: skill: `b c` is no name (accepted: 1 to 64 of the characters A-Z a-z 0-9 . _ -)",
            "b.yaml:2:8: route: `https://api.example.com/v1` is an address, and a skill knows routes only (accepted: \
             the name of a route in the configuration)",
            "b.yaml:3:8: tools: `send` is no list; did you mean `[send]`? (accepted: a list such as `[a, b]`, each item \
             a tool's name: 1 to 128 visible ASCII characters)",
            "b.yaml:4:18: budget.tokens: `0` is too small (accepted: a whole number from 1 to 1000000000000000)",
            "c.yaml:2:17: request.type: `strng` is no type; did you mean `string`? (accepted: one of object, array, \
             string, number, integer, boolean, null)",
            "c.yaml: skill: is missing (accepted: 1 to 64 of the characters A-Z a-z 0-9 . _ -)",
        ]
    );
    assert!(
        folder.load().skills.get("good").is_none(),
        "one mistake, and none of them holds"
    );
}

#[test]
fn a_tool_with_a_schema_is_one_that_may_be_offered() {
    let folder = Folder::new();
    folder.put(
        "a.yaml",
        "skill: a\ntools: [send]\nresponse: {tools: {sned: {type: object}, send: 3}}\n",
    );
    assert_eq!(
        folder.mistakes(),
        [
            "a.yaml:3:20: response.tools: `sned` is none of `tools`; did you mean `send`?",
            "a.yaml:3:48: response.tools.send: `3` is no JSON Schema (accepted: a mapping of JSON Schema keywords, \
             `true` or `false`)",
        ]
    );
}

#[test]
fn a_secret_has_no_place_in_a_manifest_but_a_schema_may_speak_of_one() {
    let folder = Folder::new();
    folder.put(
        "a.yaml",
        "skill: a\napi_key: sk-0123456789abcdef\ndescription: Bearer abcdefgh1234\n",
    );
    let said = folder.mistakes().join("\n");
    assert!(said.contains("does not belong in this file"), "{said}");
    assert!(
        !said.contains("0123456789abcdef") && !said.contains("abcdefgh1234"),
        "{said}"
    );
    let folder = Folder::new();
    let schema =
        "{type: object, properties: {password: {type: string}, url: {const: 'http://a/b?c=d'}}}";
    folder.put("a.yaml", &format!("skill: a\nrequest: {schema}\n"));
    assert_eq!(folder.mistakes(), Vec::<String>::new());
}

const SKILL_MD: &str = "---
name: mail
description: Sends mail.
metadata: {\"openclaw\": {\"requires\": {\"bins\": [\"curl\"]}}, \"sidegate\": {\"route\": \"chat\", \"tools\": [\"send\"]}}
---
# Mail

Call it with care.
";

#[test]
fn a_skill_folder_holds_its_policy_in_the_front_matter() {
    let folder = Folder::new();
    let found = folder.put("mail/SKILL.md", SKILL_MD).load();
    assert_eq!(found.mistakes, []);
    let mail = found.skills.get("mail").unwrap();
    assert_eq!(
        (mail.route, mail.description.as_deref()),
        (Some(0), Some("Sends mail."))
    );
    assert!(mail.file.ends_with("mail/SKILL.md"));
}

#[test]
fn a_mistake_in_the_front_matter_has_the_line_of_the_file() {
    let folder = Folder::new();
    folder.put(
        "mail/SKILL.md",
        "---\nname: my mail\nmetadata:\n  sidegate:\n    rout: chat\n    skill: mail\n---\n",
    );
    let said = folder.mistakes();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("mail/SKILL.md:5:5: metadata.sidegate.rout: `rout` is no key of a manifest; did you mean `route`?"));
    folder.put(
        "mail/SKILL.md",
        "---\nname: my mail\nmetadata:\n  sidegate: {}\n---\n",
    );
    assert!(folder.mistakes()[0]
        .starts_with("mail/SKILL.md:2:7: metadata.sidegate.skill: `my mail` is no name"));
    folder.put(
        "mail/SKILL.md",
        "---\nname: mail\nmetadata: '{\"sidegate\": {}}'\n---\n",
    );
    assert!(folder.mistakes()[0].contains("metadata: is a text, not a mapping"));
}

#[test]
fn skills_of_others_are_none_of_our_business() {
    let folder = Folder::new();
    folder.put_with(
        "weather/SKILL.md",
        "---\nname: weather\ndescription: says: hello\n---\n",
        0o666,
    );
    folder.put(
        "plain/SKILL.md",
        "# No front matter, and it mentions sidegate\n",
    );
    folder.put(
        "other/SKILL.md",
        "---\nname: other\nmetadata: {openclaw: {}}\n---\n sidegate\n",
    );
    folder
        .put("README.md", "hello")
        .put("notes/todo.txt", "x")
        .put(".hidden.yaml", "nonsense");
    fs::create_dir(folder.path("dir.yaml")).unwrap();
    let found = folder.load();
    assert_eq!(folder.told(found.mistakes), Vec::<String>::new());
    assert_eq!(found.without_policy.len(), 3);
    assert_eq!(found.skills.iter().count(), 0);
}

#[test]
fn two_skills_of_one_name_are_a_mistake_and_the_order_is_that_of_the_files() {
    let folder = Folder::new();
    folder
        .put("b.yaml", "skill: mail\n")
        .put("a.yaml", "\nskill: mail\n")
        .put("c/SKILL.md", SKILL_MD);
    let path = folder.0.path().display().to_string();
    let text =
        |file: &str| format!("{file}: skill: `mail` is the name of another skill, in a.yaml");
    assert_eq!(
        folder.mistakes(),
        [text("b.yaml:1:8"), text("c/SKILL.md:2:7")],
        "{path}"
    );
}

#[test]
fn a_manifest_that_others_can_write_is_refused() {
    for mode in [0o660, 0o602, 0o666, 0o446] {
        let folder = Folder::new();
        let said = folder.put_with("a.yaml", "skill: a\n", mode).mistakes();
        assert_eq!(said.len(), 1);
        assert!(
            said[0].contains("a.yaml: may be written by others (mode 0"),
            "{said:?}"
        );
    }
    let folder = Folder::new();
    folder.put("mail/SKILL.md", SKILL_MD);
    chmod(&folder.path("mail"), 0o777);
    assert!(folder.mistakes()[0].contains("is in a folder that may be written by others"));
    let folder = Folder::new();
    folder.put("a.yaml", "skill: a\n");
    chmod(folder.0.path(), 0o1777);
    assert!(folder.load().mistakes[0]
        .to_string()
        .contains("may be written by others (mode 1777)"));
}

#[test]
fn a_manifest_that_we_can_write_is_a_warning() {
    let folder = Folder::new();
    let found = folder
        .put_with("a.yaml", "skill: a\n", 0o600)
        .put("b.yaml", "skill: b\n")
        .load();
    assert_eq!(found.mistakes, []);
    assert_eq!(found.skills.names().collect::<Vec<_>>(), ["a", "b"]);
    let said = folder.told(found.warnings);
    assert_eq!(said.len(), 1);
    assert!(
        said[0].starts_with("a.yaml: can be written by whatever runs as us (mode 0600)"),
        "{said:?}"
    );
}

#[test]
fn links_and_pipes_are_no_manifests() {
    let folder = Folder::new();
    folder
        .put("real.yaml.txt", "skill: a\n")
        .put("elsewhere/SKILL.txt", "x");
    symlink(folder.path("real.yaml.txt"), folder.path("link.yaml")).unwrap();
    let outside = Folder::new();
    outside.put("mail/SKILL.md", SKILL_MD);
    symlink(outside.path("mail"), folder.path("mail")).unwrap();
    symlink(
        outside.path("mail/SKILL.md"),
        folder.path("elsewhere/SKILL.md"),
    )
    .unwrap();
    let mut mkfifo = std::process::Command::new("mkfifo");
    let made = mkfifo
        .args(["-m", "400"])
        .arg(folder.path("pipe.yaml"))
        .status();
    assert!(made.unwrap().success());
    symlink(folder.path("nowhere"), folder.path("dangling.yml")).unwrap();
    let said = folder.mistakes();
    let link =
        "is a symbolic link, which may be pointed elsewhere (accepted: the file or folder itself)";
    assert_eq!(
        said,
        [
            format!("dangling.yml: {link}"),
            format!("elsewhere/SKILL.md: {link}"),
            format!("link.yaml: {link}"),
            format!("mail: {link}"),
            "pipe.yaml: is no regular file".to_string(),
        ]
    );
}

#[test]
fn what_is_no_manifest_at_all_is_said_plainly() {
    let folder = Folder::new();
    folder
        .put("a.yaml", "# nothing\n\n")
        .put("b.yaml", "[1]\n")
        .put("c.yaml", "skill: [\n");
    folder
        .put("d.yaml", "skill: a\n---\nskill: b\n")
        .put("e.yaml", &"#".repeat(300 << 10));
    fs::write(folder.path("f.yaml"), b"skill: \xff\n").unwrap();
    chmod(&folder.path("f.yaml"), 0o400);
    let said = folder.mistakes();
    let expected = [
        "is empty; the smallest",
        "a list is no mapping",
        "is no YAML",
        "second document",
        "larger than 256KiB",
        "is not UTF-8",
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_file_that_says_nothing_is_told_what_a_manifest_has() {
    let folder = Folder::new();
    for text in ["", "\u{feff}", "---\n", "null\n", "~", "# a\n\n...\n"] {
        let said = folder.put_with("a.yaml", text, 0o600).mistakes();
        assert_eq!(
            said,
            ["a.yaml: is empty; the smallest manifest has `skill`"],
            "{text:?}"
        );
    }
}

#[test]
fn a_folder_that_is_not_there_holds_no_skill() {
    let folder = Folder::new();
    let found = load(&folder.path("nothing"), &ROUTES);
    assert!(found.mistakes.is_empty() && found.skills.iter().next().is_none());
    folder.put("file", "x");
    assert!(load(&folder.path("file"), &ROUTES).mistakes[0]
        .to_string()
        .contains("cannot be read"));
}

#[test]
fn a_thousand_manifests_are_read_in_bounded_time() {
    let folder = Folder::new();
    for number in 0..1000 {
        let text = MAIL.replace("skill: mail", &format!("skill: s{number}"));
        folder.put(&format!("s{number}.yaml"), &text);
    }
    let began = Instant::now();
    let found = folder.load();
    let took = began.elapsed();
    assert_eq!(found.skills.iter().count(), 1000);
    assert!(took < Duration::from_secs(20), "{took:?}");
    println!("1000 manifests: {took:?}");
}

#[test]
fn more_than_that_is_refused_at_once() {
    let folder = Folder::new();
    for number in 0..1025 {
        fs::write(folder.path(&format!("s{number}.yaml")), "").unwrap();
    }
    assert!(folder.load().mistakes[0]
        .to_string()
        .contains("more than 1024 skills"));
    let folder = Folder::new();
    for number in 0..10_001 {
        fs::write(folder.path(&format!("f{number}")), "").unwrap();
    }
    assert!(folder.load().mistakes[0]
        .to_string()
        .contains("more than 10000 files"));
}

#[test]
fn all_manifests_together_are_bounded() {
    let folder = Folder::new();
    let properties: String = (0..4900).map(|n| format!("a{n}: {{}}, ")).collect();
    for number in 0..12 {
        folder.put(
            &format!("s{number}.yaml"),
            &format!("skill: s{number}\nrequest: {{properties: {{{properties}}}}}\n"),
        );
    }
    let began = Instant::now();
    let said = folder.mistakes();
    assert!(
        said[0].contains("more than 50000 schemas together"),
        "{said:?}"
    );
    let comment = format!("#{}\n", "x".repeat(250 << 10));
    for number in 0..70 {
        folder.put(
            &format!("t{number}.yaml"),
            &format!("skill: t{number}\n{comment}"),
        );
    }
    let said = folder.mistakes();
    assert!(
        said.iter()
            .any(|said| said.contains("more than 16777216 bytes together")),
        "{}",
        said.len()
    );
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn the_shipped_manifests_are_sound() {
    let folder = Folder::new();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf/skills");
    let mut count = 0;
    for entry in fs::read_dir(shipped).unwrap() {
        let entry = entry.unwrap();
        folder.put(
            entry.file_name().to_str().unwrap(),
            &fs::read_to_string(entry.path()).unwrap(),
        );
        count += 1;
    }
    assert_eq!(count, 2);
    let found = folder.load();
    assert_eq!(folder.told(found.mistakes), Vec::<String>::new());
    assert_eq!(
        found.skills.names().collect::<Vec<_>>(),
        ["hello", "report"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_breaks_the_reader(text in "(skill|route|tools|request|response|budget|type|a|[:{}\\[\\],#'\" \n-]){0,40}") {
        let name: Arc<str> = Arc::from("a.yaml");
        let compiler = Compiler::new();
        let context = read::Context { name: &name, routes: &ROUTES, compiler: &compiler };
        let outcome = read::yaml(&context, &text);
        prop_assert_eq!(outcome.manifest.is_some(), outcome.mistakes.is_empty());
        read::skill_md(&context, &format!("---\nmetadata: {{sidegate: {{{text}}}}}\n---\n"));
    }
}
