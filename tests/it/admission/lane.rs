//! Which lane a request is of: its route's, unless its caller's scopes or its header say otherwise.

use super::*;

fn callers(gateway: Builder) -> Builder {
    gateway
        .caller("plain", "invoke:*")
        .caller("night", "invoke:*,lane:batch")
        .caller("both", "invoke:*,lane:*")
}

/// Who asks, for which alias, with which header, and the lane or the refusal that comes of it.
type Case = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Result<&'static str, u16>,
);

const CASES: &[Case] = &[
    ("plain", "m", None, Ok("interactive")),
    ("plain", "bulk", None, Ok("batch")),
    ("plain", "m", Some("interactive"), Ok("interactive")),
    ("plain", "m", Some("batch"), Err(403)),
    ("plain", "bulk", Some("interactive"), Err(403)),
    // The scope is the whole list of its lanes: the route's own is none of them.
    ("night", "m", None, Ok("batch")),
    ("night", "bulk", None, Ok("batch")),
    ("night", "m", Some("batch"), Ok("batch")),
    ("night", "m", Some("interactive"), Err(403)),
    ("both", "m", None, Ok("interactive")),
    ("both", "m", Some("batch"), Ok("batch")),
    ("both", "bulk", Some("interactive"), Ok("interactive")),
    ("both", "m", Some("express"), Err(400)),
    ("both", "m", Some("Batch"), Err(400)),
    ("both", "m", Some(""), Err(400)),
];

#[tokio::test]
async fn the_header_the_scopes_and_the_route_decide_in_this_order() {
    let stage = stage(plain::chat("yes"), callers).await;
    for (caller, alias, header, expected) in CASES {
        let mut request = stage.gateway.client_of(caller).chat(alias);
        if let Some(lane) = header {
            request = request.lane(lane);
        }
        let (reply, line) = stage.tell(&request).await;
        let what = format!("{caller} asks for {alias} with {header:?}: {line}");
        match expected {
            Ok(lane) => assert_eq!((reply.status, &line["lane"]), (200, &json!(lane)), "{what}"),
            Err(403) => expect_failure(&reply, 403, "insufficient_scope"),
            Err(_) => expect_failure(&reply, 400, "invalid_request"),
        }
    }
    let served = CASES.iter().filter(|(.., expected)| expected.is_ok());
    assert_eq!(stage.upstream.requests().len(), served.count());
    stage.end().await;
}

/// The same request is counted, held and shown under the lane that it was given.
#[tokio::test]
async fn the_places_are_those_of_the_lane_that_was_ordered() {
    let free = Latch::new();
    let script = Answer::new().wait_for(&free).then(plain::chat("yes"));
    let stage = stage(script, |gateway| gateway).await;
    let exchange = stage.chat().lane("batch").start().await;
    stage.upstream.wait_requests(1).await;

    let held = async |name| lane(&stage.gateway, name).await["streams"].as_u64();
    assert_eq!(
        (held("interactive").await, held("batch").await),
        (Some(0), Some(1))
    );

    free.open();
    assert_eq!(exchange.finish().await.status, 200);
    let counted = |metrics: &crate::support::Metrics| {
        let ok = [("route", "chat"), ("lane", "batch"), ("code", "ok")];
        metrics.sum("sidegate_requests_total", &ok) == 1.0
    };
    stage
        .gateway
        .wait_metrics("a request of the batch lane", counted)
        .await;
    stage.end().await;
}
