//! `balance: prefix`: what begins alike goes to the same target, as long as that can take it.

use super::*;

fn pool(gateway: Builder) -> Builder {
    gateway
        .pool("pool", "pool", &["a", "b"])
        .set("routes.pool.balance", "prefix")
        .set("routes.pool.affinity", "x-session")
}

async fn stage(a: impl Into<Script>, b: impl Into<Script>) -> Stage {
    Stage::set_up(a, b, pool).await
}

/// A conversation of this subject, so many turns old.
fn conversation(stage: &Stage, subject: usize, turns: usize) -> Request {
    let mut messages = vec![
        serde_json::json!({"role": "system", "content": "Be short."}),
        serde_json::json!({"role": "user", "content": format!("About subject {subject}")}),
    ];
    for turn in 0..turns {
        messages.push(serde_json::json!({"role": "assistant", "content": "Well."}));
        messages.push(serde_json::json!({"role": "user", "content": format!("And {turn}?")}));
    }
    let request = stage.gateway.client().chat("pool");
    request.field("messages", messages)
}

#[tokio::test]
async fn a_conversation_stays_where_its_beginning_is_known() {
    let stage = stage(plain::chat("served"), plain::chat("served")).await;
    let mut homes = BTreeSet::new();
    for subject in 0..12 {
        let home = served_by(&conversation(&stage, subject, 0)).await;
        for turns in 1..4 {
            let now = served_by(&conversation(&stage, subject, turns)).await;
            assert_eq!(now, home, "subject {subject}, turn {turns}");
        }
        homes.insert(home);
    }
    assert_eq!(homes.len(), 2, "all twelve live at one");
    laws::check(&stage.gateway, &[&stage.a, &stage.b]).await;
}

#[tokio::test]
async fn a_named_header_and_a_cache_key_go_before_the_words() {
    let stage = stage(plain::chat("served"), plain::chat("served")).await;
    let mut homes = BTreeSet::new();
    for name in 0..12 {
        let name = format!("session-{name}");
        let by_header = |subject| conversation(&stage, subject, 0).header("x-session", &name);
        let home = served_by(&by_header(1)).await;
        assert_eq!(served_by(&by_header(2)).await, home);
        let by_key =
            |subject| conversation(&stage, subject, 0).field("prompt_cache_key", name.clone());
        let key_home = served_by(&by_key(1)).await;
        assert_eq!(served_by(&by_key(2)).await, key_home);
        homes.extend([home, key_home]);
    }
    assert_eq!(homes.len(), 2, "all live at one");
    laws::check(&stage.gateway, &[&stage.a, &stage.b]).await;
}

#[tokio::test]
async fn what_is_too_much_for_one_spills_over() {
    let (open, here) = (Latch::new(), Latch::new());
    let held = || {
        Script::from(
            Answer::new()
                .open(&here)
                .wait_for(&open)
                .then(plain::chat("served")),
        )
    };
    let stage = stage(held(), held()).await;
    let all: Vec<_> = (0..8)
        .map(|turns| conversation(&stage, 1, turns))
        .map(|request| tokio::spawn(async move { served_by(&request).await }))
        .collect();
    eventually("all eight upstream", async || {
        let seen = [&stage.a, &stage.b].map(|upstream| upstream.requests().len());
        // Ceil of 1.25 times the fair share is the most that one may have: 5 of 8.
        match seen.iter().sum::<usize>() == 8 && seen.iter().all(|seen| *seen <= 5) {
            true => Ok(()),
            false => Err(format!("{seen:?}")),
        }
    })
    .await;
    open.open();
    for request in all {
        request.await.expect("no panic");
    }
    laws::check(&stage.gateway, &[&stage.a, &stage.b]).await;
}

#[tokio::test]
async fn another_one_takes_over_while_the_home_is_left_alone() {
    let stage = stage(plain::chat("served"), plain::chat("served")).await;
    let home = served_by(&conversation(&stage, 1, 0)).await;
    let (lost, other) = match home.as_str() {
        "a" => (&stage.a, "b"),
        _ => (&stage.b, "a"),
    };
    lost.go_down().await;
    for turns in 1..4 {
        assert_eq!(served_by(&conversation(&stage, 1, turns)).await, other);
    }
    laws::check(&stage.gateway, &[&stage.a, &stage.b]).await;
}
