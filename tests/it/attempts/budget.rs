//! Everybody's retries together: an outage is multiplied by a fifth and a floor, not by every caller's patience.

use super::*;

/// The shipped rule, over a window that holds the whole test.
fn shipped_budget(gateway: Builder) -> Builder {
    gateway
        .set(
            "retry.budget",
            json!({"percent": 20, "floor": 10, "window": "5m"}),
        )
        .set("lanes.interactive.streams", 256)
        .set("upstreams.a.streams", 256)
}

#[tokio::test]
async fn an_outage_at_load_is_multiplied_by_a_fifth_and_a_floor() {
    const REQUESTS: u64 = 200;
    let stage = Stage::set_up(status(503), Answer::new(), shipped_budget).await;
    let request = stage.alone();
    let replies = open_loop(REQUESTS as usize, Duration::from_millis(4), |_| {
        let request = request.clone();
        async move { request.send().await }
    })
    .await;

    let attempts = stage.a.requests().len() as u64;
    assert!(attempts > REQUESTS, "no retry at all");
    assert!(
        attempts <= REQUESTS + REQUESTS / 5 + 10,
        "{attempts} attempts"
    );
    let with = |code: &str| {
        replies
            .iter()
            .filter(|reply| reply.code().as_deref() == Some(code))
            .count()
    };
    let (exhausted, overloaded) = (with("retry_budget_exhausted"), with("upstream_overloaded"));
    assert_eq!(exhausted + overloaded, REQUESTS as usize);
    assert!(exhausted > 100, "only {exhausted} were refused a retry");
    let metrics = stage.gateway.metrics().await;
    let counted = metrics.value(
        "sidegate_retry_budget_exhausted_total",
        &[("upstream", "a")],
    );
    assert_eq!(counted, Some(exhausted as f64));
    assert_eq!(
        stage.retries("status_503").await,
        (attempts - REQUESTS) as f64
    );
    stage.end().await;
}

fn no_retry_for_anybody(gateway: Builder) -> Builder {
    gateway.set(
        "retry",
        json!({"base": "8s", "cap": "8s", "budget": {"percent": 0, "floor": 0}}),
    )
}

#[tokio::test]
async fn an_empty_budget_stops_at_once() {
    let stage = Stage::set_up(status(503), sse::chat_saying("B", 3), no_retry_for_anybody).await;
    for request in [stage.alone(), stage.chat()] {
        let told = stage.tell(request).await;
        told.expect_failure(503, "retry_budget_exhausted")
            .expect_attempts(1);
        assert!(
            told.reply.took() < Duration::from_secs(3),
            "{:?}",
            told.reply.took()
        );
        assert_eq!(told.reply.header("x-should-retry"), Some("false"));
        assert_eq!(told.reply.json()["error"]["upstream_status"], 503);
    }
    // Each retry is in the budget of the upstream that would have been asked.
    let metrics = stage.gateway.metrics().await;
    for (upstream, refused) in [("a", 1.0), ("b", 1.0)] {
        let labels = [("upstream", upstream)];
        assert_eq!(
            metrics.value("sidegate_retry_budget_exhausted_total", &labels),
            Some(refused)
        );
    }
    stage.expect_b_unasked();
    stage.end().await;
}

#[tokio::test]
async fn one_callers_retries_always_fit() {
    let stage = Stage::set_up(status(503), Answer::new(), shipped_budget).await;
    for _ in 0..3 {
        stage
            .tell(stage.alone())
            .await
            .expect_failure(503, "upstream_overloaded")
            .expect_attempts(4);
    }
    stage
        .tell(stage.alone())
        .await
        .expect_failure(503, "retry_budget_exhausted")
        .expect_attempts(2);
    stage.end().await;
}

/// The server never saw that request, so nothing is multiplied.
#[tokio::test]
async fn a_stale_connection_is_replaced_without_a_budget() {
    let dying = Script::new()
        .nth_on_connection(2, Answer::new().close_fin())
        .otherwise(sse::chat_saying("A", 3).answer());
    let stage = Stage::set_up(dying, Answer::new(), no_retry_for_anybody).await;
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(2);
    stage.end().await;
}

#[tokio::test]
async fn what_was_granted_is_free_again_when_the_window_has_passed() {
    let stage = Stage::set_up(status(503), Answer::new(), |gateway| {
        gateway.set(
            "retry.budget",
            json!({"percent": 0, "floor": 1, "window": "1s"}),
        )
    })
    .await;
    let attempts = |told: &Told| told.line["attempts"].as_u64().unwrap_or_default();
    let first = stage.tell(stage.alone()).await;
    assert_eq!(attempts(&first), 2);
    assert_eq!(attempts(&stage.tell(stage.alone()).await), 1);
    crate::support::eventually("a retry in the next window", async || {
        match attempts(&stage.tell(stage.alone()).await) {
            2 => Ok(()),
            other => Err(format!("{other} attempts")),
        }
    })
    .await;
    let between = stage.a.requests();
    let granted = between
        .windows(2)
        .filter(|pair| pair[0].correlation_id() == pair[1].correlation_id());
    let at = granted.map(|pair| pair[1].at).collect::<Vec<_>>();
    assert!(
        at[1] - at[0] >= Duration::from_millis(950),
        "{:?}",
        at[1] - at[0]
    );
    stage.end().await;
}
