use super::*;
use crate::json::sample;
use proptest::prelude::*;

fn refusal(document: &str) -> Why {
    scan(document.as_bytes()).unwrap_err().why
}

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

#[test]
fn members_are_found_where_they_stand() {
    let document =
        " {\"model\" : \"a\\\"b\",\n\"n\":-1.5e3 , \"messages\":[{\"model\":1}],\"x\":{} } ";
    let scanned = scan(document.as_bytes()).unwrap();
    let found: Vec<_> = scanned
        .members
        .iter()
        .map(|member| {
            (
                &document[member.key.start..member.key.end],
                &document[member.value.start..member.value.end],
                member.kind,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("\"model\"", "\"a\\\"b\"", Kind::String),
            ("\"n\"", "-1.5e3", Kind::Number),
            ("\"messages\"", "[{\"model\":1}]", Kind::Array),
            ("\"x\"", "{}", Kind::Object),
        ]
    );
    assert_eq!(
        scanned.value.of(document.as_bytes()),
        document.trim().as_bytes()
    );
}

#[test]
fn members_are_listed_for_a_top_level_object_only() {
    for (document, kind) in [
        ("[{\"model\":1}]", Kind::Array),
        ("\"model\"", Kind::String),
        ("-0", Kind::Number),
        ("true", Kind::True),
        ("false", Kind::False),
        ("null", Kind::Null),
        ("{}", Kind::Object),
    ] {
        let scanned = scan(document.as_bytes()).unwrap();
        assert_eq!(
            (scanned.kind, scanned.members.len()),
            (kind, 0),
            "{document}"
        );
    }
}

#[test]
fn each_kind_of_damage_has_its_name() {
    for (document, why) in [
        ("", Why::UnexpectedEnd),
        ("  ", Why::UnexpectedEnd),
        ("{\"a\":1", Why::UnexpectedEnd),
        ("\"a", Why::UnexpectedEnd),
        ("-", Why::UnexpectedEnd),
        ("\u{feff}{}", Why::UnexpectedByte),
        ("{\"a\":1,}", Why::UnexpectedByte),
        ("[1,]", Why::UnexpectedByte),
        ("[,1]", Why::UnexpectedByte),
        ("[1 2]", Why::UnexpectedByte),
        ("{\"a\" 1}", Why::UnexpectedByte),
        ("{a:1}", Why::UnexpectedByte),
        ("{'a':1}", Why::UnexpectedByte),
        ("[1}", Why::UnexpectedByte),
        ("{\"a\":1]", Why::UnexpectedByte),
        ("nul", Why::UnexpectedEnd),
        ("nuLl", Why::UnexpectedByte),
        ("NaN", Why::UnexpectedByte),
        ("+1", Why::UnexpectedByte),
        ("/**/1", Why::UnexpectedByte),
        ("{} {}", Why::TrailingBytes),
        ("{}\0", Why::TrailingBytes),
        ("01", Why::TrailingBytes),
        ("1.", Why::UnexpectedEnd),
        ("1.e5", Why::BadNumber),
        ("[-a]", Why::BadNumber),
        ("1e999", Why::NumberTooLarge),
        ("\"a\nb\"", Why::ControlCharacter),
        ("\"\u{1f}\"", Why::ControlCharacter),
        (r#""\x""#, Why::BadEscape),
        (r#""\u12g4""#, Why::BadEscape),
        (r#""\ud83d""#, Why::LoneSurrogate),
        (r#""\ude00\ud83d""#, Why::LoneSurrogate),
        (r#""\ud83d\u0041""#, Why::LoneSurrogate),
    ] {
        assert_eq!(refusal(document), why, "{document:?}");
    }
    assert_eq!(refusal(&"1".repeat(400)), Why::NumberTooLarge);
}

#[test]
fn surrogates_pass_in_pairs_only() {
    let escaped = |units: &[u16]| {
        let text: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
        scan(format!("\"{text}\"").as_bytes()).map_err(|malformed| malformed.why)
    };
    for pair in [[0xd800, 0xdc00], [0xdbff, 0xdfff], [0xd7ff, 0xe000]] {
        assert!(escaped(&pair).is_ok(), "{pair:x?}");
    }
    for lone in [
        &[0xd800][..],
        &[0xdbff],
        &[0xdc00],
        &[0xdfff],
        &[0xd800, 0xdbff],
        &[0xd800, 0xe000],
        &[0xdc00, 0xd800],
    ] {
        assert_eq!(escaped(lone).unwrap_err(), Why::LoneSurrogate, "{lone:x?}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_refused_anywhere() {
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\xaf\"",
        b"\"\xf4\x90\x80\x80\"",
        b"{}\xc2",
        b"\xef\xbb\xbf\xff",
    ] {
        assert_eq!(
            scan(bytes).unwrap_err().why,
            Why::NotUtf8,
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn nesting_is_limited_and_a_bomb_costs_nothing() {
    assert!(scan(nested(MAX_DEPTH as usize).as_bytes()).is_ok());
    assert_eq!(
        scan(nested(MAX_DEPTH as usize + 1).as_bytes()).unwrap_err(),
        Malformed {
            at: MAX_DEPTH as usize,
            why: Why::TooDeep
        }
    );
    assert_eq!(refusal(&"[".repeat(10_000_000)), Why::TooDeep);
    assert_eq!(refusal(&"{\"a\":".repeat(10_000_000)), Why::TooDeep);
}

#[test]
fn a_mix_of_brackets_is_matched_at_the_full_depth() {
    let half = MAX_DEPTH as usize / 2;
    let document = "[{\"a\":".repeat(half) + "1" + &"}]".repeat(half);
    assert!(scan(document.as_bytes()).is_ok());
    assert_eq!(
        refusal(&document.replacen("}]}]", "}]]}", 1)),
        Why::UnexpectedByte
    );
}

#[test]
fn too_many_top_level_keys_are_refused() {
    let object = |keys: usize| format!("{{{}}}", vec!["\"\":0"; keys].join(","));
    assert_eq!(
        scan(object(MAX_MEMBERS).as_bytes()).unwrap().members.len(),
        MAX_MEMBERS
    );
    assert_eq!(refusal(&object(MAX_MEMBERS + 1)), Why::TooManyKeys);
    assert!(scan(format!("[{}]", object(MAX_MEMBERS + 1)).as_bytes()).is_ok());
}

#[test]
fn twenty_mebibytes_are_scanned() {
    let prompt = "An ordinary line of prose, and another one.\\n".repeat(20 * 1024 * 1024 / 45 + 1);
    let document = format!("{{\"model\":\"m\",\"messages\":[{{\"content\":\"{prompt}\"}}]}}");
    assert!(document.len() > 20 * 1024 * 1024);
    assert_eq!(scan(document.as_bytes()).unwrap().members.len(), 2);
    assert_eq!(refusal(&document[..document.len() - 1]), Why::UnexpectedEnd);
}

/// Prints, asserts nothing: a speed is a property of the machine. `cargo test --release -- --nocapture speed`.
#[test]
fn scan_speed_is_printed() {
    let prose = "The quick brown fox doesn't jump over the lazy dog; it reads \\\"JSON\\\" instead.\\nThen it sleeps. ".repeat(53);
    for (name, prose) in [
        ("ASCII", prose.clone()),
        (
            "Cyrillic",
            prose.replace("quick brown fox", "быстрая лиса и немного текста"),
        ),
    ] {
        let message = format!("{{\"role\":\"user\",\"content\":\"{prose}\"}}");
        let document = format!(
            "{{\"model\":\"m\",\"messages\":[{}],\"stream\":true}}",
            vec![message; 40].join(",")
        );
        let rounds: u32 = if cfg!(debug_assertions) { 3 } else { 3000 };
        let started = std::time::Instant::now();
        for _ in 0..rounds {
            assert!(scan(std::hint::black_box(document.as_bytes())).is_ok());
        }
        let each = started.elapsed() / rounds;
        let rate = document.len() as f64 / each.as_nanos().max(1) as f64;
        println!(
            "scan, {name}: {} bytes in {each:?}, {rate:.2} GB/s",
            document.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn valid_documents_are_accepted(document in sample::document()) {
        prop_assert!(serde_json::from_str::<serde_json::Value>(&document).is_ok());
        prop_assert!(scan(document.as_bytes()).is_ok());
    }

    #[test]
    fn exactly_what_serde_json_accepts_is_accepted(bytes in sample::mutated()) {
        let reference = serde_json::from_slice::<serde_json::Value>(&bytes).is_ok();
        prop_assert_eq!(scan(&bytes).is_ok(), reference, "{}", bytes.escape_ascii());
    }

    #[test]
    fn every_member_is_a_string_and_a_value_of_its_kind(document in sample::document()) {
        for member in scan(document.as_bytes()).unwrap().members {
            prop_assert!(serde_json::from_slice::<String>(member.key.of(document.as_bytes())).is_ok());
            let kind = match serde_json::from_slice(member.value.of(document.as_bytes())).unwrap() {
                serde_json::Value::Object(_) => Kind::Object,
                serde_json::Value::Array(_) => Kind::Array,
                serde_json::Value::String(_) => Kind::String,
                serde_json::Value::Number(_) => Kind::Number,
                serde_json::Value::Bool(true) => Kind::True,
                serde_json::Value::Bool(false) => Kind::False,
                serde_json::Value::Null => Kind::Null,
            };
            prop_assert_eq!(member.kind, kind);
        }
    }
}
