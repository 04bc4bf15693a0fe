use super::*;
use crate::config::kit::{parse, Reader};
use crate::skill::strict;
use proptest::prelude::*;
use serde_json::{json, Value};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Reads and compiles a schema that is written in YAML; the mistakes otherwise.
fn schema(yaml: &str) -> Result<Schema, Vec<String>> {
    let name: Arc<str> = Arc::from("skill.yaml");
    let told = |mistakes: Vec<crate::config::Mistake>| {
        mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let node = parse(&name, yaml).map_err(told)?;
    let (reader, compiler) = (Reader::new(None), Compiler::new());
    let value = read(&reader, &compiler, "request", &node);
    let mistakes = told(reader.into_findings().mistakes);
    match value {
        Some(value) => compiler.compile(&value).map_err(|why| vec![why]),
        None => Err(mistakes),
    }
}

fn sound(yaml: &str) -> Schema {
    schema(yaml).unwrap_or_else(|mistakes| panic!("{yaml}: {mistakes:?}"))
}

fn refused(yaml: &str) -> String {
    match schema(yaml) {
        Ok(_) => panic!("taken: {yaml}"),
        Err(mistakes) => mistakes.join("\n"),
    }
}

/// What is said of a document: nothing when it fits.
fn said(schema: &Schema, document: &Value) -> String {
    let text = document.to_string();
    let read = strict::read(text.as_bytes()).unwrap();
    match schema.check(&read) {
        Ok(()) => String::new(),
        Err(violation) => violation.to_string(),
    }
}

const MAIL: &str = r##"
type: object
required: [to, subject]
additionalProperties: false
properties:
  to: {type: array, minItems: 1, items: {$ref: "#/$defs/address"}}
  subject: {type: string, maxLength: 20, pattern: "^[^\\n]*$"}
  kind: {enum: [note, alarm]}
  at: {type: string, format: date-time}
  more: {type: object, patternProperties: {"^x-": {type: integer}}, additionalProperties: {type: string}}
$defs:
  address: {type: string, format: email}
"##;

#[test]
fn a_violation_names_the_place_and_the_rule_and_no_value() {
    let mail = sound(MAIL);
    let whole = json!({"to": ["a@example.com"], "subject": "hi"});
    assert_eq!(said(&mail, &whole), "");
    for (document, expected) in [
        (json!([]), ": type"),
        (json!({"to": ["a@example.com"]}), "/subject: required"),
        (json!({"to": [], "subject": ""}), "/to: minItems"),
        (
            json!({"to": ["a@example.com", "sk-secret"], "subject": ""}),
            "/to/1: format",
        ),
        (
            json!({"to": ["a@example.com"], "subject": "x".repeat(21)}),
            "/subject: maxLength",
        ),
        (
            json!({"to": ["a@example.com"], "subject": "a\nb"}),
            "/subject: pattern",
        ),
        (
            json!({"to": ["a@example.com"], "subject": "", "kind": "sk-secret"}),
            "/kind: enum",
        ),
        (
            json!({"to": ["a@example.com"], "subject": "", "at": "today"}),
            "/at: format",
        ),
        (
            json!({"to": ["a@example.com"], "subject": "", "sk-secret": 1}),
            "/*: additionalProperties",
        ),
        (
            json!({"to": ["a@example.com"], "subject": "", "more": {"x-sk-secret": "1"}}),
            "/more/*: type",
        ),
        (
            json!({"to": ["a@example.com"], "subject": "", "more": {"sk-secret": 1}}),
            "/more/*: type",
        ),
    ] {
        assert_eq!(said(&mail, &document), expected, "{document}");
    }
}

#[test]
fn branches_are_told_as_a_whole() {
    for (yaml, document, expected) in [
        (
            "{anyOf: [{type: string}, {minimum: 3}]}",
            json!(1),
            ": anyOf",
        ),
        (
            "{oneOf: [{type: integer}, {minimum: 3}]}",
            json!(4),
            ": oneOf",
        ),
        (
            "{oneOf: [{type: string}, {minimum: 3}]}",
            json!(1),
            ": oneOf",
        ),
        (
            "{allOf: [{type: integer}, {minimum: 3}]}",
            json!(1),
            ": minimum",
        ),
        ("{not: {type: string}}", json!("a"), ": not"),
        (
            "{if: {type: string}, then: {minLength: 2}, else: {minimum: 2}}",
            json!("a"),
            ": minLength",
        ),
        (
            "{if: {type: string}, then: {minLength: 2}, else: {minimum: 2}}",
            json!(1),
            ": minimum",
        ),
        ("{contains: {const: 1}}", json!([2, 3]), ": contains"),
        (
            "{contains: {const: 1}, maxContains: 1}",
            json!([1, 1]),
            ": maxContains",
        ),
        (
            "{propertyNames: {maxLength: 2}}",
            json!({"abc": 1}),
            "/*: propertyNames",
        ),
        (
            "{dependentRequired: {a: [b]}}",
            json!({"a": 1}),
            ": required",
        ),
        ("{uniqueItems: true}", json!([1, 1]), ": uniqueItems"),
        (
            "{prefixItems: [{type: string}], items: false}",
            json!(["a", 1]),
            "/1: false",
        ),
        ("{properties: {a: false}}", json!({"a": 1}), "/a: false"),
        ("{type: [string, null]}", json!(1), ": type"),
        ("{const: null}", json!(1), ": const"),
        ("{multipleOf: 0.5}", json!(1.2), ": multipleOf"),
        ("{minimum: -1.5}", json!(-2), ": minimum"),
    ] {
        assert_eq!(said(&sound(yaml), &document), expected, "{yaml} {document}");
    }
}

#[test]
fn nothing_is_looked_up_elsewhere() {
    for reference in [
        "http://127.0.0.1:9/schema.json",
        "https://example.com/s.json#/a",
        "file:///etc/passwd",
        "other.json",
        "//host/x",
        "",
    ] {
        let said = refused(&format!("{{$ref: \"{reference}\"}}"));
        assert!(
            said.contains("is not in this schema") || said.contains("nothing"),
            "{said}"
        );
    }
    let said = refused(
        "properties:\n  a:\n    $ref: '#/$defs/adress'\n$defs: {address: {type: string}}\n",
    );
    assert_eq!(
        said,
        "skill.yaml:3:11: request.properties.a.$ref: `#/$defs/adress` names no schema in here; did you mean `#/$defs/address`?"
    );
    assert!(refused("{$id: 'https://example.com/x'}").contains("`$id` is not checked here"));
    assert!(refused("{$schema: 'https://example.com/meta'}").contains("is no draft"));
    assert!(schema("{$schema: 'http://json-schema.org/draft-07/schema#', type: object}").is_ok());
}

#[test]
fn a_library_without_a_resolver_would_refuse_a_remote_reference_too() {
    let compiler = Compiler::new();
    for reference in [
        "http://127.0.0.1:9/schema.json",
        "file:///etc/passwd",
        "other.json",
    ] {
        assert!(
            compiler.compile(&json!({"$ref": reference})).is_err(),
            "{reference}"
        );
    }
}

#[test]
fn a_keyword_that_is_not_checked_is_refused() {
    let said = refused("type: object\nrequird: [a]\n");
    assert!(
        said.starts_with("skill.yaml:2:1: request.requird: `requird` is no keyword of a schema; did you mean `required`?"),
        "{said}"
    );
    for (yaml, expected) in [
        ("{nullable: true}", "write `type: [string, \"null\"]`"),
        (
            "{unevaluatedProperties: false}",
            "write `additionalProperties`",
        ),
        ("{type: strng}", "is no type; did you mean `string`?"),
        ("{type: []}", "is no type"),
        ("{type: [string, string]}", "stands there twice"),
        ("{format: emial}", "did you mean `email`?"),
        ("{format: regex}", "is not checked here"),
        ("{required: name}", "is no list"),
        ("{required: [1]}", "is no text"),
        ("{required: [a, a]}", "stands there twice"),
        ("{items: [{type: string}]}", "is no JSON Schema"),
        ("{minLength: -1}", "is no whole number"),
        ("{multipleOf: 0}", "is no such number"),
        ("{minimum: .inf}", "is no such number"),
        ("{minimum: 0x1.8}", "is no such number"),
        ("{enum: []}", "is no list of choices"),
        ("{anyOf: []}", "is empty"),
        ("{uniqueItems: yes}", "is no truth value"),
        ("{type: object, type: string}", "is written twice"),
        ("[1]", "is no JSON Schema"),
    ] {
        let said = refused(yaml);
        assert!(said.contains(expected), "{yaml}: {said}");
    }
    assert!(schema("{x-order: 3, title: a, default: {b: 1}, examples: [1]}").is_ok());
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    let said = refused("type: strng\nproperties:\n  a: {minLength: x}\n  b:\n    pattern: '('\n");
    let places: Vec<&str> = said
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        ["skill.yaml:1:7", "skill.yaml:3:18", "skill.yaml:5:14"]
    );
}

