//! Connections to upstreams: used again while they live, given up before the server would, and nobody notices one that died.

use super::*;

/// So many connections to `a`, all of them idle afterwards.
async fn open_connections(stage: &Stage, count: usize) {
    let all_here = Latch::new();
    stage
        .a
        .play(sse::chat_saying("A", 3).hold_before_head(&all_here));
    let opener = async {
        stage.a.wait_requests(count).await;
        all_here.open();
    };
    let (told, ()) = tokio::join!(stage.tell_many(count, || stage.alone()), opener);
    for told in told {
        told.expect_whole("A", 3).expect_attempts(1);
    }
    assert_eq!(stage.a.connections().len(), count);
}

fn wide(gateway: Builder) -> Builder {
    gateway
        .set("upstreams.a.streams", 64)
        .set("lanes.interactive.streams", 64)
}

#[tokio::test]
async fn one_dead_connection_among_forty_fails_no_request() {
    let stage = Stage::set_up(Answer::new(), Answer::new(), wide).await;
    open_connections(&stage, 40).await;
    // The one that serves the next request is closed right after it.
    let mortal =
        Script::from(sse::chat_saying("A", 3)).closing_idle_after(Duration::from_millis(1));
    stage.a.play(mortal);
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    eventually("one dead connection", async || {
        let open = stage
            .a
            .connections()
            .iter()
            .filter(|it| it.is_open())
            .count();
        if open == 39 {
            Ok(())
        } else {
            Err(format!("{open} are open"))
        }
    })
    .await;

    let all_here = Latch::new();
    stage
        .a
        .play(sse::chat_saying("A", 3).hold_before_head(&all_here));
    let opener = async {
        stage.a.wait_requests(81).await;
        all_here.open();
    };
    let (told, ()) = tokio::join!(stage.tell_many(40, || stage.alone()), opener);
    for told in told {
        told.expect_whole("A", 3);
    }
    assert_eq!(stage.a.connections().len(), 41);
    stage.end().await;
}

/// The server closes at the very moment at which the request comes: only the attempt itself can find out.
#[tokio::test]
async fn a_connection_that_dies_of_its_reuse_is_replaced_unseen() {
    let dying = Script::new()
        .nth_on_connection(2, Answer::new().close_fin())
        .otherwise(sse::chat_saying("A", 3).answer());
    let stage = Stage::start(dying, Answer::new()).await;
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage
        .tell(stage.alone())
        .await
        .expect_whole("A", 3)
        .expect_attempts(2);
    assert_eq!(stage.retries("reset").await, 1.0);
    assert_eq!(stage.a.connections().len(), 2);
    stage.end().await;
}

#[tokio::test]
async fn a_connection_that_is_reset_on_its_reuse_is_replaced_unseen() {
    let dying = Script::new()
        .nth_on_connection(2, Answer::close_after_head())
        .otherwise(plain::chat("a"));
    let stage = Stage::start(dying, plain::chat("b")).await;
    let large = || stage.gateway.client().chat("alone").body_bytes(1_000_000);
    for attempts in [1, 2] {
        let told = stage.tell(large()).await;
        assert_eq!(told.reply.text(), "a");
        told.expect_attempts(attempts);
    }
    stage.end().await;
}

#[tokio::test]
async fn an_idle_connection_is_given_up_before_common_servers_would() {
    let stage = Stage::start(sse::chat_saying("A", 3), Answer::new()).await;
    let told = stage.tell(stage.alone()).await;
    told.expect_whole("A", 3);
    let closed = stage.a.wait_closed(0, DEADLINE).await;
    let idle = closed - told.reply.ended_at;
    let wanted = Duration::from_millis(3000)..Duration::from_millis(4000);
    assert!(wanted.contains(&idle), "closed after {idle:?}");
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_closes_after_a_hundred_requests_fails_none() {
    let script = Script::from(plain::chat("a")).closing_after_requests(100);
    let stage = Stage::start(script, Answer::new()).await;
    let request = stage.gateway.client().chat("alone");
    for _ in 0..250 {
        let reply = request.send().await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "a"),
            "{reply:?}"
        );
    }
    // Three, and one more wherever a request was quicker than the pool.
    let connections = stage.a.connections().len();
    assert!((3..30).contains(&connections), "{connections} connections");
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    let stage = Stage::start(sse::chat_saying("A", 3), sse::chat_saying("B", 3)).await;
    stage.tell(stage.chat()).await.expect_whole("A", 3);
    stage.a.go_down().await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("B", 3)
        .expect_attempts(2);
    stage.a.come_back();
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 3)
        .expect_attempts(1);
    stage.end().await;
}
