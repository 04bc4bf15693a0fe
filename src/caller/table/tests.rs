use super::*;
use proptest::prelude::*;
use std::time::Duration;

const LONG: &str = "correct-horse-battery-staple";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn table(text: &str) -> TokenTable {
    TokenTable::parse(text).unwrap()
}

fn mistakes(text: &str) -> Vec<String> {
    let found = TokenTable::parse(text).expect_err(text);
    found.iter().map(TokenMistake::to_string).collect()
}

fn hashed(secret: &str) -> String {
    SecretDigest::of(secret.as_bytes()).to_string()
}

#[test]
fn the_documented_file_is_read() {
    let text = format!(
        "# callers\n\n{LONG}   # for me\nagent-7   {}   invoke:chat,lane:batch   expires=2027-01-01T00:00:00Z\n\
         alice\ts3cr3t\tinvoke:*,lane:*\r\nmailer {} invoke:chat skill=mail\n",
        hashed("one"),
        hashed("two"),
    );
    let table = table(&text);
    assert_eq!(
        table.callers().collect::<Vec<_>>(),
        ["agent-7", "alice", "default", "mailer"]
    );

    let caller = table.identify(LONG.as_bytes(), at(0)).unwrap();
    assert_eq!(
        (&*caller.name, caller.scopes.to_string().as_str()),
        ("default", "invoke:*")
    );
    let agent = table.identify(b"one", at(0)).unwrap();
    assert_eq!(agent.scopes.to_string(), "invoke:chat,lane:batch");
    assert_eq!(agent.expires, Some(at(1_798_761_600)));
    assert_eq!(&*table.identify(b"s3cr3t", at(0)).unwrap().name, "alice");
    assert_eq!(
        table.identify(b"two", at(0)).unwrap().skill.as_deref(),
        Some("mail")
    );
}

#[test]
fn only_the_secret_itself_is_accepted() {
    let table = table(&format!(
        "alice {} invoke:*\nbob {LONG} invoke:*",
        hashed("one")
    ));
    let hash = hashed("one");
    let others: [&[u8]; 7] = [
        b"One",
        b"one ",
        b"on",
        b"alice",
        hash.as_bytes(),
        &hash.as_bytes()[7..],
        &SecretDigestBytes::of("one"),
    ];
    for presented in others {
        assert_eq!(table.identify(presented, at(0)), Err(Refused::Invalid));
    }
    assert_eq!(table.identify(b"", at(0)), Err(Refused::Missing));
    assert_eq!(
        TokenTable::default().identify(b"one", at(0)),
        Err(Refused::Invalid)
    );
}

/// The raw bytes of a digest, which must not pass for the secret.
struct SecretDigestBytes;

impl SecretDigestBytes {
    fn of(secret: &str) -> Vec<u8> {
        use sha2::Digest;
        sha2::Sha256::digest(secret).to_vec()
    }
}

#[test]
fn an_expired_token_is_told_apart() {
    let table = table("alice one invoke:* expires=1970-01-01T00:01:40Z");
    assert!(table.identify(b"one", at(99)).is_ok());
    assert_eq!(table.identify(b"one", at(100)), Err(Refused::Expired));
    assert_eq!(table.identify(b"two", at(100)), Err(Refused::Invalid));
    assert_eq!(table.owner_of(b"one").as_deref(), Some("alice"));
    assert_eq!(table.owner_of(b"two"), None);
    assert!(table.expired(at(99)).is_empty());
    assert_eq!(table.expired(at(100))[0].line, Some(1));
}

#[test]
fn an_offset_from_utc_counts() {
    let table = table("alice one invoke:* expires=1970-01-01T02:01:40+02:00");
    assert_eq!(table.identify(b"one", at(100)), Err(Refused::Expired));
}

#[test]
fn during_a_rotation_both_secrets_work_until_the_old_one_expires() {
    let table = table("alice old invoke:* expires=1970-01-01T00:01:40Z\nalice new invoke:*\n");
    assert!(table.identify(b"old", at(99)).is_ok());
    assert_eq!(table.identify(b"old", at(100)), Err(Refused::Expired));
    assert!(table.identify(b"new", at(100)).is_ok());
    assert_eq!(table.callers().collect::<Vec<_>>(), ["alice"]);
}

