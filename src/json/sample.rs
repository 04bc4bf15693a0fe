//! Random JSON for property tests: odd white space, escaped keys, deep and shallow, and ways to break it.

use proptest::prelude::*;

/// White space as nobody writes it.
pub fn space() -> impl Strategy<Value = String> {
    prop_oneof![6 => Just(String::new()), 1 => "[ \\n\\r\\t]{1,3}"]
}

/// A string with its quotes: plain, escaped in every way, or beyond ASCII.
pub fn quoted() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_ ]{0,40}".prop_map(|text| format!("\"{text}\"")),
        2 => any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        1 => any::<String>().prop_map(|text| fully_escaped(&text)),
        1 => prop_oneof![Just(r#""\/\b\f""#), Just(r#""}]{[,:\"\\""#), Just("\"\u{7f}é漢😀\"")].prop_map(String::from),
    ]
}

/// Every UTF-16 unit of the text as `\uXXXX`.
pub fn fully_escaped(text: &str) -> String {
    let units: String = text
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04X}"))
        .collect();
    format!("\"{units}\"")
}

/// A value that holds no other.
pub fn simple() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => quoted(),
        1 => prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(String::from),
        1 => any::<i64>().prop_map(|number| number.to_string()),
        1 => any::<u16>().prop_map(|number| number.to_string()),
        1 => "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
    ]
}

/// Any value.
pub fn value() -> impl Strategy<Value = String> {
    let key = prop_oneof![2 => quoted(), 3 => known_key()].boxed();
    simple().prop_recursive(4, 40, 5, move |inner| {
        let item = (space(), inner.clone(), space())
            .prop_map(|(a, value, b)| format!("{a}{value}{b}"))
            .boxed();
        let entry = (space(), key.clone(), space(), item.clone())
            .prop_map(|(a, key, b, item)| format!("{a}{key}{b}:{item}"));
        prop_oneof![
            (space(), prop::collection::vec(item, 0..5))
                .prop_map(|(a, items)| bracketed('[', &a, &items, ']')),
            (space(), prop::collection::vec(entry, 0..5))
                .prop_map(|(a, entries)| bracketed('{', &a, &entries, '}')),
        ]
    })
}

/// A document with white space around it.
pub fn document() -> impl Strategy<Value = String> {
    (space(), value(), space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"))
}

/// A document with a few bytes changed, taken out or put in.
pub fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => prop::sample::select(&b"{}[]\",:\\0123456789.eE+-tfnu \n\x00\x1f\x7f\xc3\xa9\xed\xa0\xff"[..]), 1 => any::<u8>()];
    let change = (any::<prop::sample::Index>(), 0..3, byte);
    (document(), prop::collection::vec(change, 0..4)).prop_map(|(document, changes)| {
        let mut bytes = document.into_bytes();
        for (at, how, byte) in changes {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(at / 2),
            }
        }
        bytes
    })
}

fn known_key() -> impl Strategy<Value = String> {
    prop::sample::select(
        &[
            "model",
            "usage",
            "choices",
            "finish_reason",
            "error",
            "stream_options",
            "max_tokens",
        ][..],
    )
    .prop_map(|key| format!("\"{key}\""))
}

fn bracketed(open: char, space: &str, items: &[String], close: char) -> String {
    if items.is_empty() {
        return format!("{open}{space}{close}");
    }
    format!("{open}{}{close}", items.join(","))
}
