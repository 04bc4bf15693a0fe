use super::*;
use crate::json::{sample, scan};
use proptest::prelude::*;

/// A value without what stands behind it.
fn alone(value: &[u8]) -> &[u8] {
    &value[..value_length(value).unwrap()]
}

fn shown<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<&'a str> {
    let values = values.map(|value| std::str::from_utf8(alone(value)).unwrap());
    values.collect()
}

#[test]
fn an_array_is_walked_item_by_item() {
    let array = br#" [ 1,"a]\"," , {"b":[2, {}]},[],null ] "#;
    assert_eq!(
        shown(items(array)),
        ["1", r#""a]\",""#, r#"{"b":[2, {}]}"#, "[]", "null"]
    );
}

#[test]
fn an_object_is_walked_member_by_member() {
    let object = br#"{"a" : 1 , "b}":{"c":"}"}, "d":[ ]}"#;
    let members: Vec<_> = members(object)
        .map(|(key, value)| (key, alone(value)))
        .collect();
    let expected: [(&[u8], &[u8]); 3] = [
        (br#""a""#, b"1"),
        (br#""b}""#, br#"{"c":"}"}"#),
        (br#""d""#, b"[ ]"),
    ];
    assert_eq!(members, expected);
}

#[test]
fn what_is_no_container_has_nothing_inside() {
    for value in ["", " ", "1", "\"[1]\"", "null", "[]", "{}", "[ ]"] {
        assert_eq!(items(value.as_bytes()).count(), 0, "{value}");
        assert_eq!(members(value.as_bytes()).count(), 0, "{value}");
    }
    assert_eq!(items(b"{\"a\":1}").count(), 0);
    assert_eq!(members(b"[1]").count(), 0);
}

#[test]
fn nothing_behind_the_item_in_hand_is_read() {
    let mut items = items(b"[\"not ended");
    assert_eq!(items.next(), Some(&b"\"not ended"[..]));
    assert_eq!(items.next(), None);
}

#[test]
fn a_text_ends_at_its_quote_or_where_nobody_looks_any_more() {
    for (value, most, expected) in [
        (r#""abc", 1"#, 9, "abc"),
        (r#""abc", 1"#, 3, "abc"),
        (r#""abc", 1"#, 2, "ab"),
        (r#""a\\" "#, 9, r"a\\"),
        (r#""a\"b" "#, 9, r#"a\"b"#),
        (r#""a\"b" "#, 3, r#"a\""#),
        (r#""""#, 9, ""),
        (r#""""#, 0, ""),
        (r#""abc"#, 9, "abc"),
    ] {
        let expected = expected.as_bytes();
        assert_eq!(text(value.as_bytes(), most), Some(expected), "{value}");
    }
    for value in ["", "1", "[\"a\"]", "null"] {
        assert_eq!(text(value.as_bytes(), 9), None);
    }
}

#[test]
fn the_tokens_end_with_the_value() {
    let document = br#"{"a":[1, true]}, "b": 2}"#;
    let tokens: Vec<_> = tokens(document).collect();
    let expected: [&[u8]; 9] = [b"{", b"\"a\"", b":", b"[", b"1", b",", b"true", b"]", b"}"];
    assert_eq!(tokens, expected);
}

#[test]
fn a_walk_through_what_is_no_json_ends() {
    for broken in ["[", "[1", "[1 2]", "[,]", "[:]", "[]]", "[}", "[1,", "[\"a"] {
        assert!(items(broken.as_bytes()).take(10).count() < 10, "{broken}");
    }
    for broken in ["{", "{1", "{\"a\"", "{\"a\":", "{\"a\" 1}", "{,}", "{]"] {
        assert!(members(broken.as_bytes()).take(10).count() < 10, "{broken}");
    }
}

proptest! {
    #[test]
    fn members_are_those_that_a_scan_finds(document in sample::document()) {
        let document = document.as_bytes();
        let scanned = scan(document).unwrap();
        let found: Vec<_> = members(document)
            .map(|(key, value)| (key, alone(value)))
            .collect();
        let expected: Vec<_> = scanned
            .members
            .iter()
            .map(|member| (member.key.of(document), member.value.of(document)))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_tokens_are_the_document_without_its_white_space(document in sample::document()) {
        let packed: Vec<u8> = tokens(document.as_bytes()).flatten().copied().collect();
        let raw: &serde_json::value::RawValue = serde_json::from_slice(&packed).unwrap();
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(raw.get()).unwrap(), value);
        let again: Vec<u8> = tokens(&packed).flatten().copied().collect();
        prop_assert_eq!(again, packed);
    }

    #[test]
    fn any_bytes_are_walked_to_an_end(bytes in sample::mutated()) {
        prop_assert!(items(&bytes).count() <= bytes.len());
        prop_assert!(members(&bytes).count() <= bytes.len());
        prop_assert!(tokens(&bytes).count() <= bytes.len());
    }
}
