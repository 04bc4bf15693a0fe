use super::super::table::{Refused, TokenTable};
use super::*;
use proptest::prelude::*;

const FILE: &str =
    "# who may call\n\nalice   one   invoke:*,lane:*   # the boss\r\nbob two models skill=mail\n";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn scopes(column: &str) -> Scopes {
    Scopes::parse(column).unwrap()
}

fn token<'a>(name: &'a str, scopes: &'a Scopes, secret: &'a str) -> NewToken<'a> {
    NewToken {
        name,
        scopes,
        expires: None,
        skill: None,
        secret,
    }
}

fn hash(secret: &str) -> String {
    SecretDigest::of(secret.as_bytes()).to_string()
}

fn who(text: &str, secret: &str, now: SystemTime) -> Result<String, Refused> {
    let caller = TokenTable::parse(text)
        .unwrap()
        .identify(secret.as_bytes(), now)?;
    Ok(caller.name.to_string())
}

#[test]
fn a_made_secret_has_256_bits_in_46_plain_characters() {
    assert_eq!(secret_from([0; 32]), format!("sg_{}", "A".repeat(43)));
    assert_eq!(secret_from([0xff; 32]), format!("sg_{}8", "_".repeat(42)));
    assert_eq!(secret_from([7; 32]).len(), 46);
}

#[test]
fn a_new_caller_is_appended_with_its_hash_only() {
    let scopes = scopes("invoke:chat,lane:batch");
    let token = NewToken {
        expires: Some(at(100)),
        skill: Some("mail"),
        ..token("agent-7", &scopes, "s3cr3t-three")
    };
    let changed = new_entry(FILE, token).unwrap();
    let line = format!(
        "agent-7  {}  invoke:chat,lane:batch  expires=1970-01-01T00:01:40Z  skill=mail\n",
        hash("s3cr3t-three")
    );
    assert_eq!(changed, format!("{FILE}{line}"));
    assert_eq!(
        who(&changed, "s3cr3t-three", at(0)),
        Ok("agent-7".to_string())
    );
    assert!(!changed.contains("s3cr3t"));
}

#[test]
fn a_missing_last_line_end_is_added() {
    let all = scopes("invoke:*");
    let changed = new_entry("alice one models", token("bob", &all, "two")).unwrap();
    assert!(
        changed.starts_with("alice one models\nbob  sha256:") && changed.ends_with("invoke:*\n"),
        "{changed}"
    );
    let windows = new_entry("alice one models\r\n", token("bob", &all, "two")).unwrap();
    assert!(windows.ends_with("invoke:*\r\n"), "{windows:?}");
    assert_eq!(
        new_entry("", token("bob", &all, "two"))
            .unwrap()
            .lines()
            .count(),
        1
    );
}

#[test]
fn a_name_that_is_taken_or_malformed_is_refused() {
    let all = scopes("invoke:*");
    let taken = EditError::NameTaken {
        name: "bob".into(),
        line: 4,
    };
    assert_eq!(new_entry(FILE, token("bob", &all, "x")), Err(taken));
    for name in ["", "a b", "a\nb", "none", "#a"] {
        assert!(
            matches!(
                new_entry(FILE, token(name, &all, "x")),
                Err(EditError::BadName)
            ),
            "{name}"
        );
    }
    let skill = NewToken {
        skill: Some("a b"),
        ..token("carol", &all, "x")
    };
    assert_eq!(new_entry(FILE, skill), Err(EditError::BadSkill));
}

#[test]
fn a_file_with_mistakes_is_not_added_to() {
    let all = scopes("invoke:*");
    for text in ["alice one", "alice one admin\nbob two nonsense\n"] {
        assert!(
            matches!(
                new_entry(text, token("carol", &all, "x")),
                Err(EditError::Mistakes(_))
            ),
            "{text}"
        );
    }
    assert!(matches!(
        new_entry(FILE, token("carol", &all, "one")),
        Err(EditError::Mistakes(_))
    ));
    assert!(matches!(
        new_entry(FILE, token("carol", &Scopes::default(), "x")),
        Err(EditError::Mistakes(_))
    ));
}

