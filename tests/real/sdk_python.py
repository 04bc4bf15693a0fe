#!/usr/bin/env python3
"""The openai and anthropic SDKs against a gateway, with the SDKs' own defaults, retries included.

    sdk_python.py BASE_URL TOKEN MODEL [--direct BASE_URL] [--embeddings MODEL] [--dead MODEL] [--limit TOKENS]

One JSON line a check: {"check", "ok", "detail"}; exit 1 when one failed. `detail.requests` lists what the SDK
sent under the check's own correlation id, `python-<check>`, so that the access log can be held against it.
BASE_URL ends in /v1. With --direct the same questions go straight to the server, and the answers must be equal.
With --server, BASE_URL is a bare llama.cpp server and the checks of what only a gateway does are left out.
"""

import json
import threading
from types import SimpleNamespace

import anthropic
import openai

from sdk_stage import Stage, check, expect, expect_equal, expect_refusal, run_all

HELLO = [{"role": "user", "content": "hello"}]
SAME = {"temperature": 0, "seed": 7, "extra_body": {"cache_prompt": False}}
SCHEMA = {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]}
LONG = [{"role": "user", "content": "hello world " * 3000}]


def ask_chat(client: openai.OpenAI, model: str, tokens: int = 24, **more):
    return client.chat.completions.create(model=model, messages=HELLO, max_tokens=tokens, **SAME, **more)


def read_chat_stream(stream) -> SimpleNamespace:
    seen = SimpleNamespace(text="", usages=[], finish=[], ids=set(), chunks=0)
    for chunk in stream:
        seen.chunks += 1
        seen.ids.add(chunk.id)
        if chunk.usage:
            seen.usages.append(chunk.usage)
        for choice in chunk.choices:
            seen.text += choice.delta.content or ""
            seen.finish += [choice.finish_reason] if choice.finish_reason else []
    return seen


