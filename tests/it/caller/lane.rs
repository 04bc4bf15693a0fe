//! The lane: the route's own, or what the caller may choose.

use serde_json::json;

use crate::stage::{expect_failure, Stage};
use crate::support::gateway::Builder;
use crate::support::plain;

fn callers(builder: Builder) -> Builder {
    builder
        .route("nightly", "n", &["a"])
        .set("routes.nightly.lane", "batch")
        .caller("plain", "invoke:*")
        .caller("night", "invoke:*,lane:batch")
        .caller("day", "invoke:*,lane:interactive")
        .caller("any", "invoke:*,lane:*")
}

/// Caller, alias, ordered lane, and the lane it gets; none where it is refused.
const TABLE: [(&str, &str, Option<&str>, Option<&str>); 16] = [
    ("plain", "m", None, Some("interactive")),
    ("plain", "n", None, Some("batch")),
    ("plain", "m", Some("interactive"), Some("interactive")),
    ("plain", "m", Some("batch"), None),
    ("plain", "n", Some("interactive"), None),
    ("night", "m", None, Some("batch")),
    ("night", "n", None, Some("batch")),
    ("night", "m", Some("batch"), Some("batch")),
    ("night", "m", Some("interactive"), None),
    ("day", "m", None, Some("interactive")),
    ("day", "n", None, Some("interactive")),
    ("day", "n", Some("batch"), None),
    ("any", "m", None, Some("interactive")),
    ("any", "n", None, Some("batch")),
    ("any", "m", Some("batch"), Some("batch")),
    ("any", "n", Some("interactive"), Some("interactive")),
];

#[tokio::test]
async fn lane_scopes_are_the_whole_list_and_a_header_is_an_order() {
    let stage = Stage::with(plain::chat("yes"), callers).await;
    for (caller, alias, ordered, lane) in TABLE {
        let request = stage.gateway.client_of(caller).chat(alias);
        let request = match ordered {
            Some(ordered) => request.lane(ordered),
            None => request,
        };
        let (reply, line) = stage.tell(&request).await;
        let what = format!("{caller} asks for {alias} in {ordered:?}: {reply:?}");
        match lane {
            Some(lane) => assert_eq!((reply.status, &line["lane"]), (200, &json!(lane)), "{what}"),
            None => assert_eq!(
                reply.code().as_deref(),
                Some("insufficient_scope"),
                "{what}"
            ),
        }
    }
    stage.end().await;
}

#[tokio::test]
async fn a_lane_that_does_not_exist_is_no_lane() {
    let stage = Stage::with(plain::chat("never"), callers).await;
    for lane in ["fast", "Batch", "", "batch,interactive"] {
        expect_failure(
            &stage.chat().lane(lane).send().await,
            400,
            "invalid_request",
        );
    }
    stage.expect_untouched_upstream();
    stage.end().await;
}

/// Caller, alias, `service_tier`, and the lane it gets: a wish is followed where the caller may, else ignored.
const WISHES: [(&str, &str, &str, &str); 10] = [
    ("any", "m", "flex", "batch"),
    ("any", "m", "batch", "batch"),
    ("any", "m", "auto", "interactive"),
    ("any", "n", "priority", "interactive"),
    ("any", "n", "default", "interactive"),
    ("any", "n", "auto", "batch"),
    ("plain", "m", "flex", "interactive"),
    ("plain", "n", "priority", "batch"),
    ("night", "m", "priority", "batch"),
    ("day", "n", "flex", "interactive"),
];

#[tokio::test]
async fn a_service_tier_is_a_wish() {
    let stage = Stage::with(plain::chat("yes"), callers).await;
    for (caller, alias, tier, lane) in WISHES {
        let request = stage.gateway.client_of(caller).chat(alias);
        let (reply, line) = stage.tell(&request.field("service_tier", tier)).await;
        let what = format!("{caller} wishes {alias} {tier}: {reply:?}");
        assert_eq!((reply.status, &line["lane"]), (200, &json!(lane)), "{what}");
    }
    let ordered = stage.gateway.client_of("any").chat("m").lane("interactive");
    let (_, line) = stage.tell(&ordered.field("service_tier", "flex")).await;
    assert_eq!(line["lane"], "interactive", "an order goes before a wish");
    stage.end().await;
}

#[tokio::test]
async fn only_a_hosted_upstream_hears_of_the_service_tier() {
    for (family, hears) in [("openai", true), ("vllm", false), ("other", false)] {
        let stage = Stage::with(plain::chat("yes"), |builder| {
            builder.set("upstreams.a.family", family)
        })
        .await;
        let request = stage.chat().field("service_tier", "flex");
        assert_eq!(request.send().await.status, 200);
        let told = stage.last_seen().json().get("service_tier").cloned();
        assert_eq!(told, hears.then(|| json!("flex")), "{family}");
        stage.end().await;
    }
}
