//! What a skill may spend: refused answers were answers, and cost what they cost.

use super::*;
use crate::support::eventually;

/// At four bytes a token, this and the answer are reserved: 150.
const PROMPT_BYTES: usize = 400;

fn with_budget(tokens: u64) -> String {
    format!("{ADDRESSED}\nbudget: {{tokens: {tokens}, per: day}}")
}

/// A request that reserves 150 tokens.
fn sized(stage: &Stage) -> Request {
    mail(stage).field("max_tokens", 50).body_bytes(PROMPT_BYTES)
}

/// An answer that says it used so many.
fn costing(text: &str, tokens: u64) -> Answer {
    let mut body = plain::chat_body(text);
    body["usage"] =
        json!({"prompt_tokens": tokens - 5, "completion_tokens": 5, "total_tokens": tokens});
    plain::json(&body)
}

/// The skill's tokens: used, reserved.
async fn spent(gateway: &Gateway) -> (u64, u64) {
    let status = gateway.status().await;
    let mut meters = status["budgets"].as_array().expect("budgets").iter();
    let meter = meters.find(|meter| meter["scope"] == "skill" && meter["name"] == "mail");
    let meter = meter.unwrap_or_else(|| panic!("no meter of the skill: {status}"));
    let number = |key: &str| meter[key].as_u64().expect("a number");
    (number("used"), number("reserved"))
}

async fn expect_spent(stage: &Stage, tokens: u64) {
    eventually(format!("{tokens} tokens spent"), async || {
        match spent(&stage.gateway).await {
            spent if spent == (tokens, 0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn refused_answers_are_booked_with_the_one_that_fits() {
    let script = Script::sequence([
        costing(MISFIT, 100),
        costing(MISFIT, 90),
        costing(FITTING, 80),
    ]);
    let stage = stage(&with_budget(10_000), script).await;

    let (reply, line) = stage.tell(&sized(&stage)).await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(told(&line), (3, Some(true), 2, 190));
    expect_spent(&stage, 270).await;
    stage.end().await;
}

#[tokio::test]
async fn a_refused_request_is_booked_with_all_its_answers() {
    let stage = stage(&with_budget(10_000), costing(MISFIT, 100)).await;

    let (reply, line) = stage.tell(&sized(&stage)).await;

    expect_misfit(&reply, "/content/to", "required");
    assert_eq!(told(&line), (4, Some(false), 4, 300));
    expect_spent(&stage, 400).await;
    stage.end().await;
}

#[tokio::test]
async fn there_is_no_second_try_when_nothing_is_left_for_it() {
    // 150 are reserved and 100 used: another try needs 100 beside the 150.
    let stage = stage(&with_budget(240), costing(MISFIT, 100)).await;

    let (reply, line) = stage.tell(&sized(&stage)).await;

    expect_misfit(&reply, "/content/to", "required");
    assert_eq!(told(&line), (1, Some(false), 1, 0));
    expect_spent(&stage, 100).await;
    stage.end().await;
}

#[tokio::test]
async fn tries_end_where_the_budget_does() {
    let stage = stage(&with_budget(400), costing(MISFIT, 100)).await;

    let (_, line) = stage.tell(&sized(&stage)).await;

    // The first leaves 250 beside the reserve, the second would leave 50 short of a third.
    assert_eq!(told(&line), (3, Some(false), 3, 200));
    expect_spent(&stage, 300).await;
    stage.end().await;
}

#[tokio::test]
async fn a_budget_that_is_used_up_refuses_before_anybody_is_asked() {
    let stage = stage(&with_budget(140), costing(FITTING, 140)).await;
    assert_eq!(sized(&stage).send().await.status, 200);
    expect_spent(&stage, 140).await;

    let (reply, line) = stage.tell(&sized(&stage)).await;

    expect_failure(&reply, 429, "budget_exhausted");
    let summary = reply.json();
    let hint = summary["remediation_hint"].as_str().expect("a hint");
    assert!(hint.contains("skill"), "{hint}");
    assert_eq!(
        (&line["skill"], &line["attempts"]),
        (&json!("mail"), &json!(0))
    );
    // Requests of others go on.
    assert_eq!(stage.chat().send().await.status, 200);
    let refused = stage.gateway.metrics().await;
    assert_eq!(
        refused.sum("sidegate_skill_requests_total", &[("result", "failed")]),
        1.0
    );
    stage.end().await;
}

#[tokio::test]
async fn the_callers_budget_pays_for_refused_answers_too() {
    let script = Script::sequence([costing(MISFIT, 100), costing(FITTING, 80)]);
    let stage = stage_with(ADDRESSED, script, |builder| {
        builder.set(
            "callers.limits.agent",
            json!({"budget": {"tokens": 10_000, "per": "day"}}),
        )
    })
    .await;

    assert_eq!(sized(&stage).send().await.status, 200);

    eventually("the caller's tokens", async || {
        let status = stage.gateway.status().await;
        match status["budgets"][0]["used"].as_u64() {
            Some(180) => Ok(()),
            _ => Err(status["budgets"].to_string()),
        }
    })
    .await;
    stage.end().await;
}

#[tokio::test]
async fn a_misfit_that_was_delivered_is_booked_once() {
    let stage = stage(&with_budget(10_000), saying(&["words"])).await;

    let (reply, line) = stage.tell(&sized(&stage).stream()).await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(told(&line), (1, Some(false), 0, 0));
    // The stream reports nothing: it is taken for the prompt's bytes and its one event.
    let (used, reserved) = spent(&stage.gateway).await;
    assert_eq!((used, reserved), (PROMPT_BYTES as u64 / 4 + 1, 0), "{line}");
    stage.end().await;
}

#[tokio::test]
async fn an_answer_is_booked_also_where_nobody_may_try_again() {
    let stage = stage_with(&with_budget(10_000), costing(MISFIT, 100), |builder| {
        let none = json!({"percent": 0, "floor": 0});
        builder.set("retry.budget", none)
    })
    .await;

    let (reply, line) = stage.tell(&sized(&stage)).await;

    assert_eq!(
        reply.code().as_deref(),
        Some("response_schema_violation"),
        "{reply:?}"
    );
    assert_eq!((told(&line).0, told(&line).2), (1, 1), "{line}");
    expect_spent(&stage, 100).await;
    stage.end().await;
}
