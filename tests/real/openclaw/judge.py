#!/usr/bin/env python3
"""Judge one OpenClaw turn: `judge.py TURN.json [ACCESS.jsonl]`; exit 1 with what is wrong.

The turn must have ended with the tokens that the model was allowed. The access log must have one line, of a
streamed answer to a request over 30 KB (OpenClaw sends its tools and a long system prompt), answered at once,
with the very token numbers that OpenClaw was told.
"""

import json
import sys
from pathlib import Path

SMALLEST_REQUEST_BYTES = 30_000
TOKENS = 64


def main() -> None:
    turn = json.loads(Path(sys.argv[1]).read_text())
    wrong = wrong_with_turn(turn)
    if len(sys.argv) > 2:
        lines = [json.loads(line) for line in Path(sys.argv[2]).read_text().splitlines()]
        wrong += wrong_with_access_log(lines, usage_of(turn))
    for problem in wrong:
        print(f"wrong: {problem}", file=sys.stderr)
    print("one OpenClaw turn:", json.dumps(usage_of(turn)))
    sys.exit(1 if wrong else 0)


def usage_of(turn: dict) -> dict:
    return turn["meta"]["agentMeta"]["usage"]


def wrong_with_turn(turn: dict) -> list[str]:
    wrong = []
    if usage_of(turn)["output"] != TOKENS:
        wrong.append(f"{usage_of(turn)['output']} output tokens, not {TOKENS}")
    if turn["meta"]["aborted"]:
        wrong.append("the turn was aborted")
    if not turn["payloads"] or not turn["payloads"][0]["text"]:
        wrong.append("the turn has no text")
    return wrong


def wrong_with_access_log(lines: list[dict], usage: dict) -> list[str]:
    if len(lines) != 1:
        return [f"{len(lines)} access lines, not 1: {[line['code'] for line in lines]}"]
    line = lines[0]
    wanted = {"status": 200, "code": "ok", "route": "openclaw", "attempts": 1, "usage_source": "reported"}
    wanted |= {"prompt_tokens": usage["input"], "completion_tokens": usage["output"]}
    wrong = [f"{name} is {line[name]!r}, not {value!r}" for name, value in wanted.items() if line[name] != value]
    if line["bytes_in"] < SMALLEST_REQUEST_BYTES:
        wrong.append(f"bytes_in is {line['bytes_in']}, under {SMALLEST_REQUEST_BYTES}")
    if not line["first_token_seconds"]:
        wrong.append("no first_token_seconds: it wasn't streamed")
    return wrong


if __name__ == "__main__":
    main()
