//! The data listener over TLS, and who may connect to it.

use serde_json::json;

use crate::support::gateway::Builder;
use crate::support::{laws, plain, sse, Authority, Gateway, Script, Upstream};

fn over_tls(builder: Builder, authority: &Authority) -> Builder {
    let folder = builder.home().to_path_buf();
    let (cert, key) = authority.server().write(&folder, "server");
    builder.set("tls", json!({"cert_file": cert, "key_file": key}))
}

async fn gateway(upstream: &Upstream, more: impl FnOnce(Builder) -> Builder) -> Gateway {
    let builder = Gateway::builder()
        .upstream("a", upstream)
        .route("chat", "m", &["a"]);
    more(builder).start().await
}

#[tokio::test]
async fn a_client_is_answered_over_tls_and_not_without() {
    let authority = Authority::new();
    let upstream = Upstream::start(Script::sequence([
        plain::chat("yes"),
        sse::chat(3).answer(),
    ]))
    .await;
    let gateway = gateway(&upstream, |builder| over_tls(builder, &authority)).await;
    let client = gateway.client().tls(authority.client_config(None));

    let plain_answer = client.chat("m").send().await;
    let stream = client.chat("m").stream().send().await;
    let in_the_clear = gateway.client().chat("m").send().await;

    assert_eq!(
        (plain_answer.status, plain_answer.text().as_str()),
        (200, "yes")
    );
    assert_eq!(
        (stream.tokens(), stream.has_done(), stream.is_whole()),
        (3, true, true)
    );
    assert_eq!(in_the_clear.status, 0, "{in_the_clear:?}");
    // Who doesn't know our authority doesn't speak to us.
    let stranger = gateway.client().tls(Authority::new().client_config(None));
    assert!(stranger.try_connect().await.is_err());
    laws::check(&gateway, &[&upstream]).await;
}

#[tokio::test]
async fn with_an_authority_for_clients_strangers_are_refused() {
    let authority = Authority::new();
    let upstream = Upstream::start(plain::chat("yes")).await;
    let ours = Authority::new();
    let gateway = gateway(&upstream, |builder| {
        let ca = ours.write(builder.home());
        over_tls(builder, &authority).set("tls.client_ca_file", ca.display().to_string())
    })
    .await;
    let with = |identity| gateway.client().tls(authority.client_config(identity));

    let known = ours.client("agent");
    let answered = with(Some(&known)).chat("m").send().await;
    assert_eq!(answered.status, 200);
    gateway
        .wait_access(answered.correlation_id().expect("an id"))
        .await;
    let strange = Authority::new().client("agent");
    for identity in [None, Some(&strange)] {
        // In TLS 1.3 a client learns of it with its first read.
        let client = with(identity);
        if let Ok(connection) = client.try_connect().await {
            let reply = connection.start(&client.chat("m")).finish().await;
            assert_eq!(reply.status, 0, "{reply:?}");
        }
    }
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(gateway.access_lines().len(), 1);
    laws::check(&gateway, &[&upstream]).await;
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused_without_tls() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let builder = Gateway::builder()
            .upstream("a", "http://127.0.0.1:9/v1")
            .route("chat", "m", &["a"])
            .set("listen", listen);
        let output = builder.try_start().await.err().expect("no gateway");
        assert_eq!(output.code, 78, "{output:?}");
        assert!(
            output.stderr.contains("listen") && output.stderr.contains("tls"),
            "{output:?}"
        );
    }
}

#[tokio::test]
async fn an_address_that_others_reach_serves_over_tls() {
    let authority = Authority::new();
    let upstream = Upstream::start(plain::chat("yes")).await;
    let gateway = gateway(&upstream, |builder| {
        over_tls(builder, &authority).set("listen", "0.0.0.0:0")
    })
    .await;
    let here = std::net::SocketAddr::from(([127, 0, 0, 1], gateway.addr().port()));
    let client = crate::support::Client::new(here)
        .token(&gateway.canaries().token)
        .tls(authority.client_config(None));

    assert_eq!(client.chat("m").send().await.status, 200);

    laws::check(&gateway, &[&upstream]).await;
}

#[tokio::test]
async fn a_certificate_that_is_none_is_told_at_the_start() {
    let builder = Gateway::builder()
        .upstream("a", "http://127.0.0.1:9/v1")
        .route("chat", "m", &["a"]);
    let authority = Authority::new();
    let builder = over_tls(builder, &authority);
    let broken = crate::support::tls::write(builder.home(), "server.pem", "nonsense", 0o644);

    let output = builder.try_start().await.err().expect("no gateway");

    assert_eq!(output.code, 78, "{output:?}");
    assert!(
        output.stderr.contains(&broken.display().to_string()),
        "{output:?}"
    );
}
