//! Where a request's time went: attempts, and what was waited for before them.

use serde_json::json;

use crate::commands::json as read;
use crate::stage::Stage;
use crate::support::{plain, Answer, Latch, Metrics, Output, Script};

/// The rows of the table of attempts, by their columns.
fn steps(output: &Output) -> Vec<Vec<String>> {
    let rows = output.stdout.lines();
    let rows = rows.skip_while(|line| !line.starts_with("ATTEMPT")).skip(1);
    rows.take_while(|line| !line.is_empty())
        .map(|line| line.split("  ").map(str::trim))
        .map(|cells| cells.filter(|cell| !cell.is_empty()).map(str::to_owned))
        .map(Iterator::collect)
        .collect()
}

/// Of a row, in seconds: when it began, how long it took.
fn times(row: &[String]) -> (f64, f64) {
    let seconds = |cell: &String| cell.trim_end_matches('s').parse::<f64>().expect("seconds");
    (seconds(&row[4]), seconds(&row[5]))
}

/// So long a pause that nothing else takes as long.
const PAUSE: &str = "2";

#[tokio::test]
async fn a_pause_that_the_upstream_asked_for_is_told_to_both_who_waited() {
    let script = Script::sequence([plain::rate_limited(Some(PAUSE)), plain::chat("hello")]);
    let stage = Stage::with(script, |builder| builder.needs_places(4)).await;
    let first = stage.chat().start().await;
    let limited = |metrics: &Metrics| {
        let outcome = [("outcome", "rate_limited")];
        metrics.sum("sidegate_upstream_attempts_total", &outcome) == 1.0
    };
    stage.gateway.wait_metrics("the 429", limited).await;
    let (second, _) = stage.tell(&stage.chat()).await;
    let first = first.finish().await;
    stage.line_of(&first).await;

    for (reply, waited, attempts) in [
        (&first, "waited as it had asked", 2),
        (&second, "waited: an earlier 429 held", 1),
    ] {
        assert_eq!(reply.status, 200, "{reply:?}");
        let id = reply.correlation_id().expect("an id");
        let output = stage.gateway.run(&["explain", id]).await;
        let steps = steps(&output);
        let wait = steps.iter().find(|row| row[2] == waited);
        let wait = wait.unwrap_or_else(|| panic!("{waited}: {output:?}"));
        assert_eq!(
            (wait[0].as_str(), wait[1].as_str()),
            ("-", "a"),
            "{output:?}"
        );
        let (began, took) = times(wait);
        let served = steps.last().expect("an attempt");
        assert_eq!(
            served[..3],
            [attempts.to_string().as_str(), "a", "ok"],
            "{output:?}"
        );
        assert!(
            took > 1.0 && times(served).0 >= began + took - 0.002,
            "{output:?}"
        );
        assert!(
            output.stdout.contains(" waiting before an attempt, "),
            "{output:?}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn one_refused_because_of_an_earlier_429_is_told_as_never_asked() {
    let stage = Stage::start(plain::rate_limited(Some("3000"))).await;
    stage.tell(&stage.chat()).await;
    let (refused, line) = stage.tell(&stage.chat()).await;
    assert_eq!(
        (line["code"].as_str(), &line["attempts"]),
        (Some("rate_limited"), &json!(0))
    );

    let id = refused.correlation_id().expect("an id");
    let output = stage.gateway.run(&["explain", id]).await;

    for said in [
        "attempts    none: an earlier request's 429 still held\n",
        &format!(
            "what to do: {}\n",
            refused.json()["remediation_hint"].as_str().expect("a hint")
        ),
    ] {
        assert!(output.stdout.contains(said), "{said}: {output:?}");
    }
    assert!(steps(&output).is_empty(), "{output:?}");
    stage.end().await;
}

#[tokio::test]
async fn the_time_in_a_full_lane_is_told_as_a_wait_for_a_place() {
    let free = Latch::new();
    let script = Answer::new().wait_for(&free).then(plain::chat("at last"));
    let stage = Stage::with(script, |builder| {
        builder
            .set(
                "lanes.interactive",
                json!({"streams": 1, "queue": 4, "patience": "400ms"}),
            )
            .needs_places(1)
    })
    .await;
    let holder = stage.chat().start().await;
    stage.upstream.wait_requests(1).await;
    let (refused, _) = stage.tell(&stage.chat()).await;
    free.open();
    assert_eq!(holder.finish().await.status, 200);

    let id = refused.correlation_id().expect("an id");
    let output = stage.gateway.run(&["explain", id]).await;

    assert!(output.stdout.contains("503 queue_timeout: "), "{output:?}");
    assert!(
        output
            .stdout
            .contains("attempts    none: the gateway itself refused it\n"),
        "{output:?}"
    );
    let steps = steps(&output);
    assert_eq!(
        (steps.len(), steps[0][2].as_str()),
        (1, "waited for a place"),
        "{output:?}"
    );
    assert!((0.39..5.0).contains(&times(&steps[0]).1), "{output:?}");
    stage.end().await;
}

/// The hint of a budget names its owner and its end, which no other part of the line has.
#[tokio::test]
async fn the_hint_is_the_one_that_the_client_got() {
    let budget = json!({"tokens": 1, "per": "day"});
    let stage = Stage::with(plain::chat("hello"), |it| {
        it.set("routes.chat.budget", budget)
    })
    .await;
    stage.tell(&stage.chat()).await;
    let (refused, line) = stage.tell(&stage.chat()).await;
    assert_eq!(line["code"], "budget_exhausted", "{line}");

    let id = refused.correlation_id().expect("an id");
    let told = read(&stage.gateway.run(&["explain", id, "--json"]).await);

    assert_eq!(told["hint"], refused.json()["remediation_hint"]);
    assert!(
        told["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("renews at ")),
        "{told}"
    );
    stage.end().await;
}
