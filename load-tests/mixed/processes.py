"""The two servers and the gateway: started on free loopback ports, ended by their own process ids."""

import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import load

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "target" / "real" / "venv" / "bin" / "python"
SERVER = ROOT / "tests" / "real" / "llamacpp.py"

SLOTS, CONTEXT = 4, 2048

# A server with a real model computes on a GPU and leaves the cores to gateway and clients. This one must not take them
# away where all share two.
SERVER_NICENESS = 10

START_SECONDS = 60
STOP_SECONDS = 15

# They would override the gateway's file.
OVERRIDES = """SIDEGATE_CONFIG OPENAI_BASE_URL OPENAI_API_KEY_FILE OPENCLAW_GATEWAY_PORT OPENCLAW_TOKEN_FILE
    SKILL_RETRY_MAX SKILL_RETRY_BASE_MS CIRCUIT_FAILURE_THRESHOLD CIRCUIT_COOL_DOWN_SEC""".split()

SECRETS = {load.BATCH: "flood-of-the-load-tests-0123456789", load.INTERACTIVE: "people-of-the-load-tests-0123456789"}
CALLERS = {load.BATCH: "flood", load.INTERACTIVE: "people"}

CONFIGURATION = """\
listen: 127.0.0.1:{port}
admin: 127.0.0.1:{admin}
state_dir: {folder}/state
threads: 1

callers: {{token_file: {folder}/token}}

# How many places each has is what llama.cpp says of its slots.
upstreams:
  one: {{url: "http://127.0.0.1:{one}/v1", family: llama.cpp}}
  two: {{url: "http://127.0.0.1:{two}/v1", family: llama.cpp}}

routes:
  chat:
    alias: [tiny]
    lane: interactive
    targets:
      - {{upstream: one, model: tiny}}
      - {{upstream: two, model: tiny}}
    balance: least_busy
    max_tokens: 4096

# The defaults.
lanes:
  interactive: {{streams: 32, queue: 64, patience: 5s}}
  batch: {{streams: 8, queue: 512, patience: 5m}}

# The ledger reads the log as one file.
logs: {{max_bytes: 1GiB}}
"""


class Server:
    """llama.cpp's own HTTP server. It ends when the pipe on its standard input closes, too."""

    def __init__(self, log: Path) -> None:
        command = ["nice", "-n", str(SERVER_NICENESS), str(PYTHON), str(SERVER), "0", str(SLOTS), str(CONTEXT)]
        with log.open("wb") as said:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        first = self.process.stdout.readline()
        if not first.startswith(b"listening on "):
            self.stop()
            raise SystemExit(f"a llama.cpp server ended at once: {log.read_text()[-2000:]}")
        self.port = int(first.split()[-1])

    def stop(self) -> None:
        end(self.process)


class Gateway:
    """sidegate in a folder of its own."""

    def __init__(self, binary: Path, folder: Path, servers: list[Server]) -> None:
        self.folder, self.port, self.admin = folder, free_port(), free_port()
        folder.mkdir()
        write_files(folder, self.port, self.admin, servers)
        environment = {name: value for name, value in os.environ.items() if name not in OVERRIDES}
        command = [str(binary), "serve", "--config", str(folder / "sidegate.yaml")]
        with (folder / "said").open("wb") as said:
            self.process = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def wait_until_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while not is_ready(self.admin):
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"sidegate did not start: {(self.folder / 'said').read_text()[-2000:]}")
            time.sleep(0.05)

    def way(self) -> load.Way:
        headers = {lane: {"authorization": f"Bearer {secret}"} for lane, secret in SECRETS.items()}
        headers[load.BATCH]["x-sidegate-lane"] = "batch"
        return load.Way([self.port], headers)

    def stop(self) -> None:
        end(self.process)


def write_files(folder: Path, port: int, admin: int, servers: list[Server]) -> None:
    one, two = (server.port for server in servers)
    text = CONFIGURATION.format(port=port, admin=admin, folder=folder, one=one, two=two)
    (folder / "sidegate.yaml").write_text(text)
    token = folder / "token"
    token.write_text("".join(f"{CALLERS[lane]} {secret} invoke:chat,lane:*\n" for lane, secret in SECRETS.items()))
    token.chmod(0o400)


def is_ready(admin: int) -> bool:
    try:
        get(admin, "/readyz")
        return True
    except OSError:
        return False


def get(port: int, path: str) -> str:
    """No proxy of the environment's stands between us and loopback."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