#[test]
fn a_pattern_runs_in_linear_time_or_not_at_all() {
    for pattern in [
        "(a)\\\\1",
        "(?=a)b",
        "(?<!a)b",
        "(",
        "(a{1000}){1000}",
        "\\\\p{L}{5000}",
    ] {
        let said = refused(&format!("{{pattern: \"{pattern}\"}}"));
        assert!(said.contains("linear time"), "{pattern}: {said}");
    }
    let long = refused(&format!("{{pattern: \"{}\"}}", "a".repeat(1025)));
    assert!(long.contains("more than 1024 bytes"), "{long}");
    assert!(refused("{patternProperties: {'(': true}}").contains("linear time"));
    for pattern in [
        "^(a+)+$",
        "^(a|a)*$",
        "^([a-z]+)*$",
        "(x+x+)+y",
        "^.{0,254}$",
        "^[a-z0-9-]{1,64}$",
    ] {
        let schema = sound(&format!("{{pattern: \"{pattern}\"}}"));
        let began = Instant::now();
        said(&schema, &json!("a".repeat(200_000) + "!"));
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{pattern}: {:?}",
            began.elapsed()
        );
    }
}

/// `$defs` of `levels` schemas, each of which leads twice to the next one.
fn doubling(levels: usize, step: &str) -> String {
    let mut yaml = "$ref: '#/$defs/a0'\n$defs:\n".to_string();
    for level in 0..levels {
        let next = format!("{{$ref: '#/$defs/a{}'}}", level + 1);
        writeln!(yaml, "  a{level}: {}", step.replace('@', &next)).unwrap();
    }
    writeln!(yaml, "  a{levels}: {{type: string}}").unwrap();
    yaml
}

