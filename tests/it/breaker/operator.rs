//! An operator closes a breaker by hand; nobody else does.

use super::*;

/// Both models of `a` are open.
async fn opened() -> Stage {
    let stage = stage(broken(), 1, "60s").await;
    for alias in ["one", "two"] {
        stage
            .tell(ask(&stage, alias))
            .await
            .expect_failure(502, "upstream_error");
    }
    stage.a.play(good());
    stage
}

#[tokio::test]
async fn a_reset_closes_all_models_of_an_upstream_at_once() {
    let stage = opened().await;
    let reply = stage.gateway.admin_post("/breakers/a/reset").await;
    assert_eq!((reply.status, reply.json()), (200, json!({"reset": 2})));
    for alias in ["one", "two"] {
        stage.tell(ask(&stage, alias)).await.expect_whole("A", 3);
    }
    let again = stage.gateway.admin_post("/breakers/a/reset").await;
    assert_eq!(again.json(), json!({"reset": 0}));
    stage.end().await;
}

#[tokio::test]
async fn a_reset_of_one_model_leaves_the_others() {
    let stage = opened().await;
    let reply = stage
        .gateway
        .admin_post("/breakers/a/reset?model=two-on-a")
        .await;
    assert_eq!((reply.status, reply.json()), (200, json!({"reset": 1})));
    stage.tell(ask(&stage, "two")).await.expect_whole("A", 3);
    refused(&stage, "one").await;
    stage.end().await;
}

#[tokio::test]
async fn whoever_is_no_operator_resets_nothing() {
    let stage = opened().await;
    let admin = stage.gateway.admin();
    let post = |client: &crate::support::Client, path: &str| {
        client.method("POST", path).header("content-length", "0")
    };
    let agent = &stage.gateway.caller("agent").secret;
    let operator = &stage.gateway.caller("operator").secret;
    let path = "/breakers/a/reset";
    for (request, status) in [
        (post(&admin, path), 401),
        (post(&admin, path).token("wrong"), 401),
        (post(&admin, path).token(agent), 403),
        (
            post(&admin, path)
                .token(operator)
                .header("origin", "http://localhost:3000"),
            403,
        ),
        (post(&admin, "/breakers/nobody/reset").token(operator), 404),
        (
            post(&admin, "/breakers/a/reset?model=nothing").token(operator),
            404,
        ),
        (post(&admin, "/breakers//reset").token(operator), 404),
    ] {
        let reply = request.send().await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    for alias in ["one", "two"] {
        refused(&stage, alias).await;
    }
    stage.end().await;
}

#[tokio::test]
async fn a_reset_forgets_a_count_that_has_opened_nothing_yet() {
    let stage = stage(broken(), 3, "60s").await;
    fail(&stage, 2).await;
    stage.gateway.admin_post("/breakers/a/reset").await;
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.failures, 0);
    fail(&stage, 2).await;
    assert_eq!(look(&stage.gateway, "a", "one-on-a").await.state, "closed");
    stage.end().await;
}
