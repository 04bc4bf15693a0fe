//! L4 shown by use: where everybody has one place, one more request gets in, or a place was lost.

use serde_json::json;

use crate::support::client::Reply;
use crate::support::gateway::{Gateway, Metrics};
use crate::support::upstream::Upstream;
use crate::support::wait::eventually;

/// What those are told who don't get a place.
const TURNED_AWAY: [&str; 2] = ["lane_full", "queue_timeout"];

/// The exit code of a reload that wasn't taken.
const CONFIGURATION: i32 = 78;

/// Asks each upstream once, by a route of its own: no breaker, pace or script of the test stands in its way.
pub async fn one_more_each(gateway: &Gateway, upstreams: &[&Upstream]) -> Vec<String> {
    let mut complaints = Vec::new();
    if !gateway.is_running() {
        return complaints;
    }
    let asked = named(gateway, upstreams);
    for (name, _) in &asked {
        let target = json!({"upstream": name, "model": "one-more"});
        let route = json!({"alias": [alias(name)], "lane": "interactive", "targets": [target]});
        gateway.edit(&format!("routes.{}", alias(name)), route);
    }
    let output = gateway.reload().await;
    match output.code {
        0 => {}
        // The test has left a mistake behind: with it nothing can be asked anew.
        CONFIGURATION => return complaints,
        _ => return vec![format!("no route for one more request: {output:?}")],
    }
    for (name, upstream) in asked {
        let reply = ask(gateway, &name, upstream).await;
        let code = reply.code().unwrap_or_default();
        if TURNED_AWAY.contains(&code.as_str()) {
            complaints.push(format!(
                "one more request for {name} was not let in: {reply:?}"
            ));
        }
    }
    complaints
}

fn alias(upstream: &str) -> String {
    format!("one-more-for-{upstream}")
}

/// These upstreams as the configuration has them now.
fn named<'a>(gateway: &Gateway, upstreams: &[&'a Upstream]) -> Vec<(String, &'a Upstream)> {
    let of = |upstream: &&'a Upstream| {
        let entries = gateway.upstreams().iter();
        let there = entries.filter(|entry| entry.url == upstream.url());
        let there = there.map(|entry| entry.name.clone());
        let there = there.filter(|name| gateway.configured(&format!("upstreams.{name}")).is_some());
        there.map(|name| (name, *upstream)).collect::<Vec<_>>()
    };
    upstreams.iter().flat_map(of).collect()
}

/// The client leaves as soon as the upstream has seen it, or it is over; then the gateway is at rest again.
async fn ask(gateway: &Gateway, name: &str, upstream: &Upstream) -> Reply {
    let exchange = gateway.client().chat(&alias(name)).start().await;
    let id = exchange.correlation_id().map(str::to_string);
    eventually(format!("one more request at {name}"), async || {
        let seen = upstream.requests();
        let is_there = seen
            .iter()
            .any(|request| request.correlation_id() == id.as_deref());
        match is_there || exchange.so_far().is_over() {
            true => Ok(()),
            false => Err(gateway.status().await["lanes"].to_string()),
        }
    })
    .await;
    let reply = exchange.leave().await;
    let at_rest = |metrics: &Metrics| metrics.sum("sidegate_lane_streams", &[]) == 0.0;
    gateway
        .wait_metrics("rest after one more request", at_rest)
        .await;
    reply
}