@check()
def chat(stage: Stage) -> None:
    answer = ask_chat(stage.openai_client(), stage.model)
    stage.count(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    expect_equal(answer.choices[0].finish_reason, "length", "finish reason")
    expect_equal(answer.usage.completion_tokens, 24, "completion tokens")
    if stage.wanted.direct:
        direct = ask_chat(stage.direct_client(), "tiny")
        expect_equal(answer.choices[0].message.content, direct.choices[0].message.content, "content")
        expect_equal(answer.usage, direct.usage, "usage")


@check()
def chat_stream(stage: Stage) -> None:
    """No usage was asked for: none may come, though the gateway itself needs it."""
    seen = read_chat_stream(ask_chat(stage.openai_client(), stage.model, stream=True))
    expect_equal(seen.finish, ["length"], "finish reasons")
    expect_equal(seen.usages, [], "usage that nobody asked for")
    expect_equal(len(seen.ids), 1, "ids in one stream")
    if stage.wanted.direct:
        direct = read_chat_stream(ask_chat(stage.direct_client(), "tiny", stream=True))
        expect_equal((seen.text, seen.chunks), (direct.text, direct.chunks), "content and number of chunks")


@check()
def chat_stream_with_usage(stage: Stage) -> None:
    more = {"stream": True, "stream_options": {"include_usage": True}}
    seen = read_chat_stream(ask_chat(stage.openai_client(), stage.model, tokens=60, **more))
    expect_equal(len(seen.usages), 1, "usage chunks")
    usage = seen.usages[0]
    stage.count(usage.prompt_tokens, usage.completion_tokens)
    expect_equal(usage.completion_tokens, 60, "completion tokens")
    if stage.wanted.direct:
        direct = read_chat_stream(ask_chat(stage.direct_client(), "tiny", tokens=60, **more))
        expect_equal((seen.text, seen.usages), (direct.text, direct.usages), "content and usage")


@check()
def chat_in_json(stage: Stage) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "switch", "schema": SCHEMA}}
    answer = ask_chat(stage.openai_client(), stage.model, tokens=60, response_format=wanted)
    stage.count(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    expect_equal(answer.choices[0].finish_reason, "stop", "finish reason")
    expect("on" in json.loads(answer.choices[0].message.content), "the answer has no `on`")


@check(only_gateway=True, needs="limit")
def chat_over_the_limit(stage: Stage) -> None:
    answer = ask_chat(stage.openai_client(), stage.model, tokens=100 * stage.wanted.limit)
    stage.count(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    expect_equal(answer.usage.completion_tokens, stage.wanted.limit, "completion tokens")


@check()
def chat_streams_side_by_side(stage: Stage) -> None:
    """Eight at once: each has one id of its own, and all its tokens."""
    client, results = stage.openai_client(), []

    def ask() -> None:
        more = {"stream": True, "stream_options": {"include_usage": True}}
        results.append(read_chat_stream(ask_chat(client, stage.model, tokens=40, **more)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    expect_equal(len(set.union(*[seen.ids for seen in results])), 8, "different ids")
    tokens = [usage.completion_tokens for seen in results for usage in seen.usages]
    expect_equal(tokens, [40] * 8, "completion tokens")


@check()
def completions(stage: Stage) -> None:
    asked = {"prompt": "hello", "max_tokens": 24, **SAME}
    answer = stage.openai_client().completions.create(model=stage.model, **asked)
    stage.count(answer.usage.prompt_tokens, answer.usage.completion_tokens)
    if stage.wanted.direct:
        direct = stage.direct_client().completions.create(model="tiny", **asked)
        expect_equal((answer.choices[0].text, answer.usage), (direct.choices[0].text, direct.usage), "answer")


@check()
def completions_stream(stage: Stage) -> None:
    asked = {"prompt": "hello", "max_tokens": 24, "stream": True, **SAME}
    chunks = stage.openai_client().completions.create(model=stage.model, **asked)
    text = "".join(chunk.choices[0].text for chunk in chunks)
    expect(len(text) > 24, f"only {text!r}")
    if stage.wanted.direct:
        direct = stage.direct_client().completions.create(model="tiny", **asked)
        expect_equal(text, "".join(chunk.choices[0].text for chunk in direct), "content")


@check()
def responses(stage: Stage) -> None:
    answer = stage.openai_client().responses.create(model=stage.model, input="hello", max_output_tokens=24)
    stage.count(answer.usage.input_tokens, answer.usage.output_tokens)
    expect_equal(answer.usage.output_tokens, 24, "output tokens")
    expect(bool(answer.output_text), "no text")


@check()
def responses_stream(stage: Stage) -> None:
    asked = {"input": "hello", "max_output_tokens": 24, "stream": True}
    events = list(stage.openai_client().responses.create(model=stage.model, **asked))
    expect_equal(events[-1].type, "response.completed", "last event")
    usage = events[-1].response.usage
    stage.count(usage.input_tokens, usage.output_tokens)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    expect_equal(text, events[-1].response.output_text, "deltas and the whole text")


@check(needs="embeddings")
def embeddings(stage: Stage) -> None:
    asked = {"input": ["hello", "good bye"]}
    answer = stage.openai_client().embeddings.create(model=stage.wanted.embeddings, **asked)
    expect_equal([len(item.embedding) for item in answer.data], [128, 128], "dimensions")
    if stage.wanted.direct:
        direct = stage.direct_client().embeddings.create(model="tiny", **asked)
        close = zip(answer.data[0].embedding, direct.data[0].embedding)
        expect(all(abs(one - other) < 1e-5 for one, other in close), "the vectors differ")


@check(only_gateway=True)
def embeddings_of_a_chat_model(stage: Stage) -> None:
    """llama.cpp refuses with 501; what arrives is a typed failure of the upstream, sent once."""
    client = stage.openai_client()
    ask = lambda: client.embeddings.create(model=stage.model, input="hello")  # noqa: E731
    expect_refusal(stage, openai.InternalServerError, "upstream_error", 502, ask)


@check(only_gateway=True)
def models(stage: Stage) -> None:
    ids = [model.id for model in stage.openai_client().models.list()]
    expect(stage.model in ids, f"{stage.model} isn't among {ids}")


@check(only_gateway=True)
def models_one(stage: Stage) -> None:
    expect_equal(stage.openai_client().models.retrieve(stage.model).id, stage.model, "id")


@check()
def messages(stage: Stage) -> None:
    answer = stage.anthropic_client().messages.create(model=stage.model, messages=HELLO, max_tokens=24)
    expect_equal((answer.stop_reason, answer.usage.output_tokens), ("max_tokens", 24), "end")
    expect(bool(answer.content[0].text), "no text")


@check()
def messages_by_bearer(stage: Stage) -> None:
    client = stage.anthropic_client(auth_token=stage.wanted.token)
    answer = client.messages.create(model=stage.model, messages=HELLO, max_tokens=8)
    expect_equal(answer.usage.output_tokens, 8, "output tokens")


@check()
def messages_stream(stage: Stage) -> None:
    with stage.anthropic_client().messages.stream(model=stage.model, messages=HELLO, max_tokens=24) as stream:
        kinds = [event.type for event in stream]
        text = stream.get_final_text()
        usage = stream.get_final_message().usage
    expect_equal((kinds[0], kinds[-1]), ("message_start", "message_stop"), "first and last event")
    expect(bool(text) and usage.output_tokens == 24, f"{text!r}, {usage}")


@check()
def messages_count_tokens(stage: Stage) -> None:
    counted = stage.anthropic_client().messages.count_tokens(model=stage.model, messages=HELLO)
    expect(counted.input_tokens > 0, "no tokens")


@check(only_gateway=True)
def wrong_token(stage: Stage) -> None:
    ask = lambda: ask_chat(stage.openai_client("sk-wrong-0123456789-0123456789"), stage.model)  # noqa: E731
    expect_refusal(stage, openai.AuthenticationError, "invalid_token", 401, ask)


@check(only_gateway=True)
def wrong_token_on_messages(stage: Stage) -> None:
    try:
        stage.anthropic_client(api_key="sk-wrong-0123456789-0123456789").messages.create(
            model=stage.model, messages=HELLO, max_tokens=8
        )
    except anthropic.AuthenticationError as problem:
        expect_equal((problem.body["type"], problem.body["error"]["code"]), ("error", "invalid_token"), "shape")
        expect_equal([sent["retry"] for sent in stage.sent], ["0"], "retries of the SDK")
    else:
        raise AssertionError("it was answered")


@check(only_gateway=True)
def unknown_model(stage: Stage) -> None:
    ask = lambda: ask_chat(stage.openai_client(), "nobody-has-this")  # noqa: E731
    expect_refusal(stage, openai.NotFoundError, "unknown_model", 404, ask)


@check(only_gateway=True)
def context_overflow(stage: Stage) -> None:
    client = stage.openai_client()
    ask = lambda: client.chat.completions.create(model=stage.model, messages=LONG, max_tokens=8)  # noqa: E731
    refused = expect_refusal(stage, openai.BadRequestError, "context_length_exceeded", 400, ask)
    beginning = "This model's maximum context length was exceeded"
    expect(refused.body["message"].startswith(beginning), refused.body["message"])


@check(only_gateway=True)
def context_overflow_stream(stage: Stage) -> None:
    client, asked = stage.openai_client(), {"messages": LONG, "max_tokens": 8, "stream": True}
    ask = lambda: client.chat.completions.create(model=stage.model, **asked)  # noqa: E731
    expect_refusal(stage, openai.BadRequestError, "context_length_exceeded", 400, ask)


@check(only_gateway=True, needs="dead")
def dead_upstream(stage: Stage) -> None:
    ask = lambda: ask_chat(stage.openai_client(), stage.wanted.dead)  # noqa: E731
    expect_refusal(stage, openai.InternalServerError, "upstream_unreachable", 502, ask)


@check(only_gateway=True, needs="dead")
def dead_upstream_stream(stage: Stage) -> None:
    ask = lambda: ask_chat(stage.openai_client(), stage.wanted.dead, stream=True)  # noqa: E731
    expect_refusal(stage, openai.InternalServerError, "upstream_unreachable", 502, ask)


if __name__ == "__main__":
    run_all(__doc__.splitlines()[0])