#[test]
fn what_one_value_can_cost_is_bounded() {
    let wide = refused(&doubling(14, "{allOf: [@, @]}"));
    assert!(wide.contains("more than 1000 schemas at once"), "{wide}");
    let any = refused(&doubling(60, "{anyOf: [@, @]}"));
    assert!(any.contains("more than 1000"), "{any}");
    let high = refused(&doubling(20, "{allOf: [@]}"));
    assert!(high.contains("inside each other"), "{high}");
    let branches = "{type: string}, ".repeat(1100);
    assert!(refused(&format!("{{anyOf: [{branches}]}}")).contains("more than 1000"));
    for itself in [
        "{$ref: '#'}",
        "{allOf: [{$ref: '#'}]}",
        "{not: {$ref: '#'}}",
        "{if: {$ref: '#'}}",
    ] {
        assert!(
            refused(itself).contains("refers back to itself"),
            "{itself}"
        );
    }
    assert!(schema("{type: object, properties: {next: {$ref: '#'}}}").is_ok());
}

#[test]
fn a_long_chain_of_references_is_refused_before_anybody_follows_it() {
    let chain = refused(&doubling(2000, "{allOf: [@]}"));
    assert!(chain.contains("inside each other"), "{chain}");
}

#[test]
fn patterns_are_counted_for_the_schema_and_for_what_one_text_meets() {
    let patterns = |count: usize| {
        (0..count)
            .map(|n| format!("{{pattern: '^a{n}'}}, "))
            .collect::<String>()
    };
    assert!(refused(&format!("{{allOf: [{}]}}", patterns(201))).contains("more than 200 patterns"));
    let many = sound(&format!("{{anyOf: [{}]}}", patterns(200)));
    assert_eq!(said(&many, &json!("a7")), "");
    assert_eq!(said(&many, &json!("b".repeat(50_000))), ": too_large");
}

