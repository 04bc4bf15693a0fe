//! What the judgement of an upstream makes of what was heard: no sockets.

use serde_json::{json, Value};

use super::super::Severity;
use super::*;
use crate::clock;
use crate::config::Environment;
use crate::recorded;

fn config(family: &str, more: &str) -> Config {
    let yaml = format!(
        "upstreams: {{a: {{url: 'http://127.0.0.1:1/v1', family: {family}}}}}\n\
         routes: {{chat: {{alias: [m], targets: [{{upstream: a, model: tiny{more}}}]}}}}\n"
    );
    let environment = Environment::from_pairs([("HOME", "/home/us")]);
    config::load_text("test", &yaml, &environment)
        .unwrap()
        .config
}

fn answer(status: u16, server: Option<&str>, json: Value) -> Answer {
    Answer {
        status,
        server: server.map(str::to_owned),
        date: None,
        heard_at: clock::wall(),
        is_html: false,
        json: Some(json),
    }
}

fn list(owner: &str) -> Answer {
    answer(
        200,
        None,
        json!({"data": [{"id": "tiny", "owned_by": owner}]}),
    )
}

fn visit(config: &Config, models: Heard, own: Option<Answer>) -> Visit {
    Visit {
        upstream: config.upstreams[0].clone(),
        models,
        own: own.map(Heard::Answer),
        others: Vec::new(),
    }
}

fn found(findings: &[Finding], check: Check) -> &Finding {
    let mut of_it = findings.iter().filter(|finding| finding.check == check);
    of_it
        .next()
        .unwrap_or_else(|| panic!("{check:?} in {findings:?}"))
}

#[test]
fn every_family_is_known_by_what_it_says() {
    let mut asked = 0;
    for (family, models, own) in [
        ("vllm", list("vllm"), None),
        ("llama.cpp", list("llamacpp"), None),
        ("llama.cpp", answer(503, Some("llama.cpp"), json!({})), None),
        ("sglang", list("sglang"), None),
        ("ollama", list("library"), None),
        ("lmstudio", list("organization_owner"), None),
        (
            "mlx",
            answer(200, Some("BaseHTTP/0.6 Python/3.12"), json!({"data": []})),
            None,
        ),
        ("vllm", list("x"), Some(json!({"version": "0.32"}))),
        ("ollama", list("x"), Some(json!({"version": "0.12.6"}))),
        ("llama.cpp", list("x"), Some(json!({"total_slots": 4}))),
        (
            "sglang",
            list("x"),
            Some(json!({"model_path": "m", "is_generation": true})),
        ),
        (
            "lmstudio",
            list("x"),
            Some(json!({"data": [{"state": "loaded", "max_context_length": 1}]})),
        ),
    ] {
        let config = config(family, "");
        let own = own.map(|own| answer(200, None, own));
        let visit = visit(&config, Heard::Answer(models), own);
        let Heard::Answer(models) = &visit.models else {
            unreachable!()
        };
        match visit.sign(models) {
            Some(sign) => assert_eq!(sign.family.as_str(), family),
            None => panic!("{family}: {visit:?}"),
        }
        asked += 1;
    }
    assert_eq!(asked, 12);
}

#[test]
fn what_says_nothing_of_itself_is_not_called_wrong() {
    // LM Studio answers any path with 200 and an error.
    let anything = answer(200, None, json!({"error": "Unexpected endpoint"}));
    let config = config("vllm", "");
    let visit = visit(&config, Heard::Answer(list("upstream")), Some(anything));
    let findings = judge(&config, &visit, None);
    assert_eq!(
        found(&findings, Check::UpstreamFamily).severity,
        Severity::Ok
    );
}

#[test]
fn another_family_than_the_configured_one_is_a_warning_with_the_edit() {
    let config = config("vllm", "");
    let findings = judge(
        &config,
        &visit(&config, Heard::Answer(list("llamacpp")), None),
        None,
    );
    let family = found(&findings, Check::UpstreamFamily);
    assert_eq!(family.severity, Severity::Warning);
    assert_eq!(
        family.remedy.as_deref(),
        Some("set upstreams.a.family: llama.cpp")
    );
    assert_eq!(family.subject.as_deref(), Some("a"));
}

#[test]
fn a_model_that_is_not_listed_fails_and_the_listed_ones_are_named() {
    let config = config("vllm", "");
    let models = answer(
        200,
        None,
        json!({"data": [{"id": "big"}, {"id": "we<ird\n"}]}),
    );
    let findings = judge(&config, &visit(&config, Heard::Answer(models), None), None);
    let missing = found(&findings, Check::UpstreamModels);
    assert_eq!(missing.severity, Severity::Failure);
    assert_eq!(
        missing.evidence,
        "route chat asks for tiny, and it has big, we?ird?"
    );
}

