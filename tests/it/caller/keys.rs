//! Whose key goes where: each upstream gets its own, clients' tokens go nowhere.

use crate::support::laws;
use crate::support::{plain, Gateway, Upstream};

#[tokio::test]
async fn each_upstream_gets_its_own_key_and_nobody_a_clients_token() {
    let first = Upstream::start(plain::overloaded()).await;
    let second = Upstream::start(plain::json(&plain::message_body("yes"))).await;
    let keyless = Upstream::start(plain::chat("yes")).await;
    let gateway = Gateway::builder()
        .upstream("first", &first)
        .upstream("second", &second)
        .set("upstreams.second.family", "anthropic")
        .upstream("keyless", &keyless)
        .without_key("keyless")
        .route("chat", "m", &["first", "second"])
        .route("open", "o", &["keyless"])
        .start()
        .await;

    assert_eq!(gateway.client().messages("m").send().await.status, 200);
    assert_eq!(gateway.client().chat("o").send().await.status, 200);

    let key = |place: usize| gateway.upstreams()[place].key.clone().expect("a key");
    let at_first = &first.requests()[0];
    assert_eq!(
        at_first.header("authorization"),
        Some(format!("Bearer {}", key(0)).as_str())
    );
    assert_eq!(at_first.header("x-api-key"), None);
    let at_second = &second.requests()[0];
    assert_eq!(at_second.header("x-api-key"), Some(key(1).as_str()));
    assert_eq!(at_second.header("authorization"), None);
    let at_keyless = &keyless.requests()[0];
    assert_eq!(
        (
            at_keyless.header("authorization"),
            at_keyless.header("x-api-key")
        ),
        (None, None)
    );
    laws::of(&gateway, &[&first, &second, &keyless])
        .check()
        .await;
}
