//! The schema of a request: the whole body, whatever its size, told by the schema's keys alone.

use super::*;

const RULES: &str = "
request:
  type: object
  required: [messages]
  additionalProperties: false
  properties:
    model: {type: string}
    user: {type: string, pattern: \"^[a-z]{1,8}$\"}
    max_tokens: {type: integer, maximum: 100}
    messages:
      type: array
      maxItems: 40
      items:
        type: object
        required: [role, content]
        properties:
          role: {enum: [user, assistant]}
          content: {type: string, maxLength: 300000}
";

async fn checked() -> Stage {
    stage(RULES, plain::chat("yes")).await
}

#[tokio::test]
async fn a_violation_is_told_by_place_and_rule() {
    let stage = checked().await;
    let said = |role: &str, content: Value| json!([{"role": role, "content": content}]);
    for (key, value, pointer, rule) in [
        ("user", json!("secretValue77"), "/user", "pattern"),
        ("user", json!(7), "/user", "type"),
        ("max_tokens", json!(101), "/max_tokens", "maximum"),
        ("messages", json!([]), "", ""),
        (
            "messages",
            said("secretValue77", json!("x")),
            "/messages/0/role",
            "enum",
        ),
        (
            "messages",
            said("user", json!(["secretValue77"])),
            "/messages/0/content",
            "type",
        ),
        (
            "messages",
            json!([{"role": "user", "content": "x"}, {"role": "user"}]),
            "/messages/1/content",
            "required",
        ),
        (
            "messages",
            json!(vec![json!({"role": "user", "content": "x"}); 41]),
            "/messages",
            "maxItems",
        ),
        ("secretValue77", json!(1), "/*", "additionalProperties"),
    ] {
        println!("-- {key}: {rule}");
        let reply = mail(&stage).field(key, value).send().await;
        match rule {
            "" => assert_eq!(reply.status, 200, "{reply:?}"),
            rule => expect_violation(&reply, pointer, rule),
        }
        assert!(
            !String::from_utf8_lossy(&reply.body).contains("secretValue77"),
            "{reply:?}"
        );
    }
    assert!(!stage
        .gateway
        .log_text("access.jsonl")
        .contains("secretValue77"));
    assert_eq!(stage.upstream.requests().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn a_key_of_the_clients_stands_in_no_pointer() {
    let rules = "request: {properties: {a: {additionalProperties: {type: string}}, b: {patternProperties: {\"^s\": {type: string}}}}}";
    let stage = stage(rules, plain::chat("yes")).await;
    for (key, value, pointer) in [
        ("a", json!({"secretKey31": 7}), "/a/*"),
        ("a", json!({"~secretKey31/x": 7}), "/a/*"),
        ("b", json!({"secretKey31": 7}), "/b/*"),
    ] {
        let reply = mail(&stage).field(key, value).send().await;
        expect_violation(&reply, pointer, "type");
        assert!(
            !String::from_utf8_lossy(&reply.body).contains("secretKey31"),
            "{reply:?}"
        );
    }
    stage.end().await;
}

#[tokio::test]
async fn a_repeated_key_is_refused_at_any_depth() {
    let stage = checked().await;
    let body = |inner: &str| format!(r#"{{"model":"m","messages":[{{"role":"user",{inner}}}]}}"#);
    let send = |text: String| {
        let request = mail(&stage).body(text);
        async move { request.send().await }
    };
    assert_eq!(send(body(r#""content":"x""#)).await.status, 200);
    let twice = send(body(r#""content":"x","content":"y""#)).await;
    expect_violation(&twice, "", "repeated_key");
    let escaped = send(body(r#""content":"x","conten\u0074":"x""#)).await;
    expect_violation(&escaped, "", "repeated_key");
    let at_the_top = send(r#"{"model":"m","user":"a","user":"b","messages":[]}"#.to_string()).await;
    expect_failure(&at_the_top, 400, "duplicate_key");
    stage.end().await;
}

#[tokio::test]
async fn a_large_request_is_checked_to_its_last_byte() {
    let stage = checked().await;
    // The first is checked beside other requests of its thread, the second and the third elsewhere.
    for bytes in [200 << 10, (256 << 10) + 1, 280_000] {
        let fine = mail(&stage).body_bytes(bytes);
        assert_eq!(fine.send().await.status, 200, "{bytes}");
        assert_eq!(
            stage.last_seen().body.len() / 1000,
            bytes / 1000,
            "it went on whole"
        );
        let broken = mail(&stage).body_bytes(bytes).field("user", "NOT SMALL");
        expect_violation(&broken.send().await, "/user", "pattern");
    }
    let too_long = mail(&stage).body_bytes(310_000).send().await;
    expect_violation(&too_long, "/messages/0/content", "maxLength");
    stage.end().await;
}

#[tokio::test]
async fn what_goes_upstream_is_what_was_checked() {
    let stage = checked().await;
    let text = "{ \"model\" : \"m\",\n\t\"messages\" : [ {\"role\":\"user\", \"content\":\"\\u00e9\\ud83d\\ude00 1.0e0\"} ] }";

    assert_eq!(mail(&stage).body(text).send().await.status, 200);

    let seen = String::from_utf8(stage.last_seen().body.to_vec()).expect("text");
    assert_eq!(seen, text.replace("\"m\",", "\"m-on-a\","));
    stage.end().await;
}

#[tokio::test]
async fn every_api_is_held_against_it() {
    let stage = stage("request: {required: [user]}", plain::chat("yes")).await;
    let client = stage.client();
    for request in [
        client.chat("m"),
        client.completions("m"),
        client.responses("m"),
        client.messages("m"),
        client.embeddings("m"),
    ] {
        let reply = of_skill(request, "mail").send().await;
        expect_failure(&reply, 400, "schema_violation");
        let summary = reply.failure().expect("a failure");
        assert_eq!(summary["error"]["param"], "/user", "{reply:?}");
    }
    stage.end().await;
}
