//! `sidegate drain`: the gateway, or one of its upstreams.

use crate::gate::Stage;
use crate::support::{eventually, laws, plain, Answer, Gateway, Latch, Reply, DEADLINE};

async fn stage() -> Stage {
    Stage::set_up(plain::chat("A"), plain::chat("B"), |gateway| {
        gateway.pool("pool", "pool", &["a", "b"])
    })
    .await
}

async fn ask(gateway: &Gateway, alias: &str) -> Reply {
    gateway.client().chat(alias).send().await
}

#[tokio::test]
async fn an_upstream_out_of_use_gets_nothing_until_that_is_undone() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    let told = gateway.run(&["drain", "a"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(
        told.stdout.contains("a gets no new requests; 0 are still"),
        "{told:?}"
    );

    for _ in 0..4 {
        let reply = ask(gateway, "pool").await;
        assert_eq!(reply.header("x-sidegate-upstream"), Some("b"));
    }
    let refused = ask(gateway, "alone").await;
    assert_eq!(
        (refused.status, refused.code().as_deref()),
        (503, Some("no_upstream"))
    );
    let status = gateway.status().await;
    assert_eq!(status["upstreams"][0]["draining"], true);
    gateway.run(&["reload"]).await;
    assert_eq!(
        ask(gateway, "alone").await.status,
        503,
        "a reload changes nothing of it"
    );

    assert_eq!(gateway.run(&["drain", "a", "--undo"]).await.code, 0);
    assert_eq!(ask(gateway, "alone").await.status, 200);
    assert_eq!(gateway.run(&["drain", "nobody"]).await.code, 64);
    laws::check(gateway, &[&stage.a, &stage.b]).await;
}

#[tokio::test]
async fn the_gateway_ends_when_its_last_request_is_done() {
    let (here, go_on) = (Latch::new(), Latch::new());
    let held = Answer::new()
        .open(&here)
        .wait_for(&go_on)
        .then(plain::chat("A"));
    let stage = Stage::start(held, plain::chat("B")).await;
    let client = stage.gateway.client();
    let running = tokio::spawn(async move { client.chat("alone").send().await });
    here.wait("the request upstream").await;

    assert_eq!(stage.gateway.run(&["drain"]).await.code, 0);

    eventually(
        "the data port to be closed",
        async || match tokio::net::TcpStream::connect(stage.gateway.addr()).await {
            Ok(_) => Err("it is open".to_string()),
            Err(_) => Ok(()),
        },
    )
    .await;
    go_on.open();
    assert_eq!(running.await.expect("no panic").status, 200);
    assert_eq!(stage.gateway.wait_exit(DEADLINE).await, 0);
    let again = stage.gateway.run(&["drain"]).await;
    assert_eq!(again.code, 2, "nobody is left: {again:?}");
}
