//! Callers take turns, and each caller's requests go in in the order in which they came.

use super::*;

const CROWD: usize = 500;
const FEW: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_requests_are_not_kept_waiting_by_five_hundred() {
    let full = Full::start(|gateway| {
        gateway
            .caller("crowd", "invoke:*")
            .caller("few", "invoke:*")
            .set("lanes.interactive.queue", 1000)
            .set("lanes.interactive.patience", "2m")
            .set(
                "routes.chat.timeouts",
                json!({"plain": "3m", "total": "4m"}),
            )
    })
    .await;
    let many = crowd(&full.stage, "crowd", "m", CROWD);
    wait_waiting(&full.stage.gateway, CROWD as u64).await;
    let few = crowd(&full.stage, "few", "m", FEW);
    wait_waiting(&full.stage.gateway, (CROWD + FEW) as u64).await;

    full.free.open();
    expect_all_served(few).await;
    expect_all_served(many).await;

    // After the one that held the place they take turns: every second is one of the few.
    let order = order(&full.stage);
    let last = order.iter().rposition(|id| id.starts_with("few"));
    assert!(last <= Some(2 * FEW + 1), "{:?}", &order[..20]);
    assert_eq!(order.len(), 1 + CROWD + FEW);
    full.end().await;
}

#[tokio::test]
async fn of_one_caller_first_in_is_first_out() {
    let full = Full::start(|gateway| gateway).await;
    let ids = (0..8).map(|number| format!("agent-{number}"));
    let ids = ids.collect::<Vec<_>>();
    let mut all = Vec::new();
    for id in &ids {
        all.push(full.queue_up(&full.stage.chat().correlation_id(id)).await);
    }

    full.free.open();
    for exchange in all {
        assert_eq!(exchange.finish().await.status, 200);
    }

    assert_eq!(order(&full.stage)[1..], ids);
    full.end().await;
}

/// Three callers, so many each: none is ever more than one ahead.
#[tokio::test]
async fn all_callers_take_turns() {
    const EACH: usize = 6;
    let callers = ["one", "two", "three"];
    let full = Full::start(|gateway| {
        let add = |gateway: Builder, name: &&str| gateway.caller(name, "invoke:*");
        callers.iter().fold(gateway, add)
    })
    .await;
    let mut all = Vec::new();
    for (number, caller) in callers.iter().enumerate() {
        all.push(crowd(&full.stage, caller, "m", EACH));
        wait_waiting(&full.stage.gateway, ((number + 1) * EACH) as u64).await;
    }

    full.free.open();
    for crowd in all {
        expect_all_served(crowd).await;
    }

    for round in order(&full.stage)[1..].chunks(callers.len()) {
        for caller in callers {
            let turns = round.iter().filter(|id| id.starts_with(caller));
            assert_eq!(turns.count(), 1, "{round:?}");
        }
    }
    full.end().await;
}
