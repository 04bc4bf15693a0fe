use super::*;
use crate::recorded::{self, Recorded};
use crate::skill::testing::manifest;
use crate::skill::Manifest;
use crate::stream::{data_of, Splitter};
use proptest::prelude::*;
use serde_json::json;

/// A head, and a body without the framing of its chunks.
fn body(recorded: &Recorded) -> (String, Vec<u8>) {
    let answer = &recorded.answer;
    let at = memchr::memmem::find(answer, b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..at]).to_lowercase();
    let mut rest = &answer[at + 4..];
    if !head.contains("transfer-encoding: chunked") {
        return (head, rest.to_vec());
    }
    let mut body = Vec::new();
    loop {
        let line = memchr::memmem::find(rest, b"\r\n").unwrap();
        let size =
            usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap().trim(), 16).unwrap();
        if size == 0 {
            return (head, body);
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

fn form(target: &str) -> Option<Form> {
    match target.trim_start_matches("/v1/") {
        "chat/completions" => Some(Form::Chat),
        "completions" => Some(Form::Completions),
        "responses" => Some(Form::Responses),
        "messages" => Some(Form::Messages),
        _ => None,
    }
}

fn heard(form: Form, head: &str, body: &[u8]) -> Option<Answer> {
    let mut listener = Listener::new(form);
    if !head.contains("text/event-stream") {
        listener.plain(body);
        return listener.finish();
    }
    let mut splitter = Splitter::new();
    splitter
        .feed(body, |event| {
            listener.event(&data_of(event));
            true
        })
        .unwrap();
    listener.event(&data_of(&splitter.take_rest()));
    listener.finish()
}

fn recorded(family: &str, case: &str) -> Answer {
    let all = recorded::all();
    let found = all
        .iter()
        .find(|one| one.family == family && one.case == case);
    let found = found.unwrap_or_else(|| panic!("{family} {case}"));
    let (head, body) = body(found);
    heard(form(&found.target).unwrap(), &head, &body).unwrap()
}

fn claim_of(family: &str, case: &str) -> Claim {
    let all = recorded::all();
    let found = all
        .iter()
        .find(|one| one.family == family && one.case == case)
        .unwrap();
    crate::skill::claim(&found.request_body)
}

fn any() -> std::sync::Arc<Manifest> {
    manifest("max_tokens: 3\n")
}

const SWITCH: &str = "response: {type: object, required: [on], additionalProperties: false, properties: {on: {type: boolean}}}\n";

#[test]
fn plain_answers_and_streams_of_real_servers_say_the_same() {
    for family in ["llama.cpp", "vllm"] {
        for (plain, stream) in [
            ("chat_plain", "chat_stream"),
            ("chat_json_plain", "chat_json_stream"),
            ("completions_plain", "completions_stream"),
            ("responses_plain", "responses_stream"),
            ("messages_plain", "messages_stream"),
        ] {
            let (plain, stream) = (recorded(family, plain), recorded(family, stream));
            assert_eq!(plain.turns.len(), 1, "{family}");
            assert!(!plain.turns[0].text.is_empty(), "{family}");
            assert_eq!(
                plain.turns[0].text.trim(),
                stream.turns[0].text.trim(),
                "{family}"
            );
        }
    }
}

#[test]
fn a_real_grammar_makes_an_answer_that_fits_and_a_cut_one_is_no_json() {
    let skill = manifest(SWITCH);
    for (family, case, fits) in [
        ("llama.cpp", "chat_json_plain", true),
        ("llama.cpp", "chat_json_stream", true),
        ("llama.cpp", "chat_plain", false),
        ("vllm", "chat_plain", false),
        ("llama.cpp", "messages_stream", false),
        ("vllm", "responses_stream", false),
        ("vllm", "completions_stream", false),
    ] {
        let verdict = judge(&skill, Claim::Text, Some(&recorded(family, case)));
        let expected = if fits {
            Verdict::Fits
        } else {
            Verdict::NotJson(Where::Content)
        };
        assert_eq!(verdict, expected, "{family} {case}");
    }
}

#[test]
fn what_a_request_claims_is_held_against_its_answer_without_any_schema() {
    assert_eq!(claim_of("llama.cpp", "chat_json_plain"), Claim::Json);
    assert_eq!(claim_of("llama.cpp", "chat_plain"), Claim::Text);
    let said = recorded("llama.cpp", "chat_plain");
    assert_eq!(judge(&any(), Claim::Text, Some(&said)), Verdict::Fits);
    assert_eq!(
        judge(&any(), Claim::Json, Some(&said)),
        Verdict::NotJson(Where::Content)
    );
}

#[test]
fn two_choices_are_told_apart() {
    let said = recorded("llama.cpp", "chat_two_choices_stream");
    assert_eq!(said.turns.len(), 2);
    assert!(said.turns.iter().all(|turn| !turn.text.is_empty()));
}

#[test]
fn a_real_tool_call_that_was_cut_is_no_json() {
    let said = recorded("vllm", "chat_tool_stream");
    let call = &said.turns[0].calls[0];
    assert_eq!(call.name, "switch");
    assert!(call.arguments.starts_with("50."), "{}", call.arguments);
    let verdict = judge(&any(), Claim::Text, Some(&said));
    assert_eq!(verdict, Verdict::NotJson(Where::Arguments(None)));
    let listed = manifest("tools: [look_up]\n");
    let verdict = judge(&listed, Claim::Text, Some(&said));
    assert_eq!(told(&verdict), "arguments of none: : tools");
}

#[test]
fn every_recorded_answer_can_be_listened_to() {
    let mut count = 0;
    for one in recorded::all() {
        let Some(form) = form(&one.target) else {
            continue;
        };
        let (head, body) = body(&one);
        let said = heard(form, &head, &body);
        let _ = judge(&any(), Claim::Json, said.as_ref());
        count += 1;
    }
    assert!(count >= 40, "only {count}");
}

/// A verdict in a line.
fn told(verdict: &Verdict) -> String {
    let place = |at: &Where| match at {
        Where::Content => "content".to_string(),
        Where::Arguments(None) => "arguments of none".to_string(),
        Where::Arguments(Some(name)) => format!("arguments of {name}"),
    };
    match verdict {
        Verdict::Fits => "fits".to_string(),
        Verdict::Breaks { at, violation } => format!("{}: {violation}", place(at)),
        Verdict::NotJson(at) => format!("{} not JSON", place(at)),
    }
}

fn chat(message: Value) -> Answer {
    let mut listener = Listener::new(Form::Chat);
    listener.plain(
        json!({"choices": [{"index": 0, "message": message}]})
            .to_string()
            .as_bytes(),
    );
    listener.finish().unwrap()
}

fn calling(name: &str, arguments: &str) -> Value {
    json!({"content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}]})
}

const MAIL: &str = "\
tools: [send, look]
response:
  content: {type: object, required: [ok]}
  tools: {send: {type: object, required: [to], properties: {to: {type: string, maxLength: 3}}}}
";

#[test]
fn content_and_arguments_are_held_against_their_own_schemas() {
    let mail = manifest(MAIL);
    for (message, claim, expected) in [
        (json!({"content": "{\"ok\": 1}"}), Claim::Text, "fits"),
        (json!({"content": " \n{\"ok\": 1} "}), Claim::Object, "fits"),
        (
            json!({"content": "{}"}),
            Claim::Text,
            "content: /ok: required",
        ),
        (json!({"content": "[1]"}), Claim::Object, "content: : type"),
        (json!({"content": "[1]"}), Claim::Json, "content: : type"),
        (
            json!({"content": "```json\n{\"ok\": 1}\n```"}),
            Claim::Text,
            "content not JSON",
        ),
        (
            json!({"content": "{\"ok\": 1} and more"}),
            Claim::Text,
            "content not JSON",
        ),
        (json!({"content": ""}), Claim::Text, "content not JSON"),
        (json!({"content": null}), Claim::Text, "content not JSON"),
        (
            json!({"content": "{\"ok\": 1, \"ok\": 2}"}),
            Claim::Text,
            "content: : repeated_key",
        ),
        (
            json!({"content": [{"type": "text", "text": "{\"ok\""}, {"type": "text", "text": ": 1}"}]}),
            Claim::Text,
            "fits",
        ),
        (
            json!({"content": null, "refusal": "I won't."}),
            Claim::Text,
            "fits",
        ),
        (calling("send", "{\"to\": \"a\"}"), Claim::Object, "fits"),
        (
            calling("send", "{\"to\": \"abcd\"}"),
            Claim::Text,
            "arguments of send: /to: maxLength",
        ),
        (
            calling("send", "{}"),
            Claim::Text,
            "arguments of send: /to: required",
        ),
        (
            calling("send", ""),
            Claim::Text,
            "arguments of send not JSON",
        ),
        (
            calling("send", "[]"),
            Claim::Text,
            "arguments of send: : type",
        ),
        (calling("look", "{\"any\": 1}"), Claim::Text, "fits"),
        (
            calling("look", "1"),
            Claim::Text,
            "arguments of look: : type",
        ),
        (
            calling("rm", "{}"),
            Claim::Text,
            "arguments of none: : tools",
        ),
        (
            json!({"function_call": {"name": "send", "arguments": "{}"}}),
            Claim::Text,
            "arguments of send: /to: required",
        ),
        (
            json!({"content": "I call.", "tool_calls": [{"function": {"name": "send", "arguments": {"to": "a"}}}]}),
            Claim::Text,
            "fits",
        ),
    ] {
        assert_eq!(
            told(&judge(&mail, claim, Some(&chat(message.clone())))),
            expected,
            "{message}"
        );
    }
}

#[test]
fn an_answer_without_any_choice_is_no_json() {
    let mail = manifest(MAIL);
    let nothing = Answer::default();
    assert_eq!(
        told(&judge(&mail, Claim::Text, Some(&nothing))),
        "content not JSON"
    );
    assert_eq!(told(&judge(&mail, Claim::Text, None)), "content not JSON");
    assert_eq!(told(&judge(&any(), Claim::Text, None)), "fits");
}

#[test]
fn calls_in_pieces_are_put_together_by_their_place_and_id() {
    let mut listener = Listener::new(Form::Chat);
    let piece = |piece: Value| {
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}).to_string()
    };
    for one in [
        json!({"index": 0, "id": "a", "function": {"name": "send", "arguments": ""}}),
        json!({"index": 1, "id": "b", "function": {"name": "look", "arguments": "{"}}),
        json!({"index": 0, "function": {"arguments": "{\"to\":"}}),
        json!({"index": 1, "function": {"arguments": "}"}}),
        json!({"index": 0, "function": {"arguments": "\"a\"}"}}),
        // Whole, to a place that is taken already, as servers do that don't count.
        json!({"index": 0, "id": "c", "function": {"name": "look", "arguments": "{\"n\": 1}"}}),
    ] {
        listener.event(piece(one).as_bytes());
    }
    listener.event(b"[DONE]");
    let said = listener.finish().unwrap();
    let calls: Vec<(&str, &str)> = said.turns[0]
        .calls
        .iter()
        .map(|call| (call.name.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(
        calls,
        [
            ("send", "{\"to\":\"a\"}"),
            ("look", "{}"),
            ("look", "{\"n\": 1}")
        ]
    );
}

#[test]
fn messages_have_their_calls_in_blocks() {
    let mail = manifest(MAIL);
    let mut plain = Listener::new(Form::Messages);
    let block = json!({"type": "tool_use", "id": "t1", "name": "send", "input": {"to": "abcd"}});
    plain.plain(
        json!({"content": [{"type": "text", "text": "I send."}, block]})
            .to_string()
            .as_bytes(),
    );
    let said = plain.finish().unwrap();
    assert_eq!(
        told(&judge(&mail, Claim::Text, Some(&said))),
        "arguments of send: /to: maxLength"
    );

    let mut stream = Listener::new(Form::Messages);
    for event in [
        json!({"type": "message_start", "message": {"content": []}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t1", "name": "send", "input": {}}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{\"to\": "}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "\"a\"}"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t2", "name": "look", "input": {}}}),
        json!({"type": "content_block_delta", "index": 7, "delta": {"type": "text_delta", "text": "nowhere"}}),
        json!({"type": "message_stop"}),
    ] {
        stream.event(event.to_string().as_bytes());
    }
    let said = stream.finish().unwrap();
    assert_eq!(said.turns[0].calls.len(), 2);
    assert_eq!(said.turns[0].calls[1].arguments, "{}");
    assert_eq!(told(&judge(&mail, Claim::Text, Some(&said))), "fits");
}

#[test]
fn responses_have_items_and_the_last_event_holds_all_of_them() {
    let mail = manifest(MAIL);
    let call = json!({"type": "function_call", "call_id": "c", "name": "send", "arguments": "{}"});
    let message =
        json!({"type": "message", "content": [{"type": "output_text", "text": "{\"ok\": 1}"}]});
    let remark = json!({"type": "message", "phase": "commentary", "content": [{"type": "output_text", "text": "Well."}]});
    let said = |output: Value| {
        let mut listener = Listener::new(Form::Responses);
        listener.plain(json!({ "output": output }).to_string().as_bytes());
        told(&judge(&mail, Claim::Text, listener.finish().as_ref()))
    };
    assert_eq!(said(json!([remark, message])), "fits");
    assert_eq!(
        said(json!([message, call])),
        "arguments of send: /to: required"
    );
    assert_eq!(
        said(json!([{"type": "custom_tool_call", "name": "look", "input": "anything"}])),
        "fits"
    );
    assert_eq!(
        said(json!([{"type": "custom_tool_call", "name": "rm", "input": "-rf"}])),
        "arguments of none: : tools"
    );
    assert_eq!(
        said(json!([{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}])),
        "fits"
    );
    let mut stream = Listener::new(Form::Responses);
    stream.event(
        json!({"type": "response.output_item.done", "item": message})
            .to_string()
            .as_bytes(),
    );
    stream.event(
        json!({"type": "response.completed", "response": {"output": []}})
            .to_string()
            .as_bytes(),
    );
    assert_eq!(
        told(&judge(&mail, Claim::Text, stream.finish().as_ref())),
        "fits"
    );
}

#[test]
fn an_answer_that_is_more_than_any_is_not_kept() {
    let mut listener = Listener::new(Form::Chat);
    let event =
        json!({"choices": [{"index": 0, "delta": {"content": "x".repeat(1 << 20)}}]}).to_string();
    for _ in 0..9 {
        listener.event(event.as_bytes());
    }
    assert_eq!(listener.finish(), None);
    let mut hostile = Listener::new(Form::Chat);
    for index in [u64::MAX, 1 << 40, 200] {
        hostile.event(
            json!({"choices": [{"index": index, "delta": {"content": "x"}}]})
                .to_string()
                .as_bytes(),
        );
        let call = json!({"index": index.saturating_mul(10), "function": {"name": "send", "arguments": ""}});
        hostile.event(
            json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
                .to_string()
                .as_bytes(),
        );
    }
    assert_eq!(hostile.finish(), None, "what isn't kept isn't passed over");
}

#[test]
fn only_without_chance_a_second_try_is_in_vain() {
    assert!(would_repeat(Some(0.0), Some(1)));
    assert!(would_repeat(Some(-0.0), Some(0)));
    for (temperature, seed) in [
        (Some(0.0), None),
        (None, Some(1)),
        (Some(0.1), Some(1)),
        (Some(0.0), Some(-1)),
        (Some(0.0), Some(4_294_967_295)),
    ] {
        assert!(!would_repeat(temperature, seed), "{temperature:?} {seed:?}");
    }
}

proptest! {
    #[test]
    fn a_text_in_any_pieces_is_the_same_text(text in "[a-z{}\":,é]{0,40}", cuts in prop::collection::vec(0usize..40, 0..6)) {
        let letters: Vec<char> = text.chars().collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(letters.len())).collect();
        cuts.extend([0, letters.len()]);
        cuts.sort_unstable();
        let mut stream = Listener::new(Form::Chat);
        for pair in cuts.windows(2) {
            let piece: String = letters[pair[0]..pair[1]].iter().collect();
            stream.event(json!({"choices": [{"index": 0, "delta": {"content": piece}}]}).to_string().as_bytes());
        }
        let said = stream.finish().unwrap();
        prop_assert_eq!(&said.turns[0].text, &text);
        prop_assert_eq!(judge(&manifest(MAIL), Claim::Text, Some(&said)), judge(&manifest(MAIL), Claim::Text, Some(&chat(json!({"content": text})))));
    }

    #[test]
    fn no_events_break_the_listener(events in prop::collection::vec(crate::json::sample::value(), 0..6)) {
        for form in [Form::Chat, Form::Completions, Form::Responses, Form::Messages] {
            let mut listener = Listener::new(form);
            for event in &events {
                listener.event(event.as_bytes());
            }
            listener.plain(events.first().map_or(b"", |event| event.as_bytes()));
            let _ = judge(&manifest(MAIL), Claim::Json, listener.finish().as_ref());
        }
    }
}

#[test]
fn what_is_too_much_to_be_kept_is_not_passed_over() {
    let call = |index: u64| json!({"index": index, "id": index.to_string(), "function": {"name": "rm", "arguments": "{}"}});
    let calls: Vec<Value> = (0..1025).map(call).collect();
    let choice = |index: u64| json!({"index": index, "message": {"content": "{}"}});
    let choices: Vec<Value> = (0..129).map(choice).collect();
    let blocks = vec![json!({"type": "text", "text": "a"}); 4097];
    for (form, body) in [
        (
            Form::Chat,
            json!({"choices": [{"message": {"tool_calls": calls}}]}),
        ),
        (
            Form::Chat,
            json!({"choices": [{"message": {"tool_calls": [call(5000)]}}]}),
        ),
        (Form::Chat, json!({ "choices": choices })),
        (Form::Messages, json!({ "content": blocks })),
    ] {
        let mut listener = Listener::new(form);
        listener.plain(body.to_string().as_bytes());
        assert_eq!(listener.finish(), None, "{form:?}");
    }
}
