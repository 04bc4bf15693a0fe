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
    is_seen_wherever_the_failure_points_to(gateway, &refused).await;
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

async fn is_seen_wherever_the_failure_points_to(gateway: &Gateway, refused: &Reply) {
    let routes = gateway.run(&["routes"]).await;
    assert!(routes.stdout.contains("out of use (drain)"), "{routes:?}");
    let doctor = gateway.run(&["doctor"]).await;
    let said = "-> sidegate drain a --undo";
    assert!(doctor.stdout.contains(said), "{doctor:?}");
    let id = refused.correlation_id().expect("an id");
    let explain = gateway.run(&["explain", id]).await;
    assert_eq!(explain.code, 0, "{explain:?}");
    let said = "note: a is out of use now, by an operator's order; `sidegate drain a --undo`";
    assert!(explain.stderr.contains(said), "{explain:?}");
}

#[tokio::test]
async fn a_query_that_is_not_understood_changes_nothing() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    for path in [
        "/upstreams/a/drain?undo=true",
        "/breakers/a/reset?bogus=1",
        "/breakers/a/reset?model=%zz",
        "/drain?when=later",
        "/reload?now",
    ] {
        let reply = gateway.admin_post(path).await;
        assert_eq!(reply.status, 400, "{path}: {reply:?}");
        assert_eq!(reply.json()["error"], "unknown_query", "{path}");
    }
    let status = gateway.status().await;
    assert_eq!(status["upstreams"][0]["draining"], false);
    assert_eq!(status["draining"], false);
    assert_eq!(gateway.admin_post("/breakers/a/reset").await.status, 200);
    assert_eq!(status["config"]["generation"], 1, "no reload");
}

#[tokio::test]
async fn a_gateway_that_is_ending_is_said_to_be() {
    let (here, go_on) = (Latch::new(), Latch::new());
    let held = Answer::new()
        .open(&here)
        .wait_for(&go_on)
        .then(plain::chat("A"));
    let stage = Stage::set_up(held, plain::chat("B"), |gateway| {
        gateway.set("drain", "30s")
    })
    .await;
    let client = stage.gateway.client();
    let running = tokio::spawn(async move { client.chat("alone").send().await });
    here.wait("the request upstream").await;
    let pid = format!("(pid {})", stage.gateway.pid());
    stage.gateway.signal(rustix::process::Signal::TERM);
    eventually("the control socket to be closed", async || {
        let status = stage.gateway.run(&["status"]).await;
        (status.code == 2).then_some(()).ok_or(status.stdout)
    })
    .await;

    for command in ["status", "drain", "doctor"] {
        let output = stage.gateway.run(&[command]).await;
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(said.contains("is ending"), "{command}: {output:?}");
        assert!(said.contains(&pid), "{command}: {output:?}");
        assert!(!said.contains("starts one"), "{command}: {output:?}");
    }

    go_on.open();
    assert_eq!(running.await.expect("no panic").status, 200);
    assert_eq!(stage.gateway.wait_exit(DEADLINE).await, 0);
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
