//! What reaches the upstream is the client's body byte for byte, but for the few values that must change.

use crate::stage::Stage;
use crate::support::{plain, Script};

/// White space, escapes, numbers and orders that a serialiser would change.
const ODD: &str = "  {\n\t\"messages\" : [ {\"role\":\"user\", \"content\":\"\\u00e4 \\/ \\ud83d\\ude00 \u{1f600} {{%PROMPT%}}\"} ] ,\r\n  \"temperature\": 1.0E-2, \"seed\" : -0, \"model\":\t\"\\u006d\" , \"big\": 123456789012345678901234567890.10, \"model_kwargs\":{\"model\":\"m\",\"x\":1,\"x\":2},\"tools\":[],\"z\":null }\n";

#[tokio::test]
async fn only_the_models_name_changes_and_every_other_byte_stays() {
    let stage = Stage::start(plain::chat("yes")).await;

    let reply = stage.chat().body(ODD).send().await;

    assert_eq!(reply.status, 200, "{reply:?}");
    let expected = ODD.replacen("\"\\u006d\"", "\"m-on-a\"", 1);
    assert_ne!(expected, ODD);
    assert_eq!(String::from_utf8_lossy(&stage.last_seen().body), expected);
    stage.end().await;
}

#[tokio::test]
async fn a_route_for_every_name_changes_nothing_at_all() {
    let stage = Stage::with(plain::chat("yes"), |builder| {
        builder.route("rest", "*", &["a"])
    })
    .await;
    let body = ODD.replace("\"\\u006d\"", "\"nobody\\u0027s \\\"own\\\"\"");

    let reply = stage.chat().body(body.clone()).send().await;

    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(String::from_utf8_lossy(&stage.last_seen().body), body);
    stage.end().await;
}

#[tokio::test]
async fn a_body_in_any_framing_and_pace_arrives_with_one_length() {
    let stage = Stage::start(plain::chat("yes")).await;
    let chat = || stage.chat().body_bytes(100_000);
    for request in [
        chat(),
        chat().chunked(&[1, 7, 4096]),
        chat().chunked(&[200_000]),
        chat().slowly(20_000, std::time::Duration::from_millis(5)),
    ] {
        assert_eq!(request.send().await.status, 200);
        let seen = stage.last_seen();
        let length = 100_000 + "-on-a".len();
        assert_eq!((seen.body.len(), seen.complete), (length, true));
        assert_eq!(
            seen.header("content-length"),
            Some(length.to_string().as_str())
        );
        assert_eq!(seen.header("transfer-encoding"), None);
        let user = seen.json()["messages"][0]["content"].as_str().map(str::len);
        assert!(user > Some(99_000), "{user:?}");
    }
    stage.end().await;
}

#[tokio::test]
async fn each_target_gets_its_own_name_of_the_model() {
    let second = crate::support::Upstream::start(plain::chat("yes")).await;
    let stage = Stage::with(Script::from(plain::overloaded()), |builder| {
        builder
            .upstream("b", &second)
            .route("both", "x", &["a", "b"])
    })
    .await;

    let reply = stage.client().chat("x").send().await;

    assert_eq!(
        (reply.status, reply.header("x-sidegate-upstream")),
        (200, Some("b"))
    );
    assert_eq!(stage.last_seen().json()["model"], "x-on-a");
    assert_eq!(second.requests()[0].json()["model"], "x-on-b");
    crate::support::laws::of(&stage.gateway, &[&stage.upstream, &second])
        .check()
        .await;
}