#[test]
fn the_list_shows_what_can_be_read() {
    let rows = list(&format!(
        "{FILE}broken line\ncarol {} admin expires=1970-01-01T00:00:01Z\n",
        hash("x")
    ));
    let names: Vec<(&str, usize, bool)> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.line, row.hashed))
        .collect();
    assert_eq!(
        names,
        [("alice", 3, false), ("bob", 4, false), ("carol", 6, true)]
    );
    assert_eq!(rows[1].skill.as_deref(), Some("mail"));
    assert_eq!(rows[2].expires, Some(at(1)));
}

#[test]
fn a_revoked_caller_is_gone_and_nothing_else_changes() {
    assert_eq!(
        revoke(FILE, "alice").unwrap(),
        "# who may call\n\nbob two models skill=mail\n"
    );
    assert_eq!(
        revoke("one\nbob two models", "default").unwrap(),
        "bob two models"
    );
    assert_eq!(revoke("bob two models", "bob").unwrap(), "");
}

#[test]
fn a_mistake_elsewhere_does_not_stop_a_revocation() {
    let changed = revoke(
        "alice one invoke:*\nbroken line\nalice two nonsense\n",
        "alice",
    )
    .unwrap();
    assert_eq!(changed, "broken line\n");
}

#[test]
fn an_unknown_caller_is_told_with_the_nearest_name() {
    let unknown = EditError::UnknownName {
        name: "alcie".into(),
        near: Some("alice".into()),
    };
    assert_eq!(revoke(FILE, "alcie"), Err(unknown.clone()));
    assert_eq!(
        rotate(FILE, "alcie", "x", at(0), Duration::ZERO),
        Err(unknown.clone())
    );
    assert_eq!(
        unknown.to_string(),
        "there is no caller `alcie`; did you mean `alice`?"
    );
}

#[test]
fn a_rotation_keeps_the_old_secret_for_the_overlap() {
    let changed = rotate(FILE, "alice", "three", at(40), Duration::from_secs(60)).unwrap();
    let expected = format!(
        "# who may call\n\nalice   one   invoke:*,lane:*  expires=1970-01-01T00:01:40Z   # the boss\r\n\
         alice  {}  invoke:*,lane:*\r\nbob two models skill=mail\n",
        hash("three")
    );
    assert_eq!(changed, expected);
    assert_eq!(who(&changed, "one", at(99)), Ok("alice".into()));
    assert_eq!(who(&changed, "one", at(100)), Err(Refused::Expired));
    assert_eq!(who(&changed, "three", at(100)), Ok("alice".into()));
}

#[test]
fn a_bare_secret_gets_its_columns_when_it_is_rotated() {
    let changed = rotate(
        "one # mine",
        "default",
        "two",
        at(0),
        Duration::from_secs(1),
    )
    .unwrap();
    let expected = format!(
        "default  one  invoke:*  expires=1970-01-01T00:00:01Z # mine\ndefault  {}  invoke:*\n",
        hash("two")
    );
    assert_eq!(changed, expected);
}

#[test]
fn a_second_rotation_succeeds_the_newest_and_ends_all_older_ones() {
    let once = rotate(FILE, "alice", "three", at(0), Duration::from_secs(1000)).unwrap();
    let twice = rotate(&once, "alice", "four", at(10), Duration::ZERO).unwrap();
    for old in ["one", "three"] {
        assert_eq!(who(&twice, old, at(10)), Err(Refused::Expired), "{old}");
    }
    assert_eq!(who(&twice, "four", at(10)), Ok("alice".into()));
}

