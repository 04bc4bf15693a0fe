//! Patterns that take other engines years, and schemas that grow by themselves.

use std::time::{Duration, Instant};

use super::*;

const PATIENCE: Duration = Duration::from_secs(5);

/// Texts that make a backtracking engine try everything.
fn catastrophe(bytes: usize) -> String {
    "a".repeat(bytes) + "!"
}

#[tokio::test]
async fn a_catastrophic_pattern_is_linear_in_a_request() {
    for pattern in ["(a+)+$", "^(a|aa)*$", "^(a*)*b$", "(a+a+)+y"] {
        let rules =
            format!("request: {{properties: {{user: {{type: string, pattern: \"{pattern}\"}}}}}}");
        let stage = stage(&rules, plain::chat("yes")).await;
        let began = Instant::now();
        let reply = mail(&stage)
            .field("user", catastrophe(100_000))
            .send()
            .await;
        let took = began.elapsed();
        println!("-- {pattern}: {took:?}");
        expect_failure(&reply, 400, "schema_violation");
        assert!(took < PATIENCE, "{pattern}: {took:?}");
        stage.end().await;
    }
}

#[tokio::test]
async fn a_catastrophic_pattern_is_linear_in_an_answer() {
    let rules = "response: {type: object, properties: {to: {type: string, pattern: \"^(a+)+$\"}}}";
    let text = json!({"to": catastrophe(100_000)}).to_string();
    let stage = stage_with(rules, plain::chat(&text), |builder| {
        builder.set("retry.max", 0)
    })
    .await;

    let reply = mail(&stage).send().await;

    expect_misfit(&reply, "/content/to", "pattern");
    assert!(reply.took() < PATIENCE, "{:?}", reply.took());
    stage.end().await;
}

#[tokio::test]
async fn what_an_engine_would_have_to_backtrack_for_is_no_pattern() {
    for pattern in ["(?=a)b", "(a)\\\\1", "(?<!x)y"] {
        let rules = format!("request: {{properties: {{user: {{pattern: \"{pattern}\"}}}}}}");
        let output = check(&rules).await;
        assert_eq!(output.code, 78, "{pattern}: {output:?}");
        assert!(
            output.stderr.contains("request.properties.user.pattern"),
            "{output:?}"
        );
    }
}

#[tokio::test]
async fn a_pattern_that_takes_too_much_memory_is_refused_at_once() {
    let began = Instant::now();
    let rules = "request: {properties: {user: {pattern: \"((a{1,1000}){1,1000}){1,1000}\"}}}";

    let output = check(rules).await;

    assert_eq!(output.code, 78, "{output:?}");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_schema_that_doubles_at_each_step_is_refused() {
    let mut rules = String::from("request:\n  $ref: \"#/$defs/d0\"\n  $defs:\n");
    for step in 0..30 {
        let next = format!("{{$ref: \"#/$defs/d{}\"}}", step + 1);
        rules.push_str(&format!("    d{step}: {{allOf: [{next}, {next}]}}\n"));
    }
    rules.push_str("    d30: {type: string}\n");
    let began = Instant::now();

    let output = check(&rules).await;

    assert_eq!(output.code, 78, "{output:?}");
    assert!(
        output.stderr.contains("holds one value against more than"),
        "{output:?}"
    );
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_schema_that_turns_back_to_itself_is_refused() {
    let output = check("request: {allOf: [{$ref: \"#\"}]}").await;
    assert_eq!(output.code, 78, "{output:?}");
    assert!(
        output.stderr.contains("refers back to itself"),
        "{output:?}"
    );
}

/// `sidegate check` with one manifest of these rules.
async fn check(rules: &str) -> crate::support::Output {
    with_skill(quiet(), "mail", rules).run(&["check"]).await
}
