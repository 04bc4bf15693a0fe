"""What the checks of `sdk_python.py` stand on: their registry, their clients, their expectations.

Each check has a correlation id of its own and every request that leaves an SDK is noted, so that a retry
of the SDK's shows here as well as in the gateway's access log.
"""

import argparse
import json
import sys
import threading

import anthropic
import openai

CHECKS = []


def check(only_gateway: bool = False, needs: str | None = None):
    """Registers a check; `needs` names the option without which it is left out."""

    def register(function):
        CHECKS.append((function, only_gateway, needs))
        return function

    return register


def run_all(description: str) -> None:
    wanted = arguments(description)
    failed = False
    for function, only_gateway, needs in CHECKS:
        if (only_gateway and wanted.server) or (needs and not getattr(wanted, needs)):
            continue
        line = run(function, wanted)
        failed |= not line["ok"]
        print(json.dumps(line), flush=True)
    sys.exit(1 if failed else 0)


def arguments(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("base_url")
    parser.add_argument("token")
    parser.add_argument("model")
    parser.add_argument("--direct", help="the same model, asked without the gateway")
    parser.add_argument("--embeddings", help="a model that can embed")
    parser.add_argument("--dead", help="a model whose upstream refuses connections")
    parser.add_argument("--limit", type=int, help="max_tokens of the model's route")
    parser.add_argument("--server", action="store_true", help="BASE_URL is no gateway")
    return parser.parse_args()


def run(function, wanted: argparse.Namespace) -> dict:
    stage = Stage(function.__name__, wanted)
    try:
        function(stage)
        return {"check": stage.name, "ok": True, "detail": stage.detail()}
    except Exception as problem:  # noqa: BLE001, whatever it is, it belongs into the line
        what = {"error": f"{type(problem).__name__}: {problem}", **stage.detail()}
        return {"check": stage.name, "ok": False, "detail": what}


class Stage:
    """The clients of one check. Each request that leaves them is listed, with the SDK's own retries."""

    def __init__(self, name: str, wanted: argparse.Namespace) -> None:
        self.name, self.wanted, self.model = name, wanted, wanted.model
        self.correlation_id = f"python-{name}"
        self.sent: list[dict] = []
        self.usage: dict[str, int] | None = None
        self.lock = threading.Lock()

    def openai_client(self, token: str | None = None) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=self.wanted.base_url,
            api_key=token or self.wanted.token,
            default_headers={"x-correlation-id": self.correlation_id},
            http_client=openai.DefaultHttpxClient(event_hooks={"request": [self.note]}),
        )

    def direct_client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.wanted.direct, api_key="none")

    def anthropic_client(self, **credentials: str) -> anthropic.Anthropic:
        return anthropic.Anthropic(
            base_url=self.wanted.base_url.removesuffix("/v1"),
            **(credentials or {"api_key": self.wanted.token}),
            default_headers={"x-correlation-id": self.correlation_id},
            http_client=anthropic.DefaultHttpxClient(event_hooks={"request": [self.note]}),
        )

    def note(self, request) -> None:
        with self.lock:
            self.sent.append({"path": request.url.path, "retry": request.headers.get("x-stainless-retry-count")})

    def count(self, prompt: int, completion: int) -> None:
        self.usage = {"prompt": prompt, "completion": completion}

    def detail(self) -> dict:
        return {"correlation_id": self.correlation_id, "requests": self.sent, "usage": self.usage}


def expect(condition: bool, said: str) -> None:
    if not condition:
        raise AssertionError(said)


def expect_equal(got, wanted, of: str) -> None:
    expect(got == wanted, f"{of}: got {got!r}, wanted {wanted!r}")


def expect_refusal(stage: Stage, kind: type, code: str, status: int, ask):
    """The call fails as that exception class, once, with our code and the hint in what people see."""
    try:
        ask()
    except openai.APIStatusError as problem:
        refused = problem
    else:
        raise AssertionError("it was answered")
    expect(type(refused) is kind, f"raised {type(refused).__name__} ({refused}), wanted {kind.__name__}")
    expect_equal((refused.status_code, refused.code), (status, code), "status and code")
    hint = refused.body["remediation_hint"]
    expect(hint and hint.split("; ")[0] in refused.body["message"], "the hint isn't in the message")
    expect_equal(refused.response.headers["x-correlation-id"], stage.correlation_id, "correlation id")
    expect_equal(refused.body["correlation_id"], stage.correlation_id, "correlation id in the body")
    expect_equal(refused.response.headers["x-should-retry"], "false", "x-should-retry")
    expect_equal([sent["retry"] for sent in stage.sent], ["0"], "retries of the SDK")
    return refused
