#!/usr/bin/env python3
"""Record what a real server says, byte for byte: `record.py llama.cpp` or `record.py vllm`.

The exchanges go to `tests/fixtures/<family>/<version>/<case>.http` with an `index.json` beside them:
version, date, the commands, and how long each answer took. The tests of the gateway read them as the
ground truth about that family; record them again when a version changes something, into a new folder.
"""

import argparse
import datetime
import json
import socket
import subprocess
import sys
import threading
import time
from importlib import metadata
from pathlib import Path

from cases import CONTEXT, HELLO, KEY, cases, embedding_cases, post, tool_cases
from exchange import SEPARATOR, Exchange, exchange, request_bytes

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
MODEL = "tiny"
START_SECONDS = 400
OVERLOAD_REQUESTS = 16
LOAD_REQUESTS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", choices=["llama.cpp", "vllm"])
    family = parser.parse_args().family
    recording = Recording(family)
    {"llama.cpp": record_llamacpp, "vllm": record_vllm}[family](recording)
    recording.write_index()


def record_llamacpp(recording: "Recording") -> None:
    recording.version = metadata.version("xllamacpp")
    with Server(recording, ["llamacpp.py", "PORT", "2", str(CONTEXT)]) as server:
        server.wait()
        for case in cases(MODEL):
            server.record(*case)
    with Server(recording, ["llamacpp.py", "PORT", "2", str(CONTEXT), "--embeddings"]) as server:
        server.wait()
        for case in embedding_cases(MODEL):
            server.record(*case)
    with Server(recording, ["llamacpp.py", "PORT", "1", str(CONTEXT), "--api-key", KEY]) as server:
        server.wait()
        record_keys(server)
    with Server(recording, ["llamacpp.py", "PORT", "4", "131072"]) as server:
        server.record_while_loading()
    with Server(recording, ["llamacpp.py", "PORT", "1", "32768", "--ping-seconds", "1"]) as server:
        server.wait()
        record_waiting_streams(server)
    with Server(recording, ["llamacpp.py", "PORT", "2", "8192"]) as server:
        server.wait()
        record_metrics_under_load(server, b"llamacpp:requests_deferred", tokens=6000)
    with Server(recording, ["llamacpp.py", "PORT", "1", str(CONTEXT), "--no-metrics"]) as server:
        server.wait()
        server.record("metrics_off", "GET", "/metrics", None)


def record_vllm(recording: "Recording") -> None:
    """One server for all, because each start takes minutes: the key goes along with every request."""
    recording.version = "0.32.0"
    limits = ["--max-model-len", str(CONTEXT), "--max-num-seqs", "2", "--max-num-queued-reqs", "2"]
    tools = ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    with Server(recording, ["vllm.sh", "PORT", *limits, *tools, "--api-key", KEY]) as server:
        server.wait()
        server.headers = {"Authorization": f"Bearer {KEY}"}
        for case in [*cases(MODEL), *tool_cases(MODEL)]:
            server.record(*case)
        record_overload(server, "overloaded_plain", stream=False)
        record_overload(server, "overloaded_stream", stream=True)
        server.headers = {}
        record_keys(server)
    # Blocks for two of the four sequences, so that the cache is what fills up.
    few_blocks = ["--max-model-len", str(CONTEXT), "--max-num-seqs", "4", "--num-gpu-blocks-override", "8"]
    with Server(recording, ["vllm.sh", "PORT", *few_blocks]) as server:
        server.wait()
        record_metrics_under_load(server, b"vllm:num_requests_waiting{", tokens=CONTEXT - 100)


def record_keys(server: "Server") -> None:
    name, *chat = post("no_key", "chat/completions", {"model": MODEL, "messages": HELLO, "max_tokens": 3})
    server.record(name, *chat)
    server.headers = {"Authorization": "Bearer wrong"}
    server.record("wrong_key", *chat)
    server.headers = {"Authorization": f"Bearer {KEY}"}
    server.record("right_key", *chat)


def record_waiting_streams(server: "Server") -> None:
    """When a stream's head comes, and what keeps it company: while its prompt is read, and in the queue."""
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 6000, "stream": True}
    prompt = [{"role": "user", "content": "qz" * 8000}]
    server.record(*post("chat_stream_long_prompt", "chat/completions", {**body, "messages": prompt, "max_tokens": 3}))
    busy = server.send_aside(*post("", "chat/completions", body)[1:])
    server.record(*post("chat_stream_waiting_for_a_slot", "chat/completions", {**body, "max_tokens": 3}))
    busy.join()


