"""The requests that `record.py` puts to a real server, as `(name, method, path, body)`.

Each stands for one row of what the gateway must recognise: an end of stream, a shape of error, a place
for the usage. The server's context is `CONTEXT` tokens, so that an overflow is a small fixture.
"""

import json

CONTEXT = 512
KEY = "sk-recorded"
HELLO = [{"role": "user", "content": "hello"}]
LONG = [{"role": "user", "content": "hello world " * 600}]
SWITCH = {
    "type": "object",
    "properties": {"on": {"type": "boolean"}},
    "required": ["on"],
    "additionalProperties": False,
}
ANSWER_SCHEMA = {"type": "json_schema", "json_schema": {"name": "switch", "schema": SWITCH}}
TOOL = {"type": "function", "function": {"name": "switch", "description": "the light", "parameters": SWITCH}}


def cases(model: str, other_model: str = "nobody-has-this") -> list[tuple[str, str, str, bytes | None]]:
    usage = {"stream_options": {"include_usage": True}}
    chat = {"model": model, "messages": HELLO, "max_tokens": 5, "temperature": 0, "seed": 1}
    text = {"model": model, "prompt": "hello", "max_tokens": 5, "temperature": 0, "seed": 1}
    answer = {"model": model, "input": "hello", "max_output_tokens": 5, "temperature": 0}
    message = {"model": model, "messages": HELLO, "max_tokens": 5, "temperature": 0}
    schema = {**chat, "max_tokens": 64, "response_format": ANSWER_SCHEMA}
    stream = {"stream": True}
    return [
        post("chat_plain", "chat/completions", chat),
        post("chat_stream", "chat/completions", {**chat, **stream}),
        post("chat_stream_usage", "chat/completions", {**chat, **stream, **usage}),
        post("chat_two_choices_stream", "chat/completions", {**chat, **stream, **usage, "n": 2}),
        post("chat_json_plain", "chat/completions", schema),
        post("chat_json_stream", "chat/completions", {**schema, **stream, **usage}),
        post("chat_until_context_is_full_stream", "chat/completions", without_limit({**chat, **stream, **usage})),
        post("completions_plain", "completions", text),
        post("completions_stream", "completions", {**text, **stream}),
        post("completions_stream_usage", "completions", {**text, **stream, **usage}),
        post("responses_plain", "responses", answer),
        post("responses_stream", "responses", {**answer, **stream}),
        post("messages_plain", "messages", message),
        post("messages_stream", "messages", {**message, **stream}),
        post("messages_count_tokens", "messages/count_tokens", {"model": model, "messages": HELLO}),
        post("embeddings_refused", "embeddings", {"model": model, "input": "hello"}),
        post("rerank_refused", "rerank", {"model": model, "query": "a", "documents": ["b", "c"]}),
        ("models", "GET", "/v1/models", None),
        ("models_one", "GET", f"/v1/models/{model}", None),
        ("health", "GET", "/health", None),
        ("metrics", "GET", "/metrics", None),
        post("unknown_model", "chat/completions", {**chat, "model": other_model}),
        post("context_overflow", "chat/completions", {**chat, "messages": LONG}),
        post("context_overflow_stream", "chat/completions", {**chat, **stream, "messages": LONG}),
        post("context_overflow_completions", "completions", {**text, "prompt": LONG[0]["content"]}),
        post("context_overflow_responses", "responses", {**answer, "input": LONG[0]["content"]}),
        post("context_overflow_messages", "messages", {**message, "messages": LONG}),
        post("limit_over_context", "chat/completions", {**chat, "max_tokens": 100 * CONTEXT}),
        post("bad_json", "chat/completions", b'{"model": "' + model.encode() + b'", "messages": ['),
        post("bad_limit", "chat/completions", {**chat, "max_tokens": "ten"}),
        post("negative_limit", "chat/completions", {**chat, "max_tokens": -5}),
        post("missing_messages", "chat/completions", {"model": model}),
        post("bad_role", "chat/completions", {**chat, "messages": [{"role": 7, "content": "hello"}]}),
        post("unknown_path", "nothing/here", {}),
        ("wrong_method", "GET", "/v1/chat/completions", None),
    ]


def tool_cases(model: str) -> list[tuple[str, str, str, bytes | None]]:
    """A call of the one tool, forced; the family's grammar makes even a random model end it well."""
    chosen = {"type": "function", "function": {"name": "switch"}}
    chat = {"model": model, "messages": HELLO, "max_tokens": 64, "temperature": 0, "seed": 1}
    tool = {**chat, "tools": [TOOL], "tool_choice": chosen}
    return [
        post("chat_tool_plain", "chat/completions", tool),
        post("chat_tool_stream", "chat/completions", {**tool, "stream": True}),
    ]


def embedding_cases(model: str) -> list[tuple[str, str, str, bytes | None]]:
    return [
        post("embeddings", "embeddings", {"model": model, "input": ["hello", "good bye"]}),
        post("embeddings_base64", "embeddings", {"model": model, "input": "hello", "encoding_format": "base64"}),
        post("embeddings_overflow", "embeddings", {"model": model, "input": LONG[0]["content"]}),
        post("chat_by_an_embedder", "chat/completions", {"model": model, "messages": HELLO, "max_tokens": 3}),
    ]


def post(name: str, path: str, body: dict | bytes) -> tuple[str, str, str, bytes]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return name, "POST", f"/v1/{path}", raw


def without_limit(body: dict) -> dict:
    return {name: value for name, value in body.items() if name != "max_tokens"}
