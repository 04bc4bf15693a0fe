use super::*;

fn api(api: Api) -> Endpoint {
    Endpoint::Api { api, query: None }
}

fn get(target: &str) -> Endpoint {
    match_target("GET", target.as_bytes())
}

fn post(target: &str) -> Endpoint {
    match_target("POST", target.as_bytes())
}

#[test]
fn every_api_is_at_its_path() {
    for (path, expected) in [
        ("/v1/chat/completions", Api::Chat),
        ("/v1/completions", Api::Completions),
        ("/v1/responses", Api::Responses),
        ("/v1/messages", Api::Messages),
        ("/v1/messages/count_tokens", Api::CountTokens),
        ("/v1/embeddings", Api::Embeddings),
        ("/v1/rerank", Api::Rerank),
        ("/v1/score", Api::Score),
    ] {
        assert_eq!(post(path), api(expected));
        assert_eq!(post(&format!("{path}?api-version=1&beta=1")), api(expected));
        assert_eq!(get(path), Endpoint::MethodNotAllowed { allow: "POST" });
        assert_eq!(
            match_target("OPTIONS", path.as_bytes()),
            Endpoint::Preflight
        );
    }
}

#[test]
fn a_path_that_is_not_written_exactly_so_is_not_found() {
    for path in [
        "/",
        "/v1",
        "/v1/",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/v1/./chat/completions",
        "/v1/x/../chat/completions",
        "/v1/chat%2fcompletions",
        "/v1/%63hat/completions",
        "/V1/chat/completions",
        "/v1/Chat/completions",
        "/chat/completions",
        "/v2/chat/completions",
        "/v1/chat/completions#",
        "/v1/chat/completions;x",
        "/v1/chat",
        "/v1/audio/speech",
        "/v1/models/",
        "/v1/modelsx",
        "/v1/chat/completions ",
        "/v1/chat/completions\0",
    ] {
        assert_eq!(post(path), Endpoint::NotFound, "{path}");
        assert_eq!(
            match_target("OPTIONS", path.as_bytes()),
            Endpoint::NotFound,
            "{path}"
        );
    }
    assert_eq!(match_target("POST", b"/v1/\xff"), Endpoint::NotFound);
}

#[test]
fn a_target_that_is_no_path_is_told_apart() {
    for target in [
        "",
        "*",
        "http://127.0.0.1/v1/models",
        "127.0.0.1:443",
        "v1/models",
        "?x",
        "\\v1\\models",
    ] {
        assert_eq!(get(target), Endpoint::NotOrigin, "{target}");
    }
}

#[test]
fn models_are_listed_and_looked_up_by_decoded_name() {
    assert_eq!(get("/v1/models"), Endpoint::Models);
    assert_eq!(get("/v1/models?limit=20"), Endpoint::Models);
    for (target, id) in [
        ("/v1/models/gpt-4", "gpt-4"),
        ("/v1/models/Qwen/Qwen3-32B", "Qwen/Qwen3-32B"),
        ("/v1/models/Qwen%2FQwen3-32B?x", "Qwen/Qwen3-32B"),
        ("/v1/models/caf%C3%a9+1", "café+1"),
        ("/v1/models/a%252f", "a%2f"),
        ("/v1/models/../x", "../x"),
    ] {
        assert_eq!(get(target), Endpoint::Model(id.to_owned()), "{target}");
        assert_eq!(post(target), Endpoint::MethodNotAllowed { allow: "GET" });
    }
    for target in [
        "/v1/models/%",
        "/v1/models/%4",
        "/v1/models/%4g",
        "/v1/models/%ff",
        "/v1/models/?x",
        "/v1/models/%+1",
    ] {
        assert_eq!(get(target), Endpoint::NotFound, "{target}");
    }
}

#[test]
fn beta_goes_on_to_messages_only() {
    for (path, query) in [
        ("/v1/messages?beta=true", Some("beta=true")),
        ("/v1/messages/count_tokens?x=1&beta=true", Some("beta=true")),
        ("/v1/messages?beta=true&key=secret", Some("beta=true")),
        ("/v1/messages?beta=true1", None),
        ("/v1/messages?Beta=true", None),
        ("/v1/messages?beta%3Dtrue", None),
        ("/v1/messages?", None),
        ("/v1/responses?beta=true", None),
    ] {
        let Endpoint::Api { query: passing, .. } = post(path) else {
            panic!("{path} is no API")
        };
        assert_eq!(passing, query, "{path}");
    }
}

#[test]
fn methods_are_compared_as_written() {
    for method in ["get", "HEAD", "PUT", "DELETE", "TRACE", ""] {
        assert_eq!(
            match_target(method, b"/v1/models"),
            Endpoint::MethodNotAllowed { allow: "GET" }
        );
        assert_eq!(
            match_target(method, b"/v1/score"),
            Endpoint::MethodNotAllowed { allow: "POST" }
        );
        assert_eq!(match_target(method, b"/nowhere"), Endpoint::NotFound);
    }
}