#[test]
fn names_that_mean_the_same_model_are_there() {
    for models in [
        json!({"data": [{"id": "tiny:latest"}]}),
        json!({"data": [{"id": "x", "aliases": ["tiny"]}]}),
    ] {
        let config = config("ollama", "");
        let models = answer(200, None, models);
        let findings = judge(&config, &visit(&config, Heard::Answer(models), None), None);
        assert_eq!(
            found(&findings, Check::UpstreamModels).severity,
            Severity::Ok
        );
    }
}

#[test]
fn a_context_above_the_servers_is_a_warning_whoever_tells_it() {
    let lmstudio = json!({"data": [{"id": "tiny", "state": "loaded", "max_context_length": 9000,
                                    "loaded_context_length": 512}]});
    for (family, models, own) in [
        (
            "vllm",
            json!({"data": [{"id": "tiny", "max_model_len": 512}]}),
            None,
        ),
        (
            "llama.cpp",
            json!({"data": [{"id": "tiny", "meta": {"n_ctx": 512}}]}),
            None,
        ),
        (
            "llama.cpp",
            json!({"data": [{"id": "tiny"}]}),
            Some(json!({"default_generation_settings": {"n_ctx": 512}})),
        ),
        (
            "lmstudio",
            json!({"data": [{"id": "tiny"}]}),
            Some(lmstudio),
        ),
    ] {
        for (context, severity) in [(512, Severity::Ok), (513, Severity::Warning)] {
            let config = config(family, &format!(", context: {context}"));
            let own = own.clone().map(|own| answer(200, None, own));
            let models = Heard::Answer(answer(200, None, models.clone()));
            let findings = judge(&config, &visit(&config, models, own), None);
            let finding = found(&findings, Check::UpstreamContext);
            assert_eq!(finding.severity, severity, "{family}: {finding:?}");
        }
    }
}

#[test]
fn the_real_servers_lists_are_understood() {
    let mut read = 0;
    for family in ["llama.cpp", "vllm"] {
        let mut all = recorded::all().into_iter();
        let models = all.find(|one| one.family == family && one.case == "models");
        let models = models.unwrap().answer;
        let body = memchr::memmem::find(&models, b"\r\n\r\n").unwrap() + 4;
        let models = answer(200, None, serde_json::from_slice(&models[body..]).unwrap());
        let config = config(family, ", context: 600");
        let findings = judge(&config, &visit(&config, Heard::Answer(models), None), None);
        assert_eq!(
            found(&findings, Check::UpstreamModels).severity,
            Severity::Ok
        );
        let context = found(&findings, Check::UpstreamContext);
        assert!(context.evidence.contains("takes 512"), "{context:?}");
        let family_found = found(&findings, Check::UpstreamFamily);
        assert!(
            family_found.evidence.contains("owned by"),
            "{family_found:?}"
        );
        read += 1;
    }
    assert_eq!(read, 2);
}

#[test]
fn a_refused_key_fails_also_where_the_list_is_for_everybody() {
    let config = config("llama.cpp", "");
    let refused = answer(401, Some("llama.cpp"), json!({}));
    let findings = judge(
        &config,
        &visit(&config, Heard::Answer(list("llamacpp")), Some(refused)),
        None,
    );
    let key = found(&findings, Check::UpstreamKey);
    assert_eq!(key.severity, Severity::Failure);
    assert_eq!(key.remedy.as_deref(), Some("set upstreams.a.key_file"));
}

#[test]
fn a_tunnel_is_named_whether_or_not_its_other_end_is_there() {
    let ssh = Owner {
        pid: 7,
        name: "ssh".to_owned(),
    };
    let config = config("vllm", "");
    let dead = judge(
        &config,
        &visit(&config, Heard::Nothing(Quiet::Closed), None),
        Some(&ssh),
    );
    assert_eq!(dead[0].check, Check::UpstreamStranger);
    assert_eq!(dead[0].severity, Severity::Failure);
    assert!(
        dead[0]
            .evidence
            .contains("ssh (pid 7) listens there: the other end"),
        "{dead:?}"
    );

    let live = judge(
        &config,
        &visit(&config, Heard::Answer(list("vllm")), None),
        Some(&ssh),
    );
    let stranger = found(&live, Check::UpstreamStranger);
    assert_eq!(stranger.severity, Severity::Warning);
    assert!(
        stranger.evidence.contains("through a tunnel"),
        "{stranger:?}"
    );
}

#[test]
fn a_clock_that_is_off_is_found_either_way() {
    let mut models = list("vllm");
    for (seconds, severity) in [
        (0, Severity::Ok),
        (29, Severity::Ok),
        (31, Severity::Warning),
    ] {
        models.date = Some(models.heard_at + Duration::from_secs(seconds));
        assert_eq!(clock(&models).unwrap().severity, severity);
        models.date = Some(models.heard_at - Duration::from_secs(seconds));
        assert_eq!(clock(&models).unwrap().severity, severity);
    }
    models.date = None;
    assert_eq!(clock(&models), None);
}