#[test]
fn every_mistake_has_its_line_and_its_words() {
    let shape =
        "a line is `name secret scopes`, with `expires=` and `skill=` behind it, or a secret alone";
    let cases = [
        ("alice secret", format!("line 1: the line has two columns; {shape}")),
        ("\n\ninvoke:chat", format!("line 3: the line has neither name nor secret; {shape}")),
        ("expires=2027-01-01T00:00:00Z", format!("line 1: the line has neither name nor secret; {shape}")),
        ("al:ice s admin", "line 1: the first column is no caller's name: 1 to 64 of the characters A-Z a-z 0-9 . _ -, and not `none`".into()),
        ("none s admin", "line 1: the first column is no caller's name: 1 to 64 of the characters A-Z a-z 0-9 . _ -, and not `none`".into()),
        ("alice s\u{e9}cret admin", "line 1: the secret has a character that no header carries; visible ASCII only".into()),
        ("alice sha256:abc admin", "line 1: the secret's hash is not `sha256:` (in lower case) and 64 hexadecimal digits".into()),
        ("alice s admin expires=2027-01-01", "line 1: column 4: `expires=` takes a whole time with its offset, such as `2027-01-01T00:00:00Z`".into()),
        ("alice s admin expire=x", "line 1: column 4: unknown key; did you mean `expires=`?".into()),
        ("alice s admin skill=", "line 1: column 4: `skill=` takes a skill's name: 1 to 64 of the characters A-Z a-z 0-9 . _ -".into()),
        ("alice s admin skill=a skill=b", "line 1: column 5: `skill=` stands twice".into()),
        ("alice s admin models", "line 1: column 4: a scope on its own; scopes are one column, with commas and without spaces".into()),
        ("alice s admin skil", "line 1: column 4: no `=`; write `skill=…`".into()),
        ("a s admin\nb s admin", "line 2: the secret is that of line 1".into()),
        ("a s admin\na t admin", "line 2: the caller is that of line 1; one caller has two tokens only while `expires=` ends one of them".into()),
        ("s\n\nt", "line 3: the caller is `default`, as on line 1; give the second one a name and scopes; one caller has two tokens only while `expires=` ends one of them".into()),
    ];
    for (text, expected) in cases {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}

#[test]
fn all_mistakes_come_at_once_in_the_order_of_the_lines() {
    let found = mistakes("a s admin\nb s modles expires=never\nx y\nn\u{e9} t admin,\n");
    let lines: Vec<&str> = found.iter().map(|text| &text[..6]).collect();
    assert_eq!(lines, ["line 2", "line 2", "line 3", "line 4", "line 4"]);
}

#[test]
fn a_repetition_is_told_before_the_mistakes_of_later_lines() {
    let found = mistakes("a s admin\nb s admin\nx y\n");
    assert!(
        found[0].starts_with("line 2") && found[1].starts_with("line 3"),
        "{found:?}"
    );
}

#[test]
fn the_mark_of_a_hash_is_lower_case_and_its_digits_need_not_be() {
    let upper = hashed("one").to_uppercase();
    assert!(mistakes(&format!("alice {upper} admin"))[0].contains("in lower case"));
    let digits = upper.replace("SHA256:", "sha256:");
    assert!(table(&format!("alice {digits} admin"))
        .identify(b"one", at(0))
        .is_ok());
}

#[test]
fn times_that_are_not_rfc_3339_are_refused() {
    for time in [
        "",
        "tomorrow",
        "2027-01-01",
        "2027-13-01T00:00:00Z",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00:00Z[UTC]",
        "1798761600",
    ] {
        assert_eq!(
            mistakes(&format!("a s admin expires={time}")).len(),
            1,
            "{time}"
        );
    }
}

#[test]
fn the_hash_of_an_empty_text_lets_nobody_in() {
    for nothing in ["", "\n", "\r\n"] {
        let found = mistakes(&format!("a {} admin", hashed(nothing)));
        assert_eq!(
            found,
            ["line 1: the secret's hash is that of an empty text"]
        );
    }
}

#[test]
fn swapped_columns_are_noticed_without_repeating_the_secret() {
    let secret = format!("sg_{}", "Canary-1".repeat(6));
    for text in [
        format!("{secret} alice admin"),
        format!("alice admin {secret}"),
        format!("alice x admin {secret}"),
    ] {
        let found = mistakes(&text).join("\n");
        assert!(!found.contains("Canary"), "{found}");
    }
}

#[test]
fn neither_warnings_nor_debug_show_a_secret() {
    let table = table("alice Canary-1 lane:*\nCanary-2");
    let shown = format!("{table:?} {:?}", table.warnings());
    assert!(!shown.contains("Canary"), "{shown}");
}

#[test]
fn what_may_surprise_is_a_warning() {
    let text = format!(
        "short\nalice {LONG} lane:*\nbob \"{LONG}\" admin\ncarol {} admin\ndave {LONG}! admin",
        hashed("x")
    );
    let warnings: Vec<String> = table(&text)
        .warnings()
        .iter()
        .map(TokenMistake::to_string)
        .collect();
    assert_eq!(warnings, [
        "line 1: the secret has 5 characters and can be guessed; write 24 or more, or have one made by `sidegate token rotate`",
        "line 2: the scopes name lanes but no route, so they allow nothing",
        "line 3: the secret has quotes around it, which are a part of it",
    ]);
}

#[test]
fn twenty_four_characters_are_enough() {
    assert_eq!(table(&"x".repeat(23)).warnings().len(), 1);
    assert!(table(&"x".repeat(24)).warnings().is_empty());
}

#[test]
fn a_file_without_callers_is_valid_and_says_so() {
    for text in ["", "\n\n", "# nothing yet\n", "\u{feff}"] {
        let table = table(text);
        assert_eq!(table.warnings().len(), 1, "{text:?}");
        assert_eq!(table.callers().count(), 0);
    }
}

#[test]
fn scopes_and_skills_that_name_nothing_are_reported() {
    let table =
        table("a s invoke:chat,invoke:chta skill=mial\nb t invoke:*\nc u invoke:other skill=mail");
    assert_eq!(
        table.check_routes(&["chat", "code"]),
        [
            "line 1: scope `invoke:chta` names no route; did you mean `chat`?",
            "line 3: scope `invoke:other` names no route",
        ]
    );
    assert_eq!(
        table.check_skills(&["mail"]),
        ["line 1: `skill=mial` names no skill; did you mean `mail`?"]
    );
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(any in any::<String>(), near in "([a-z:=,# \t\r\n*]|invoke:|lane:|sha256:|expires=|skill=|[0-9TZ-]){0,60}") {
        for text in [any, near] {
            if let Err(mistakes) = TokenTable::parse(&text) {
                prop_assert!(!mistakes.is_empty());
            }
        }
    }

    #[test]
    fn exactly_the_presented_secret_is_accepted(
        secrets in proptest::collection::hash_set("[!-\"$-~][!-~]{7,40}", 1..6),
        presented in "[!-~]{1,41}",
        hash in any::<bool>(),
    ) {
        let secrets: Vec<&String> = secrets.iter().filter(|secret| !secret.to_lowercase().starts_with("sha256:")).collect();
        let line = |(index, secret): (usize, &&String)| match hash {
            true => format!("caller-{index} {} invoke:*\n", hashed(secret)),
            false => format!("caller-{index} {secret} invoke:*\n"),
        };
        let table = table(&secrets.iter().enumerate().map(line).collect::<String>());
        for (index, secret) in secrets.iter().enumerate() {
            let caller = table.identify(secret.as_bytes(), at(0)).unwrap();
            prop_assert_eq!(&*caller.name, format!("caller-{index}"));
        }
        let known = secrets.iter().any(|secret| **secret == presented);
        prop_assert_eq!(table.identify(presented.as_bytes(), at(0)).is_ok(), known);
    }
}
