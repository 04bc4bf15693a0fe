use super::keep::{MAX_TEXT, MAX_USAGE};
use super::*;
use crate::json::sample;
use proptest::prelude::*;

const CHAT: &str = r#"{"id":"x","model":"Qwen/Qwen3-32B","choices":[{"index":0,"message":{"role":"assistant","content":"a \"quoted\" } \u00e9 answer","usage":{"nested":1}},"logprobs":null,"finish_reason":"length"},{"finish_reason":"stop"}],
 "error":null, "usage":{"prompt_tokens":12,"details":{"cached":[1,2,{}]},"note":"}"} , "status":-1.5e+3}
 "#;

fn skim(pieces: &[&[u8]]) -> Skimmed {
    let mut skimmer = Skimmer::new();
    for piece in pieces {
        skimmer.feed(piece);
    }
    skimmer.finish()
}

fn whole(answer: &str) -> Skimmed {
    skim(&[answer.as_bytes()])
}

#[test]
fn a_chat_answer_gives_its_usage_reason_and_model() {
    let skimmed = whole(CHAT);
    assert!(skimmed.complete);
    assert_eq!(
        skimmed.usage.as_deref(),
        Some(&br#"{"prompt_tokens":12,"details":{"cached":[1,2,{}]},"note":"}"}"#[..])
    );
    assert_eq!(skimmed.finish_reason.as_deref(), Some("length"));
    assert_eq!(skimmed.model.as_deref(), Some("Qwen/Qwen3-32B"));
    assert!(!skimmed.has_error);
}

#[test]
fn every_split_in_three_gives_the_same() {
    let expected = whole(CHAT);
    let answer = CHAT.as_bytes();
    for first in 0..=answer.len() {
        for second in first..=answer.len() {
            let skimmed = skim(&[&answer[..first], &answer[first..second], &answer[second..]]);
            assert_eq!(skimmed, expected, "split at {first} and {second}");
        }
    }
}

#[test]
fn an_answer_is_complete_at_its_last_bracket_and_not_before() {
    let answer = CHAT.trim_end().as_bytes();
    let mut skimmer = Skimmer::new();
    for byte in answer {
        assert!(!skimmer.is_complete() && !skimmer.is_broken());
        skimmer.feed(&[*byte]);
    }
    assert!(skimmer.is_complete());
    skimmer.feed(b" \r\n\t");
    assert!(skimmer.is_complete());
    skimmer.feed(b"{");
    assert!(!skimmer.is_complete() && skimmer.is_broken());
}

#[test]
fn each_api_tells_its_reason_in_its_own_place() {
    for (answer, reason) in [
        (r#"{"stop_reason":"max_tokens"}"#, Some("max_tokens")),
        (
            r#"{"status":"completed","incomplete_details":null}"#,
            Some("completed"),
        ),
        (
            r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}"#,
            Some("max_output_tokens"),
        ),
        (
            r#"{"choices":[{"finish_reason":null},{"finish_reason":"tool_calls"}]}"#,
            Some("tool_calls"),
        ),
        (r#"{"choices":{"finish_reason":"stop"}}"#, None),
        (r#"{"choices":[[{"finish_reason":"stop"}]]}"#, None),
        (
            r#"{"finish_reason":"stop","a":{"stop_reason":"stop"},"b":[{"status":"x"}]}"#,
            None,
        ),
        (r#"[{"stop_reason":"stop"}]"#, None),
    ] {
        assert_eq!(whole(answer).finish_reason.as_deref(), reason, "{answer}");
    }
}

#[test]
fn a_reason_that_looks_like_none_is_dropped() {
    for text in [
        "",
        "Stop",
        "stop now",
        "é",
        "a\\u0062c",
        "<script>",
        &"a".repeat(65),
        &"a".repeat(100_000),
    ] {
        let skimmed = whole(&format!(r#"{{"stop_reason":"{text}"}}"#));
        assert_eq!(
            (skimmed.complete, skimmed.finish_reason),
            (true, None),
            "{text}"
        );
    }
    assert!(whole(&format!(r#"{{"stop_reason":"{}"}}"#, "a".repeat(64)))
        .finish_reason
        .is_some());
}

#[test]
fn a_model_is_kept_while_it_is_short_and_printable() {
    let model = |text: &str| whole(&format!("{{\"model\":\"{text}\"}}")).model;
    let longest = "m".repeat(MAX_TEXT);
    assert_eq!(model(&longest), Some(longest.clone()));
    for text in [&format!("{longest}m"), "", "two words", "é", "a\\/b"] {
        assert_eq!(model(text), None, "{text}");
    }
}

#[test]
fn an_error_counts_unless_it_is_null() {
    for (answer, has_error) in [
        (r#"{"error":{"message":"x"}}"#, true),
        (r#"{"error":"x"}"#, true),
        (r#"{"error": null}"#, false),
        (r#"{"a":{"error":{}}}"#, false),
        (r#"{"err\u006fr":{}}"#, false),
    ] {
        assert_eq!(whole(answer).has_error, has_error, "{answer}");
    }
}

#[test]
fn usage_that_is_no_object_too_large_or_cut_is_given_up() {
    let large = format!(r#"{{"usage":{{"a":"{}"}}}}"#, "x".repeat(MAX_USAGE));
    for answer in [
        r#"{"usage":null}"#,
        r#"{"usage":[1]}"#,
        r#"{"usage":{"a":1"#,
        r#"{"a":{"usage":{}}}"#,
        &large,
    ] {
        assert_eq!(whole(answer).usage, None);
    }
    assert!(whole(&large).complete);
    assert_eq!(
        whole(r#"{"usage":{ }}"#).usage.as_deref(),
        Some(&b"{ }"[..])
    );
}

#[test]
fn what_cannot_become_json_is_broken() {
    for answer in [
        "<html>",
        "{]",
        "[}",
        "{,",
        "{\"a\",",
        "[1 2",
        "{\"a\":1 \"b\"",
        "\"\n",
        "\"\\x",
        "\"\\u00g",
        "nul]",
        "[,",
        "}",
        "\u{feff}{",
        "{\"a\":}",
    ] {
        let mut skimmer = Skimmer::new();
        skimmer.feed(answer.as_bytes());
        assert!(skimmer.is_broken(), "{answer}");
        assert!(!skimmer.finish().complete);
    }
}

#[test]
fn a_nesting_bomb_is_broken_and_a_deep_answer_is_not() {
    let mut skimmer = Skimmer::new();
    skimmer.feed("[".repeat(MAX_DEPTH).as_bytes());
    assert!(!skimmer.is_broken());
    skimmer.feed("]".repeat(MAX_DEPTH).as_bytes());
    assert!(skimmer.is_complete());
    let mut skimmer = Skimmer::new();
    skimmer.feed("{\"a\":".repeat(1_000_000).as_bytes());
    assert!(skimmer.is_broken());
}

#[test]
fn skim_speed_is_printed() {
    let text = "An ordinary line of prose, and another one.\\n".repeat(4000);
    let floats = vec!["-0.0123456789"; 20_000].join(",");
    for (name, answer) in [
        ("text", format!("{{\"c\":\"{text}\"}}")),
        ("embedding", format!("{{\"e\":[{floats}]}}")),
    ] {
        let rounds: u32 = if cfg!(debug_assertions) { 3 } else { 2000 };
        let started = std::time::Instant::now();
        for _ in 0..rounds {
            let mut skimmer = Skimmer::new();
            std::hint::black_box(answer.as_bytes())
                .chunks(16_384)
                .for_each(|piece| skimmer.feed(piece));
            assert!(skimmer.finish().complete);
        }
        let each = started.elapsed() / rounds;
        println!(
            "skim, {name}: {} bytes in {each:?}, {:.2} GB/s",
            answer.len(),
            answer.len() as f64 / each.as_nanos().max(1) as f64
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_valid_document_is_complete_however_it_is_cut(document in sample::document(), size in 1usize..9) {
        let pieces: Vec<_> = document.as_bytes().chunks(size).collect();
        let skimmed = skim(&pieces);
        prop_assert!(skimmed.complete);
        prop_assert_eq!(skimmed, whole(&document));
    }

    #[test]
    fn a_cut_object_is_never_complete(document in sample::document(), cut in any::<prop::sample::Index>()) {
        let object = format!("{{\"a\":{document}}}");
        prop_assert!(!skim(&[&object.as_bytes()[..cut.index(object.len())]]).complete);
    }

    #[test]
    fn usage_is_the_bytes_of_the_last_top_level_one(value in sample::value(), other in sample::value()) {
        let document = format!("{{\"a\":{other},\"usage\":{value}}}");
        let expected = value.starts_with('{').then(|| value.into_bytes());
        prop_assert_eq!(whole(&document).usage, expected);
    }

    #[test]
    fn any_bytes_are_survived_and_a_break_is_for_good(bytes in sample::mutated()) {
        let skimmed = skim(&[&bytes]);
        if serde_json::from_slice::<serde_json::Value>(&bytes).is_ok() {
            prop_assert!(skimmed.complete);
        }
        let pieces: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(skim(&pieces), skimmed);
    }
}
