//! No cap is exceeded at any moment, as the upstream counts: from a request's arrival to the last byte of its answer.

use std::time::Instant;

use super::*;
use crate::support::upstream::SeenRequest;
use crate::support::Upstream;

/// Long enough for the others to come in meanwhile, were they let.
const ANSWER: Duration = Duration::from_millis(20);

fn slow() -> Answer {
    plain::chat("yes").after(ANSWER)
}

/// While it was at the upstream, and what it weighed there.
struct Stay {
    from: Instant,
    to: Instant,
    weight: usize,
}

/// How many there were, and their weight, whenever one came.
fn moments(stays: &[Stay]) -> Vec<(usize, usize)> {
    let at = |now: Instant| {
        let there = stays.iter().filter(|one| one.from <= now && now < one.to);
        there.fold((0, 0), |(count, sum), one| (count + 1, sum + one.weight))
    };
    stays.iter().map(|one| at(one.from)).collect()
}

fn stays(requests: &[SeenRequest], weight: impl Fn(&SeenRequest) -> usize) -> Vec<Stay> {
    let stay = |request: &SeenRequest| Stay {
        from: request.at,
        to: request.sent.last().expect("an answer").0,
        weight: weight(request),
    };
    requests.iter().map(stay).collect()
}

/// The most of those that `are_meant`, at one moment.
fn most(requests: &[SeenRequest], are_meant: impl Fn(&SeenRequest) -> bool) -> usize {
    let moments = moments(&stays(requests, |request| usize::from(are_meant(request))));
    let most = moments.into_iter().map(|(_, meant)| meant).max();
    most.expect("requests")
}

fn everybody(requests: &[SeenRequest]) -> usize {
    most(requests, |_| true)
}

fn is_batch(request: &SeenRequest) -> bool {
    request.json()["model"] == "bulk-on-a"
}

/// So many of each alias at once, all of them served.
async fn rush(stage: &Stage, aliases: &[&str], each: usize) {
    let crowds = aliases.iter().enumerate().map(|(number, alias)| {
        let (client, alias) = (stage.client(), alias.to_string());
        tokio::spawn(many(each, move |one| {
            let request = client
                .chat(&alias)
                .correlation_id(&format!("rush-{number}-{one}"));
            async move { request.start().await.finish_within(A_MINUTE).await.status }
        }))
    });
    for crowd in crowds.collect::<Vec<_>>() {
        expect_all_served(crowd).await;
    }
}

#[tokio::test]
async fn an_upstreams_places_are_shared_by_all_its_routes_and_batch_never_takes_the_last() {
    let stage = stage(slow(), |gateway| {
        gateway
            .route("second", "second", &["a"])
            .set("upstreams.a.streams", 4)
    })
    .await;

    rush(&stage, &["m", "second", "bulk"], 20).await;
    // Nobody but batch: what it doesn't take then is nobody's.
    rush_batch_alone(&stage).await;

    let seen = stage.upstream.requests();
    assert_eq!(everybody(&seen), 4);
    assert_eq!(most(&seen, is_batch), 3);
    stage.end().await;
}

async fn rush_batch_alone(stage: &Stage) {
    let crowd = crowd(stage, "agent", "bulk", 12);
    expect_all_served(crowd).await;
}

#[tokio::test]
async fn a_lanes_places_are_shared_by_all_upstreams() {
    let b = Upstream::start(slow()).await;
    let stage = stage(slow(), |gateway| {
        gateway
            .upstream("b", &b)
            .route("second", "second", &["b"])
            .set("lanes.interactive.streams", 3)
            .set("lanes.batch.streams", 2)
    })
    .await;

    rush(&stage, &["m", "second", "bulk"], 15).await;

    let seen = [stage.upstream.requests(), b.requests()].concat();
    assert_eq!(most(&seen, |request| !is_batch(request)), 3);
    assert_eq!(most(&seen, is_batch), 2);
    crate::support::laws::check(&stage.gateway, &[&stage.upstream, &b]).await;
}

#[tokio::test]
async fn a_callers_limit_holds_in_both_lanes_together_and_for_nobody_else() {
    let stage = stage(slow(), |gateway| {
        gateway
            .caller("free", "invoke:*,lane:*")
            .caller("bound", "invoke:*,lane:*")
            .set("callers.limits", json!({"bound": {"streams": 3}}))
    })
    .await;
    let crowds = [
        crowd(&stage, "free", "m", 20),
        crowd(&stage, "bound", "m", 20),
    ];
    let bulk = stage
        .gateway
        .client_of("bound")
        .chat("bulk")
        .correlation_id("bound-bulk");
    assert_eq!(bulk.start().await.finish_within(A_MINUTE).await.status, 200);
    for crowd in crowds {
        expect_all_served(crowd).await;
    }

    let seen = stage.upstream.requests();
    let is_bound = |request: &SeenRequest| {
        request
            .correlation_id()
            .is_some_and(|id| id.starts_with("bound"))
    };
    assert_eq!(most(&seen, is_bound), 3);
    assert!(everybody(&seen) > 3, "{}", everybody(&seen));
    stage.end().await;
}

/// Forty, sixty and thirty thousand bytes, and every tenth more than all that may be in flight.
fn size(number: usize) -> usize {
    match number % 10 {
        9 => 150_000,
        number => [40_000, 60_000, 30_000][number % 3],
    }
}

#[tokio::test]
async fn prompt_bytes_stay_below_their_limit_but_for_a_larger_one_alone() {
    // The model's name upstream is longer than its alias.
    const LIMIT: usize = 100 * 1024;
    let stage = stage(slow(), |gateway| {
        gateway.set("upstreams.a.prompt_bytes_in_flight", "100KiB")
    })
    .await;
    let client = stage.client();
    let statuses = many(40, |number| {
        let request = client.chat("m").body_bytes(size(number));
        async move { request.start().await.finish_within(A_MINUTE).await.status }
    });
    assert!(statuses.await.iter().all(|status| *status == 200));

    let seen = stage.upstream.requests();
    let moments = moments(&stays(&seen, |request| request.body.len()));
    for (count, bytes) in &moments {
        assert!(*bytes <= LIMIT || *count == 1, "{count} with {bytes} bytes");
    }
    assert!(
        moments.iter().any(|(count, _)| *count > 1),
        "they were never together"
    );
    let alone = moments.iter().filter(|(_, bytes)| *bytes > LIMIT);
    assert_eq!(alone.count(), 4, "the larger ones");
    stage.end().await;
}

/// While a long prompt lacks nothing but room for its bytes, what would fit beside the one before it waits behind it.
#[tokio::test]
async fn a_long_prompt_whose_turn_it_is_is_not_passed_by_short_ones() {
    let (gates, script) = one_by_one(4);
    let stage = stage(script, |gateway| {
        gateway.set("upstreams.a.prompt_bytes_in_flight", "100KiB")
    })
    .await;
    let mut all = vec![stage.chat().body_bytes(60_000).start().await];
    stage.upstream.wait_requests(1).await;

    let long = stage.chat().body_bytes(90_000);
    for request in [long, stage.chat(), stage.client().chat("bulk")] {
        all.push(queue_up(&stage.gateway, &request).await);
    }

    assert_eq!(stage.upstream.requests().len(), 1);
    gates.iter().for_each(Latch::open);
    for exchange in all {
        assert_eq!(exchange.finish().await.status, 200);
    }
    stage.end().await;
}
