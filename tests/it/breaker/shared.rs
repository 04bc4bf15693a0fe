//! Two gateways of one user with one breaker file: each sees the other's failures, and one of them probes.

use super::*;
use crate::support::laws::Law;

struct Pair {
    upstream: Upstream,
    gateways: [Gateway; 2],
    /// Holds the file.
    _folder: tempfile::TempDir,
}

impl Pair {
    async fn start(script: impl Into<Script>, threshold: u64, cool_down: &str) -> Pair {
        let upstream = Upstream::start(script).await;
        let folder = tempfile::tempdir().expect("a folder for both");
        let file = folder.path().join("breakers.v1").display().to_string();
        let start = async || {
            Gateway::builder()
                .upstream("a", &upstream)
                .route("one", "one", &["a"])
                .set(
                    "breaker",
                    json!({"threshold": threshold, "cool_down": cool_down, "file": file}),
                )
                .set("retry.max", 0)
                .start()
                .await
        };
        let gateways = [start().await, start().await];
        Pair {
            gateways,
            upstream,
            _folder: folder,
        }
    }

    async fn ask(&self, number: usize) -> Reply {
        self.gateways[number]
            .client()
            .chat("one")
            .stream()
            .send()
            .await
    }

    async fn look(&self, number: usize) -> Look {
        look(&self.gateways[number], "a", "one-on-a").await
    }

    async fn end(&self) {
        for gateway in &self.gateways {
            laws::of(gateway, &[&self.upstream])
                .skip(
                    Law::L3,
                    "the upstream has seen the other gateway's requests too",
                )
                .check()
                .await;
        }
    }
}

#[tokio::test]
async fn each_counts_the_others_failures() {
    let pair = Pair::start(broken(), 3, "60s").await;
    for number in [0, 1, 0] {
        assert_eq!(
            pair.ask(number).await.code().as_deref(),
            Some("upstream_error")
        );
    }
    for number in [0, 1] {
        assert!(expect_circuit_open(&pair.ask(number).await) > 50);
        let open = pair.look(number).await;
        assert_eq!((open.state.as_str(), open.failures), ("open", 3));
        let metrics = pair.gateways[number].metrics().await;
        assert_eq!(metrics.value("sidegate_breaker_shared", &[]), Some(1.0));
    }
    assert_eq!(pair.upstream.requests().len(), 3);
    pair.end().await;
}

#[tokio::test]
async fn one_of_both_probes_and_closes_it_for_both() {
    let pair = Pair::start(broken(), 1, "300ms").await;
    assert_eq!(pair.ask(0).await.code().as_deref(), Some("upstream_error"));
    let answer = Latch::new();
    pair.upstream
        .play(sse::chat_saying("A", 3).hold_before_head(&answer));
    eventually("the end of the cool-down", async || {
        match pair.look(1).await.retry_in {
            None => Ok(()),
            Some(left) => Err(format!("{left} s")),
        }
    })
    .await;
    let clients = [0, 1].map(|number| pair.gateways[number].client());
    let opener = async {
        let refused = |gateway: &Gateway| {
            let replies = gateway.ledger().replies();
            replies
                .iter()
                .filter(|reply| reply.code().as_deref() == Some("circuit_open"))
                .count()
        };
        eventually("nineteen refusals", async || {
            match pair.gateways.iter().map(refused).sum::<usize>() {
                19 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
        answer.open();
    };
    let asking = many(20, |number| {
        let request = clients[number % 2].chat("one").stream();
        async move { request.send().await }
    });
    let (replies, ()) = tokio::join!(asking, opener);
    assert_eq!(
        replies.iter().filter(|reply| reply.status == 200).count(),
        1
    );
    assert_eq!(pair.upstream.requests().len(), 2);
    for number in [0, 1] {
        assert_eq!(pair.look(number).await.state, "closed");
        assert_eq!(pair.ask(number).await.status, 200);
    }
    pair.end().await;
}

#[tokio::test]
async fn a_reset_at_one_closes_it_for_both() {
    let pair = Pair::start(broken(), 1, "60s").await;
    assert_eq!(pair.ask(1).await.code().as_deref(), Some("upstream_error"));
    let reply = pair.gateways[0].admin_post("/breakers/a/reset").await;
    assert_eq!(
        (reply.status, reply.json()["reset"].as_u64()),
        (200, Some(1))
    );
    assert_eq!(pair.look(1).await.state, "closed");
    assert_eq!(pair.ask(1).await.code().as_deref(), Some("upstream_error"));
    pair.end().await;
}

/// The one that was killed with a probe out, or with failures counted, takes nothing with it.
#[tokio::test]
async fn one_that_is_killed_leaves_the_other_a_good_file() {
    let pair = Pair::start(broken(), 4, "60s").await;
    for _ in 0..3 {
        pair.ask(0).await;
    }
    pair.gateways[0].kill().await;
    assert_eq!(pair.look(1).await.failures, 3);
    assert_eq!(pair.ask(1).await.code().as_deref(), Some("upstream_error"));
    assert!(expect_circuit_open(&pair.ask(1).await) > 50);
    laws::of(&pair.gateways[1], &[&pair.upstream])
        .skip(
            Law::L3,
            "the upstream has seen the other gateway's requests too",
        )
        .check()
        .await;
}