#[test]
fn a_costly_pattern_reads_short_texts_only_however_large_the_document() {
    let schema = sound(
        "{properties: {to: {pattern: '^[\\w.+-]{1,64}@[\\w-]{1,63}([.][\\w-]{1,63}){1,4}$'}, text: {pattern: '^[^~]*$'}}}",
    );
    let text = "x".repeat(4 << 20);
    assert_eq!(
        said(&schema, &json!({"to": "a@b.example", "text": text})),
        ""
    );
    assert_eq!(
        said(&schema, &json!({"to": text, "text": ""})),
        ": too_large"
    );
    let keys =
        sound("{patternProperties: {'^x-': {pattern: '^[a-z]*$'}}, additionalProperties: true}");
    assert_eq!(
        said(&keys, &json!({"x-a": "x".repeat(9 << 20)})),
        ": too_large"
    );
    assert_eq!(said(&keys, &json!({"a": ["x".repeat(7 << 20)]})), "");
    assert_eq!(said(&keys, &json!({"x".repeat(9 << 20): 1})), ": too_large");
}

#[test]
fn a_schema_that_doubles_with_every_level_of_the_document_ends() {
    for step in [
        "{anyOf: [{$ref: '#'}, {$ref: '#'}, {allOf: [{$ref: '#'}]}]}",
        "{allOf: [{$ref: '#'}, {$ref: '#'}]}",
    ] {
        let schema = sound(&format!("{{type: object, properties: {{a: {step}}}}}"));
        for innermost in [json!(1), json!({})] {
            let mut document = innermost;
            for _ in 0..60 {
                document = json!({ "a": document });
            }
            let began = Instant::now();
            let said = said(&schema, &document);
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "{step}: {:?}",
                began.elapsed()
            );
            assert!(
                ["", ": schema", "/a: anyOf"].contains(&said.as_str()) || said.ends_with(": type"),
                "{said}"
            );
        }
    }
}

