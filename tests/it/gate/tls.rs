//! The same over TLS: the gate stands above it, so nothing may differ.

use super::*;
use crate::support::Authority;

/// `a` and `b` over TLS; the gateway trusts their authority.
async fn stage_of(authority: &Authority, a: Upstream, b: Upstream) -> Stage {
    Stage::before(a, b, |gateway| trusting(gateway, authority)).await
}

fn trusting(gateway: Builder, authority: &Authority) -> Builder {
    let file = authority.write(gateway.home()).display().to_string();
    gateway
        .set("upstreams.a.tls.ca_file", file.as_str())
        .set("upstreams.b.tls.ca_file", file.as_str())
}

async fn saying(name: &str, authority: &Authority) -> Upstream {
    Upstream::start_tls(sse::chat_saying(name, 9), authority, false).await
}

#[tokio::test]
async fn a_stream_arrives_on_a_fresh_and_on_a_used_connection() {
    let authority = Authority::new();
    let (a, b) = (saying("A", &authority).await, saying("B", &authority).await);
    let stage = stage_of(&authority, a, b).await;
    for _ in 0..3 {
        stage
            .tell(stage.chat())
            .await
            .expect_whole("A", 9)
            .expect_attempts(1);
    }
    let connections = stage.a.connections();
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].alpn.as_deref(), Some("http/1.1"));
    assert!(!connections[0].client_certificate);
    stage.end().await;
}

#[tokio::test]
async fn silence_and_broken_ends_fail_over_as_without_tls() {
    let authority = Authority::new();
    let a = Upstream::start_tls(Answer::new(), &authority, false).await;
    let stage = stage_of(&authority, a, saying("B", &authority).await).await;
    for (what, answer) in [
        (
            "silence after a role",
            sse::chat(9).hang_after_token(0).answer(),
        ),
        (
            "an end without goodbye",
            stream_head().step(Step::CloseWithoutNotify),
        ),
        ("a reset before the head", Answer::new().close_reset()),
        ("503", plain::overloaded()),
    ] {
        println!("-- {what}");
        stage.a.play(answer);
        stage
            .tell(stage.chat())
            .await
            .expect_whole("B", 9)
            .expect_attempts(2);
    }
    stage.end().await;
}

#[tokio::test]
async fn an_end_without_goodbye_interrupts_a_stream() {
    let authority = Authority::new();
    let read = Latch::new();
    let answer = then_when(
        sse::chat_saying("A", 9).hang_after_token(4),
        &read,
        Step::CloseWithoutNotify,
    );
    let a = Upstream::start_tls(answer, &authority, false).await;
    let stage = stage_of(&authority, a, saying("B", &authority).await).await;
    let exchange = stage.chat().start().await;
    exchange.tokens(4).await;
    read.open();
    let told = stage.told(exchange.finish().await).await;
    told.expect_interrupted(4, "stream_interrupted")
        .expect_attempts(1);
    stage.end().await;
}

#[tokio::test]
async fn the_configured_name_is_asked_for_and_verified() {
    let authority = Authority::new();
    let identity = authority.identity(&["models.internal"]);
    let config = authority.server_config(&identity, &["http/1.1"], false);
    let a = Upstream::start_tls_with(sse::chat_saying("A", 9), config).await;
    let b = saying("B", &authority).await;
    let stage = Stage::before(a, b, |gateway| {
        trusting(gateway, &authority).set("upstreams.a.tls.server_name", "models.internal")
    })
    .await;
    stage
        .tell(stage.chat())
        .await
        .expect_whole("A", 9)
        .expect_attempts(1);
    let seen = stage.a.connections()[0].server_name.clone();
    assert_eq!(seen.as_deref(), Some("models.internal"));
    stage.end().await;
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_no_request() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let elsewhere = authority.identity(&["elsewhere.internal"]);
    let wrong_name = authority.server_config(&elsewhere, &["http/1.1"], false);
    let wrong_authority = stranger.server_config(&stranger.server(), &["http/1.1"], false);
    for config in [wrong_name, wrong_authority] {
        let a = Upstream::start_tls_with(sse::chat_saying("A", 9), config).await;
        let stage = stage_of(&authority, a, saying("B", &authority).await).await;
        stage
            .tell(stage.chat())
            .await
            .expect_whole("B", 9)
            .expect_attempts(2);
        let told = stage.tell(stage.alone()).await;
        told.expect_failure(502, "upstream_unreachable");
        assert!(stage.a.requests().is_empty());
        stage.end().await;
    }
}

/// An end in the middle of the handshake is the server's doing: nobody may take it for a client that left.
#[tokio::test]
async fn a_server_that_hangs_up_on_the_handshake_is_a_failed_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a listener");
    let url = format!("https://{}/v1", listener.local_addr().expect("its address"));
    let hangs_up = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            drop(connection);
        }
    });
    let b = Upstream::start(sse::chat_saying("B", 9)).await;
    let stage = Stage::before(Upstream::start(Answer::new()).await, b, |gateway| {
        gateway.set("upstreams.a.url", url)
    })
    .await;
    let told = stage.tell(stage.chat()).await;
    told.expect_whole("B", 9).expect_attempts(2);
    let told = stage.tell(stage.alone()).await;
    told.expect_failure(502, "upstream_unreachable");
    hangs_up.abort();
    stage.end().await;
}

#[tokio::test]
async fn our_certificate_is_shown_where_one_is_configured() {
    let authority = Authority::new();
    let a = Upstream::start_tls(sse::chat_saying("A", 9), &authority, true).await;
    let b = Upstream::start_tls(sse::chat_saying("B", 9), &authority, true).await;
    let stage = Stage::before(a, b, |gateway| {
        let (certificate, key) = authority.client("gateway").write(gateway.home(), "gateway");
        trusting(gateway, &authority)
            .set(
                "upstreams.b.tls.cert_file",
                certificate.display().to_string(),
            )
            .set("upstreams.b.tls.key_file", key.display().to_string())
    })
    .await;
    // `a` asks for a certificate too, and we have none for it.
    stage.tell(stage.chat()).await.expect_whole("B", 9);
    assert!(stage.a.requests().is_empty());
    stage.tell(stage.chat()).await.expect_whole("B", 9);
    let connections = stage.b.connections();
    assert_eq!(
        (connections.len(), connections[0].client_certificate),
        (1, true)
    );
    stage.end().await;
}
