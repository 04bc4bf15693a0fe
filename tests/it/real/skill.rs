//! A skill's gate before a real llama.cpp server: what a grammar holds to the form, what chance does, and what neither does.
//!
//! The model's weights are random, so its words are: of a grammar's two words it says either about as often.

use serde_json::{json, Value};

use super::llamacpp::Llamacpp;
use crate::support::client::Request;
use crate::support::laws::{self, Law};
use crate::support::{Gateway, Reply};

const REQUESTS: usize = 24;

/// Only "yes" will do.
const MANIFEST: &str = r#"
skill: assent
route: chat
max_tokens: 200
response:
  type: object
  required: [answer]
  additionalProperties: false
  properties: {answer: {const: "yes"}}
"#;

struct Stage {
    gateway: Gateway,
    server: Llamacpp,
}

impl Stage {
    async fn start() -> Stage {
        let server = Llamacpp::start(&[]);
        let gateway = Gateway::builder()
            .shipped_defaults()
            .upstream("a", server.base_url().as_str())
            .set("upstreams.a.family", "llama.cpp")
            .route("chat", "tiny", &["a"])
            // Each request is to have its three retries, however many there are at once.
            .set("retry.budget.floor", 1000)
            .set("breaker.threshold", 1)
            .file(".sidegate/skills/assent.yaml", MANIFEST, 0o400)
            .start()
            .await;
        Stage { gateway, server }
    }

    /// `words` are what the grammar lets the model say.
    fn ask(&self, words: &[&str]) -> Request {
        let schema = json!({"type": "object", "required": ["answer"], "additionalProperties": false,
                            "properties": {"answer": {"enum": words}}});
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
        let ask = self.plain_ask().field("response_format", format);
        // So that chance decides and not the weights.
        ask.field("temperature", 5)
    }

    fn plain_ask(&self) -> Request {
        let request = self.gateway.client().chat("tiny");
        request.header("x-sidegate-skill", "assent")
    }

    async fn tell(&self, request: Request) -> (Reply, Value) {
        let reply = request.send().await;
        let id = reply.correlation_id().expect("an id").to_owned();
        (reply, self.gateway.wait_access(&id).await)
    }

    async fn tell_all(&self, words: &[&str]) -> Vec<(Reply, Value)> {
        let mut told = Vec::new();
        for _ in 0..REQUESTS {
            told.push(self.tell(self.ask(words)).await);
        }
        told
    }

    /// What the server has generated is what the gateway has booked, answers that nobody got included.
    async fn end(&self) {
        let generated = self.server.metrics().await;
        let generated = generated.value("llamacpp:tokens_predicted_total", &[]);
        let booked = self.gateway.metrics().await;
        let booked = booked.sum("sidegate_tokens_total", &[("kind", "completion")]);
        assert_eq!(generated, Some(booked));
        let breaker = self.gateway.metrics().await;
        assert_eq!(breaker.sum("sidegate_breaker_state", &[]), 0.0);
        let why = "the server is a real one: it counts tokens, and they are compared above";
        laws::of(&self.gateway, &[])
            .skip(Law::L3, why)
            .check()
            .await;
    }
}

fn answer(reply: &Reply) -> Value {
    let said: Value = serde_json::from_str(&reply.text()).expect("JSON");
    said["answer"].clone()
}

#[tokio::test]
async fn what_a_grammar_holds_to_the_form_is_accepted_at_once() {
    let stage = Stage::start().await;
    for (reply, line) in stage.tell_all(&["yes"]).await {
        assert_eq!((reply.status, answer(&reply)), (200, json!("yes")));
        let told = [
            &line["answer_fits"],
            &line["refused_answers"],
            &line["skill"],
        ];
        assert_eq!(told, [&json!(true), &json!(0), &json!("assent")]);
    }
    stage.end().await;
}

#[tokio::test]
async fn what_fits_by_chance_is_asked_for_until_it_does() {
    let stage = Stage::start().await;
    let told = stage.tell_all(&["yes", "no"]).await;
    let mut refused = 0;
    for (reply, line) in &told {
        let misfits = line["refused_answers"].as_u64().expect("a number");
        refused += misfits;
        match reply.status {
            200 => {
                assert_eq!(answer(reply), "yes");
                assert_eq!(line["attempts"], misfits + 1);
            }
            _ => {
                assert_eq!(reply.code().as_deref(), Some("response_schema_violation"));
                assert_eq!(reply.json()["error"]["param"], "/content/answer");
                assert_eq!((misfits, &line["attempts"]), (4, &json!(4)));
            }
        }
    }
    let served = told.iter().filter(|(reply, _)| reply.status == 200).count();
    // By chance there is a refused one among 24 but for one run in 16 million.
    assert!(refused > 0 && served > REQUESTS / 2, "{refused}, {served}");
    let metrics = stage.gateway.metrics().await;
    let retries = metrics.sum("sidegate_schema_retries_total", &[("skill", "assent")]);
    let lost = (REQUESTS - served) as u64;
    assert_eq!(retries, (refused - lost) as f64);
    stage.end().await;
}

#[tokio::test]
async fn what_never_fits_is_refused_and_told_to_the_restricted_log_alone() {
    let stage = Stage::start().await;

    let (reply, line) = stage.tell(stage.plain_ask().field("max_tokens", 24)).await;

    assert_eq!(reply.code().as_deref(), Some("response_schema_violation"));
    assert_eq!((reply.status, &line["attempts"]), (502, &json!(4)));
    let raw = stage.gateway.log_lines("raw-errors.jsonl");
    assert_eq!(raw.len(), 4, "{raw:?}");
    let client = String::from_utf8_lossy(&reply.body).into_owned();
    for entry in raw {
        let body: Value =
            serde_json::from_str(entry["body"].as_str().expect("text")).expect("JSON");
        let said = body[0]["content"].as_str().expect("words");
        assert!(said.len() > 20 && !client.contains(said), "{said}");
    }

    let again = stage.plain_ask().field("temperature", 0).field("seed", 7);
    let (reply, line) = stage.tell(again.field("max_tokens", 24)).await;
    assert_eq!((reply.status, &line["attempts"]), (502, &json!(1)));
    stage.end().await;
}
