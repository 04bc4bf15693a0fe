use super::*;
use proptest::prelude::*;

fn name() -> Arc<str> {
    Arc::from("f.yaml")
}

fn refusal(text: &str) -> String {
    match parse(&name(), text) {
        Ok(_) => "read".to_string(),
        Err(mistakes) => mistakes
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

#[test]
fn every_value_knows_its_place_and_its_characters() {
    let tree = parse(&name(), "a: 1\nb:\n  - off\n  - 0x10\n").unwrap();
    let [a, b] = entries(&tree) else {
        panic!("two keys: {tree:?}")
    };
    assert_eq!(a.value.place.to_string(), "f.yaml:1:4");
    assert_eq!(b.place.to_string(), "f.yaml:2:1");
    let Value::List(items) = &b.value.value else {
        panic!("a list: {b:?}")
    };
    assert_eq!(items[0].place.to_string(), "f.yaml:3:5");
    assert!(matches!(&items[0].value, Value::Text(text) if text == "off"));
    assert!(matches!(items[1].value, Value::Whole(16)));
    assert_eq!(items[1].written, "0x10");
}

#[test]
fn a_home_folder_is_told_from_nothing() {
    let tree = parse(&name(), "a: ~\r\nb:\r\nc: [~, ]\n").unwrap();
    let [a, b, c] = entries(&tree) else {
        panic!("three keys: {tree:?}")
    };
    assert_eq!(a.value.written, "~");
    assert_eq!(b.value.written, "");
    assert_eq!(b.value.place.to_string(), "f.yaml:2:1");
    assert!(matches!(&c.value.value, Value::List(items) if items[0].written == "~"));
}

#[test]
fn merged_keys_fill_gaps_only() {
    let tree = parse(
        &name(),
        "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a]}\n",
    )
    .unwrap();
    let b: Vec<_> = entries(&entries(&tree)[1].value)
        .iter()
        .map(|entry| (entry.name.as_str(), entry.value.written.as_str()))
        .collect();
    assert_eq!(b, [("y", "3"), ("x", "1")]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_matter() {
    let tree = parse(&name(), "\u{feff}a: 1\r\nb: 2\r\n").unwrap();
    assert_eq!(entries(&tree)[0].place.to_string(), "f.yaml:1:1");
    assert_eq!(entries(&tree)[1].value.written, "2");
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let item = format!("*a{}", level - 1);
        bomb.push_str(&format!(
            "a{level}: &a{level} [{}]\n",
            [item.as_str(); 9].join(", ")
        ));
    }
    assert!(
        refusal(&bomb).contains("more than 50000 values"),
        "{}",
        refusal(&bomb)
    );

    let wide = format!(
        "a: &a [{}]\nb: [{}]\n",
        "x,".repeat(4000),
        "*a,".repeat(4000)
    );
    assert!(refusal(&wide).contains("more than 50000 values"));

    let deep = format!("a: {}", "[".repeat(200_000));
    assert!(
        refusal(&deep).contains("nested deeper"),
        "{}",
        refusal(&deep)
    );
    let blocks: String = (0..300)
        .map(|level| format!("{}- \n", " ".repeat(level)))
        .collect();
    assert_ne!(refusal(&blocks), "read");
}

#[test]
fn an_alias_may_not_contain_itself() {
    assert_eq!(
        refusal("a: &a [*a]\n"),
        "f.yaml:1:8: is an alias of what contains it"
    );
}

#[test]
fn a_file_is_one_document_that_says_something() {
    for text in [
        "",
        "\n",
        "# only words\n",
        "---\n",
        "~\n",
        "null\n",
        "\u{feff}",
    ] {
        assert!(
            refusal(text).contains("is empty"),
            "{text:?}: {}",
            refusal(text)
        );
    }
    assert!(refusal("a: 1\n---\nb: 2\n").starts_with("f.yaml:2:1: begins a second document"));
    assert_ne!(refusal("a: 1\n---\n"), "read");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9:\\-\\[\\]{},&*!|>'\"%@`?#~<. \n\t]{0,80}") {
        let _ = parse(&name(), &text);
    }

    #[test]
    fn nor_does_any_unicode(text in "\\PC{0,60}") {
        let _ = parse(&name(), &text);
    }
}