def record_metrics_under_load(server: "Server", waiting: bytes, tokens: int) -> None:
    """More requests at once than run together: the first answer that says that some of them wait."""
    body = {"model": MODEL, "messages": HELLO, "max_tokens": tokens, "ignore_eos": True, "stream": True}
    _, method, path, raw = post("", "chat/completions", body)
    load = request_bytes(method, path, server.headers, raw)
    senders = [threading.Thread(target=exchange, args=(server.port, load)) for _ in range(LOAD_REQUESTS)]
    [sender.start() for sender in senders]
    ask = request_bytes("GET", "/metrics", server.headers, None)
    while any(sender.is_alive() for sender in senders):
        done = exchange(server.port, ask)
        if sample(done.answer, waiting) > 0:
            server.recording.keep("metrics_under_load", done, server.command)
            break
    [sender.join() for sender in senders]


def sample(answer: bytes, series: bytes) -> float:
    lines = [line for line in answer.splitlines() if line.startswith(series)]
    return sum(float(line.split()[-1]) for line in lines)


def record_overload(server: "Server", name: str, stream: bool) -> None:
    """More requests at once than are let in; the first one refused is the fixture."""
    body = {"model": MODEL, "messages": HELLO, "max_tokens": 400, "ignore_eos": True, "stream": stream}
    _, method, path, raw = post("", "chat/completions", body)
    refused: list[Exchange] = []

    def send() -> None:
        done = exchange(server.port, request_bytes(method, path, server.headers, raw))
        if done.status() != 200 or b'"error"' in done.answer:
            refused.append(done)

    senders = [threading.Thread(target=send) for _ in range(OVERLOAD_REQUESTS)]
    [sender.start() for sender in senders]
    [sender.join() for sender in senders]
    print(f"{len(refused)} of {OVERLOAD_REQUESTS} were refused")
    if refused:
        server.recording.keep(name, refused[0], server.command)


class Recording:
    """The folder that is being filled and its index."""

    def __init__(self, family: str) -> None:
        self.family, self.version = family, ""
        self.cases: dict[str, dict] = {}

    def folder(self) -> Path:
        folder = FIXTURES / self.family / self.version
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def keep(self, name: str, done: Exchange, command: str) -> None:
        (self.folder() / f"{name}.http").write_bytes(done.fixture())
        times = {"head_ms": done.head_ms, "body_ms": done.body_ms, "end_ms": done.end_ms}
        self.cases[name] = {"status": done.status(), **times, "command": command}
        print(f"{name}: {done.status()}, {len(done.answer)} bytes, {times}", flush=True)

    def write_index(self) -> None:
        index = {
            "family": self.family,
            "version": self.version,
            "date": datetime.date.today().isoformat(),
            "separator": SEPARATOR.decode(),
            "cases": self.cases,
        }
        (self.folder() / "index.json").write_text(json.dumps(index, indent=1) + "\n")


class Server:
    """A real server for the length of a `with`; `PORT` in its command becomes a free port."""

    def __init__(self, recording: Recording, command: list[str]) -> None:
        self.recording, self.headers = recording, {}
        self.command = " ".join(command)
        self.port = free_port()
        words = [str(self.port) if word == "PORT" else word for word in command]
        program = [sys.executable] if command[0].endswith(".py") else ["bash"]
        # Its standard input is a pipe that closes when this process ends, however it ends.
        self.process = subprocess.Popen([*program, HERE / words[0], *words[1:]], stdin=subprocess.PIPE)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(60)

    def wait(self) -> None:
        self.until(lambda done: done.status() == 200)

    def record_while_loading(self) -> None:
        """The server listens before its model is loaded: ask until the first answer of each kind is here."""
        chat = post("", "chat/completions", {"model": MODEL, "messages": HELLO, "max_tokens": 3})[1:]
        self.recording.keep("loading_health", self.until(lambda done: done.status() == 503), self.command)
        for name, method, path, body in [("loading_chat", *chat), ("loading_models", "GET", "/v1/models", None)]:
            self.record(name, method, path, body)

    def until(self, accept) -> Exchange:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                done = exchange(self.port, request_bytes("GET", "/health", {}, None))
            except (ConnectionError, IndexError):
                time.sleep(0.001)
                continue
            if accept(done):
                return done
        raise SystemExit(f"{self.command}: no such answer before it ended or {START_SECONDS} s were over")

    def record(self, name: str, method: str, path: str, body: bytes | None) -> None:
        done = exchange(self.port, request_bytes(method, path, self.headers, body))
        self.recording.keep(name, done, self.command)

    def send_aside(self, method: str, path: str, body: bytes) -> threading.Thread:
        raw = request_bytes(method, path, self.headers, body)
        sender = threading.Thread(target=exchange, args=(self.port, raw))
        sender.start()
        time.sleep(0.2)
        return sender


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
