//! The id that ties answers, logs and upstream requests together.

use crate::stage::Stage;
use crate::support::plain;

#[tokio::test]
async fn a_harmless_id_is_kept_everywhere() {
    let stage = Stage::start(plain::overloaded()).await;
    let longest = "x".repeat(64);
    for id in ["Run-7_a.b", "0", longest.as_str()] {
        let reply = stage.chat().correlation_id(id).send().await;
        assert_eq!(reply.header("x-correlation-id"), Some(id));
        assert_eq!(reply.header("x-request-id"), Some(id));
        let failure = reply.json();
        assert_eq!(
            (
                &failure["correlation_id"],
                &failure["error"]["correlation_id"]
            ),
            (&id.into(), &id.into())
        );
        let message = failure["error"]["message"].to_string();
        assert!(message.contains(&format!("(sidegate {id})")), "{message}");
        assert_eq!(stage.last_seen().header("x-correlation-id"), Some(id));
        assert_eq!(stage.line_of(&reply).await["correlation_id"], id);
    }
    stage.end().await;
}

#[tokio::test]
async fn any_other_id_is_replaced_by_a_new_one_that_grows_with_time() {
    let stage = Stage::start(plain::chat("yes")).await;
    let too_long = "x".repeat(65);
    let odd = [
        "",
        "a b",
        "a/b",
        "a\"b",
        "a;b",
        "ä",
        "%41",
        too_long.as_str(),
    ];
    let mut last = String::new();
    for id in odd {
        let reply = stage.chat().header("x-correlation-id", id).send().await;
        let own = reply.correlation_id().expect("an id").to_string();
        assert_ne!(own, id);
        assert_eq!(
            (own.len(), own.as_bytes()[14]),
            (36, b'7'),
            "no UUIDv7: {own}"
        );
        assert!(own > last, "{own} after {last}");
        assert_eq!(
            stage.last_seen().header("x-correlation-id"),
            Some(own.as_str())
        );
        last = own;
    }
    let twice = stage
        .chat()
        .correlation_id("one")
        .another_header("x-correlation-id", "two");
    let own = twice
        .send()
        .await
        .correlation_id()
        .expect("an id")
        .to_string();
    assert!(own != "one" && own != "two", "{own}");
    stage.end().await;
}