#[test]
fn what_a_rotation_succeeds_is_the_lasting_token_wherever_it_stands() {
    let text = "alice one models\nalice two admin expires=1970-01-01T00:01:40Z\n";
    let changed = rotate(text, "alice", "three", at(0), Duration::from_secs(10)).unwrap();
    let rows = list(&changed);
    let found: Vec<(String, Option<SystemTime>)> = rows
        .iter()
        .map(|row| (row.scopes.to_string(), row.expires))
        .collect();
    let expected = [
        ("models", Some(at(10))),
        ("models", None),
        ("admin", Some(at(10))),
    ];
    assert_eq!(
        found,
        expected.map(|(scopes, expires)| (scopes.to_string(), expires))
    );
}

#[test]
fn a_rotation_never_makes_a_token_live_longer() {
    let text = "alice one invoke:* expires=1970-01-01T00:00:50Z skill=mail\n";
    let changed = rotate(text, "alice", "two", at(0), Duration::from_secs(1000)).unwrap();
    assert_eq!(
        changed,
        format!(
            "{text}alice  {}  invoke:*  expires=1970-01-01T00:00:50Z  skill=mail\n",
            hash("two")
        )
    );
    let expired = EditError::Expired {
        name: "alice".into(),
    };
    assert_eq!(
        rotate(text, "alice", "two", at(50), Duration::from_secs(1)),
        Err(expired)
    );
    assert_eq!(
        rotate(FILE, "alice", "x", at(0), Duration::MAX),
        Err(EditError::BadTime)
    );
}

#[test]
fn no_error_shows_a_secret() {
    let all = scopes("invoke:*");
    let token = token("bob", &all, "Canary-3");
    let error = new_entry("alice Canary-1\nbob Canary-2 admn", token).unwrap_err();
    let shown = format!("{error} {error:?} {token:?}");
    assert!(!shown.contains("Canary"), "{shown}");
}

proptest! {
    #[test]
    fn adding_and_revoking_gives_the_same_bytes_back(
        lines in proptest::collection::vec("( *#[ -~]{0,12}| {0,3})(\r)?\n", 0..6),
        names in proptest::collection::btree_set("[a-y]{1,6}", 0..4),
    ) {
        let all = scopes("invoke:*");
        let mut text = lines.concat();
        for (index, name) in names.iter().enumerate() {
            text = new_entry(&text, token(name, &all, &format!("secret-{index}"))).unwrap();
        }
        let added = new_entry(&text, token("zoe", &all, "hers")).unwrap();
        prop_assert_eq!(revoke(&added, "zoe").unwrap(), text.clone());
        let rotated = rotate(&added, "zoe", "new", at(0), Duration::from_secs(9)).unwrap();
        prop_assert_eq!(revoke(&rotated, "zoe").unwrap(), text);
    }

    #[test]
    fn no_text_breaks_the_editor(text in any::<String>(), name in any::<String>()) {
        let all = scopes("invoke:*");
        let _ = new_entry(&text, token(&name, &all, "x"));
        let _ = rotate(&text, &name, "x", at(0), Duration::ZERO);
        let _ = revoke(&text, &name);
        let _ = list(&text);
    }
}

#[test]
fn a_secret_in_clear_is_found_where_it_is_good_for_something() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
    let hashed = format!("sha256:{}", "ab".repeat(32));
    let text = format!(
        "# callers\nhashed {hashed} invoke:*\nadmin s3cret-1 admin\nold s3cret-2 invoke:* expires=1970-01-01T00:00:09Z\n\
         mail s3cret-3 invoke:* skill=mail\ngood s3cret-4 invoke:chat # comment\n"
    );
    assert_eq!(plain_secret(&text, now).as_deref(), Some("s3cret-4"));
    assert_eq!(
        plain_secret("just-a-secret\n", now).as_deref(),
        Some("just-a-secret")
    );
    assert_eq!(plain_secret(&format!("a {hashed} invoke:*"), now), None);
}