#[test]
fn huge_choices_are_refused_and_large_ones_are_taken() {
    let texts = |count: usize| {
        (0..count)
            .map(|n| format!("t{n}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let numbers = |count: usize| {
        (0..count)
            .map(|n| n.to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let large = sound(&format!("{{enum: [{}]}}", texts(10_000)));
    assert_eq!(said(&large, &json!("t9999")), "");
    assert_eq!(said(&large, &json!("t10000")), ": enum");
    assert!(refused(&format!("{{enum: [{}]}}", texts(10_001))).contains("the most"));
    assert!(refused(&format!("{{enum: [{}]}}", numbers(257))).contains("the most"));
    let patterns: String = (0..17).map(|n| format!("'^a{n}': true, ")).collect();
    assert!(refused(&format!("{{patternProperties: {{{patterns}}}}}"))
        .contains("more than 16 patterns"));
    let properties: String = (0..5001).map(|n| format!("a{n}: {{}}, ")).collect();
    assert!(
        refused(&format!("{{properties: {{{properties}}}}}")).contains("more than 5000 schemas")
    );
}

#[test]
fn a_deep_schema_is_refused_and_does_not_end_the_process() {
    for levels in [40, 5_000, 50_000] {
        let yaml = "{items: ".repeat(levels) + "true" + &"}".repeat(levels);
        assert!(refused(&yaml).contains("nested deeper"), "{levels}");
    }
}

#[test]
fn a_large_document_under_a_wide_schema_is_refused_instead_of_checked() {
    let branches: String = (0..900).map(|n| format!("{{const: {n}}}, ")).collect();
    let schema = sound(&format!("{{items: {{anyOf: [{branches}]}}}}"));
    let items: Vec<u32> = vec![899; 60_000];
    assert_eq!(said(&schema, &json!(items)), ": too_large");
    assert_eq!(said(&schema, &json!([899, 900])), "/1: anyOf");
}

/// The library's own error of this holds the document once for each branch and missing key.
#[test]
fn a_failing_branch_copies_nothing_of_a_large_document() {
    let keys: Vec<String> = (0..200).map(|n| format!("k{n}")).collect();
    let branch = format!("{{required: [{}]}}", keys.join(", "));
    let schema = sound(&format!("{{anyOf: [{branch}, {branch}, {branch}]}}"));
    let document = json!({"messages": vec!["x".repeat(1000); 4000]});
    let began = Instant::now();
    assert_eq!(said(&schema, &document), ": anyOf");
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn the_deepest_document_under_the_highest_schema_fits_on_a_small_stack() {
    let run = || {
        let mut yaml = "{properties: {a: {$ref: '#'}}, items: {$ref: '#'}, allOf: [".to_string();
        yaml.push_str(&"{allOf: [".repeat(8));
        yaml.push_str("{type: [object, array, string]}");
        yaml.push_str(&"]}".repeat(8));
        yaml.push_str("]}");
        let schema = sound(&yaml);
        let mut document = json!(1);
        for _ in 0..63 {
            document = json!([document]);
        }
        assert!(said(&schema, &document).ends_with(": type"));
    };
    let small = std::thread::Builder::new().stack_size(1 << 20).spawn(run);
    small.unwrap().join().unwrap();
}

fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("true".to_string()),
        Just("{type: string}".to_string()),
        Just("{type: [integer, null]}".to_string()),
        Just("{enum: [a, 1, null]}".to_string()),
        Just("{const: {a: 1}}".to_string()),
        Just("{minimum: 1, maximum: 3}".to_string()),
        Just("{minLength: 1, pattern: '^[ab]+$'}".to_string()),
        Just("{required: [a]}".to_string()),
        Just("{uniqueItems: true, maxItems: 2}".to_string()),
        Just("{minProperties: 1, dependentRequired: {a: [b]}}".to_string()),
        Just("false".to_string()),
    ]
}

fn any_schema() -> impl Strategy<Value = String> {
    leaf().prop_recursive(3, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone()
                .prop_map(|(a, b)| format!("{{properties: {{a: {a}, b: {b}}}}}")),
            two.clone().prop_map(|(a, b)| format!(
                "{{properties: {{a: {a}}}, additionalProperties: {b}}}"
            )),
            two.clone().prop_map(|(a, b)| format!(
                "{{patternProperties: {{'^a': {a}}}, propertyNames: {b}}}"
            )),
            two.clone().prop_map(|(a, b)| format!(
                "{{patternProperties: {{'^a': {a}}}, additionalProperties: {b}}}"
            )),
            two.clone()
                .prop_map(|(a, b)| format!("{{prefixItems: [{a}], items: {b}}}")),
            two.clone().prop_map(|(a, b)| format!(
                "{{items: {a}, contains: {b}, minContains: 0, maxContains: 1}}"
            )),
            two.clone()
                .prop_map(|(a, b)| format!("{{allOf: [{a}, {b}]}}")),
            two.clone()
                .prop_map(|(a, b)| format!("{{anyOf: [{a}, {b}]}}")),
            two.clone()
                .prop_map(|(a, b)| format!("{{oneOf: [{a}, {b}]}}")),
            two.prop_map(|(a, b)| format!("{{if: {a}, then: {b}, else: {{not: {b}}}}}")),
            inner.prop_map(|a| format!("{{contains: {a}}}")),
        ]
    })
}

fn any_document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!("a")),
        Just(json!("")),
        Just(json!("cc")),
        (0..5).prop_map(|number| json!(number)),
        Just(json!(1.0)),
        Just(json!(true)),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// The walk that explains and the library that decides are of one mind.
    #[test]
    fn what_is_refused_is_explained_and_what_fits_is_not(yaml in any_schema(), document in any_document()) {
        let schema = sound(&format!("{{allOf: [{yaml}]}}"));
        let text = document.to_string();
        let read = strict::read(text.as_bytes()).unwrap();
        let outcome = schema.check(&read);
        prop_assert_eq!(schema.walked(&read.value).is_none(), outcome.is_ok());
        if let Err(violation) = outcome {
            prop_assert_ne!(violation.rule, crate::skill::rule::SCHEMA);
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "[a-z{}\\[\\]:,'\" $#/\n-]{0,120}") {
        let _ = schema(&text);
    }
}
