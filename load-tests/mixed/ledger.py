"""Holds what was sent against what servers and gateway counted. Where they differ there is no figure."""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import client
from load import BATCH, INTERACTIVE, Load
from processes import CALLERS, Gateway, Server, get

LANES = (BATCH, INTERACTIVE)

# The log is written by a thread of its own, which lets lines gather; a server counts after it has answered.
PATIENCE_SECONDS = 5

# Of two clocks. Times in the log have six decimals; the client's begin before its first byte has left.
ROUNDING_SECONDS = 0.001


class Mismatch(Exception):
    """What differs, with both numbers."""


@dataclass(frozen=True)
class Tokens:
    prompt: int
    completion: int

    def __sub__(self, earlier: "Tokens") -> "Tokens":
        return Tokens(self.prompt - earlier.prompt, self.completion - earlier.completion)


def expect_equal(got, wanted, what: str) -> None:
    if got != wanted:
        raise Mismatch(f"{what}: {got}, what was sent and answered is {wanted}")


def tokens_of(asked: list) -> Tokens:
    answers = [one.answer for one in asked]
    return Tokens(sum(one.prompt_tokens for one in answers), sum(one.completion_tokens for one in answers))


def check_answers(load: Load) -> None:
    """An answer is whole or a failure that says its code; nothing in between."""
    for one in load.asked:
        if one.answer.code == client.OK and not client.is_whole(one.answer, one.tokens):
            raise Mismatch(f"{one.name} wanted {one.tokens} tokens and got {one.answer}")
        if one.answer.code == client.OK and one.lane == INTERACTIVE and not one.answer.first_token:
            raise Mismatch(f"{one.name} is whole but has no first token")


# --- The servers -------------------------------------------------------------------------------------


def server_tokens(servers: list[Server]) -> Tokens:
    texts = [get(server.port, "/metrics") for server in servers]
    prompt = added(texts, "llamacpp:prompt_tokens_total") + added(texts, "llamacpp:prompt_tokens_cached_total")
    return Tokens(prompt, added(texts, "llamacpp:tokens_predicted_total"))


def check_servers(load: Load, servers: list[Server], before: Tokens) -> None:
    wanted = tokens_of(load.asked)
    got = wait_until(lambda: server_tokens(servers) - before, lambda got: got == wanted)
    expect_equal(got, wanted, "tokens that the servers counted")


# --- The gateway -------------------------------------------------------------------------------------


def check_gateway(load: Load, gateway: Gateway) -> list[dict]:
    """Every request has one line and its place in every metric. Returns the lines."""
    log = gateway.folder / "state" / "logs" / "access.jsonl"
    lines = wait_until(lambda: read_log(log), lambda lines: len(lines) >= len(load.asked))
    check_lines(load, lines)
    check_metrics(load, lines, get(gateway.admin, "/metrics"))
    return lines


def check_lines(load: Load, lines: list[dict]) -> None:
    by_name = {line["correlation_id"]: line for line in lines}
    expect_equal((len(lines), len(by_name)), (len(load.asked),) * 2, "lines and their names in access.jsonl")
    for one in load.asked:
        if one.name not in by_name:
            raise Mismatch(f"{one.name} has no line in access.jsonl")
        check_line(one, by_name[one.name])


def check_line(one, line: dict) -> None:
    answer = one.answer
    said = [line[key] for key in ("lane", "caller", "code", "status")]
    expect_equal(said, [one.lane, CALLERS[one.lane], answer.code, answer.status], f"the line of {one.name}")
    if answer.code != client.OK:
        return
    tokens = Tokens(line["prompt_tokens"], line["completion_tokens"])
    expect_equal(tokens, tokens_of([one]), f"tokens in the line of {one.name}")
    took = (answer.first_token or answer.ended) - answer.sent
    queued, first_token = line["queue_seconds"], line["first_token_seconds"]
    if not queued - ROUNDING_SECONDS <= first_token <= took + ROUNDING_SECONDS:
        raise Mismatch(f"{one.name} had its first token after {took:.6f} s, its line says {line}")


def check_metrics(load: Load, lines: list[dict], text: str) -> None:
    for lane in LANES:
        asked, own = load.of(lane), [line for line in lines if line["lane"] == lane]
        check_lane(lane, asked, own, text)
    attempts = sum(line["attempts"] for line in lines)
    for family, labels, wanted in [
        ("sidegate_requests_total", "", len(load.asked)),
        ("sidegate_upstream_attempts_total", "", attempts),
        ("sidegate_upstream_attempts_total", 'outcome="ok"', codes(load.asked)[client.OK]),
        ("sidegate_lane_streams", "", 0),
        ("sidegate_lane_waiting", "", 0),
        ("sidegate_upstream_streams", "", 0),
        ("sidegate_log_dropped_total", "", 0),
    ]:
        expect_equal(added([text], family, labels), wanted, f"{family} {labels}")


def check_lane(lane: str, asked: list, lines: list[dict], text: str) -> None:
    label, caller = f'lane="{lane}"', f'caller="{CALLERS[lane]}"'
    for code, count in codes(asked).items():
        counted = added([text], "sidegate_requests_total", label, f'code="{code}"')
        expect_equal(counted, count, f"sidegate_requests_total of {lane} with {code}")
    tokens = [added([text], "sidegate_tokens_total", caller, f'kind="{kind}"') for kind in ("prompt", "completion")]
    expect_equal(Tokens(*tokens), tokens_of(asked), f"sidegate_tokens_total of {lane}")
    queued = [line["queue_seconds"] for line in lines if line["queue_seconds"] is not None]
    expect_equal(added([text], "sidegate_queue_seconds_count", label), len(queued), f"sidegate_queue_seconds of {lane}")
    total = added([text], "sidegate_queue_seconds_sum", label)
    if abs(total - sum(queued)) > ROUNDING_SECONDS * (1 + len(queued)):
        raise Mismatch(f"sidegate_queue_seconds_sum of {lane}: {total}, the log's is {sum(queued)}")


def codes(asked: list) -> Counter:
    return Counter(one.answer.code for one in asked)


def read_log(path: Path) -> list[dict]:
    """Without a last line that is still being written."""
    text = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in text.split(b"\n")[:-1]]


def added(texts: list[str], family: str, *labels: str) -> float:
    """Over a family's series that have all these labels. One that isn't there at all is a mistake, not a zero."""
    series = re.compile(rf"^{re.escape(family)}(\{{.*\}})? (\S+)$", re.MULTILINE)
    found = [match for text in texts for match in series.finditer(text)]
    if not found:
        raise Mismatch(f"{family} is not among the metrics")
    return sum(float(match[2]) for match in found if all(label in (match[1] or "") for label in labels))


def wait_until(look, is_done):
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_done(seen := look()) and time.monotonic() < until:
        time.sleep(0.05)
    return seen
