#!/usr/bin/env python3
"""llama.cpp's own HTTP server with the tiny model, on loopback.

    llamacpp.py PORT [SLOTS] [CTX] [--embeddings] [--alias NAME] [--api-key KEY] [--no-metrics]

PORT 0 lets the system choose; once the server answers, `listening on PORT` is printed. CTX is the context
of one slot. It ends on SIGTERM, when the pipe on its standard input closes and when its parent goes away,
so that a test that is killed leaves no server behind.

llama.cpp does either: with --embeddings a generating model still chats, but a pooling type must be chosen.
"""

import argparse
import os
import stat
import sys
import threading
import time
from pathlib import Path

import xllamacpp

MODEL = Path(__file__).resolve().parents[2] / "target" / "real" / "tiny.gguf"


def main() -> None:
    wanted = arguments()
    end_with_whoever_started_us()
    server = xllamacpp.Server(parameters(wanted))
    port = int(server.listening_address.rsplit(":", 1)[1])
    print(f"listening on {port}", flush=True)
    while True:
        time.sleep(3600)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("slots", type=int, nargs="?", default=4)
    parser.add_argument("context", type=int, nargs="?", default=4096)
    parser.add_argument("--embeddings", action="store_true")
    parser.add_argument("--alias", default="tiny")
    parser.add_argument("--api-key")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--ping-seconds", type=int)
    parser.add_argument("--no-metrics", action="store_true")
    return parser.parse_args()


def parameters(wanted: argparse.Namespace) -> xllamacpp.CommonParams:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(wanted.model)
    parameters.model_alias = {wanted.alias}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = wanted.port
    parameters.n_parallel = wanted.slots
    parameters.n_ctx = wanted.context * wanted.slots
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.n_threads_http = wanted.slots + 8
    parameters.cache_ram_mib = 0
    parameters.endpoint_metrics = not wanted.no_metrics
    parameters.ui = False
    parameters.offline = True
    if wanted.api_key:
        parameters.api_keys = [wanted.api_key]
    if wanted.ping_seconds is not None:
        parameters.sse_ping_interval = wanted.ping_seconds
    if wanted.embeddings:
        parameters.embedding = True
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return parameters


def end_with_whoever_started_us() -> None:
    threading.Thread(target=wait_for_another_parent, args=(os.getppid(),), daemon=True).start()
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        threading.Thread(target=wait_for_end_of_input, daemon=True).start()


def wait_for_another_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def wait_for_end_of_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
