"""`sidegate demo`, and a real Prometheus that scrapes it and evaluates the shipped rules."""

import contextlib
import http.client
import json
import re
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from process import Process, bare_environment, eventually

REQUEST_SECONDS = 20.0
MODELS = ["demo", "demo-503", "demo-down", "demo-slow", "demo-cut", "demo-cut-held", "demo-error", "no-such-model"]


class Stage:
    """Both processes in a folder of their own; a context manager, so that neither is left over."""

    def __init__(self, sidegate: Path, rules: Path) -> None:
        self.sidegate, self.rules = sidegate.resolve(), rules
        self.sent = 0

    def __enter__(self) -> "Stage":
        # Short: the control socket's path has 104 bytes at most on a Mac.
        self.kept = tempfile.TemporaryDirectory(prefix="sidegate-prometheus-", ignore_cleanup_errors=True)
        self.folder = Path(self.kept.name)
        self.processes: list[Process] = []
        try:
            self.start_gateway()
            self.start_prometheus()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_problem) -> None:
        self.statuses = {process.name: process.end() for process in reversed(self.processes)}
        self.kept.cleanup()

    def bad_ends(self) -> list[str]:
        return [f"{name} ended with {status}" for name, status in self.statuses.items() if status != 0]

    def start(self, name: str, command: list[str]) -> Process:
        process = Process(name, command, self.folder, bare_environment(self.folder))
        self.processes.append(process)
        return process

    def start_gateway(self) -> None:
        gateway = self.start("gateway", [str(self.sidegate), "demo"])
        banner = gateway.wait_for(r"behind (\S+) \(admin: (\S+)\)")
        self.data, self.admin = banner.groups()
        self.token = gateway.wait_for(r"Bearer (sg_[\w-]+)").group(1)
        self.configuration = Path(gateway.wait_for(r"logs are in (\S+) until").group(1)) / "sidegate.yaml"
        # Before Prometheus looks: to it this is how things have always been.
        self.change("    alias: [demo]\n", "    alias: [demo]\n    budget: {tokens: 100000, per: day}\n", "ok")

    def change(self, before: str, after: str, result: str) -> None:
        """Edits the configuration and waits for what comes of it."""
        text = self.configuration.read_text()
        if before not in text:
            raise ValueError(f"the demo's configuration has no {before!r}")
        self.configuration.write_text(text.replace(before, after, 1))
        wanted = f'sidegate_config_reloads_total{{result="{result}"}} 1\n'
        eventually(f"a change that is {result}", lambda: wanted in self.metrics() or None)

    def start_prometheus(self) -> None:
        (self.folder / "rules.yaml").write_text(hasty(self.rules.read_text()))
        target = self.admin.removeprefix("http://")
        (self.folder / "prometheus.yaml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            "rule_files: [rules.yaml]\n"
            f"scrape_configs: [{{job_name: sidegate, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        prometheus = self.start(
            "prometheus",
            [
                "prometheus",
                f"--config.file={self.folder}/prometheus.yaml",
                f"--storage.tsdb.path={self.folder}/data",
                "--web.listen-address=127.0.0.1:0",
            ],
        )
        self.prometheus = "http://" + prometheus.wait_for(r'"?Listening on"?.*\baddress=(127\.0\.0\.1:\d+)').group(1)
        eventually("Prometheus to be ready", self.is_ready)
        eventually("a first scrape", lambda: self.sum("up") or None)

    def is_ready(self) -> bool | None:
        """It listens before it can answer."""
        with contextlib.suppress(urllib.error.HTTPError):
            with urllib.request.urlopen(f"{self.prometheus}/-/ready", timeout=REQUEST_SECONDS):
                return True

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.admin}/metrics", timeout=REQUEST_SECONDS) as answer:
            return answer.read().decode()

    def ask(self, path: str, **parameters: str):
        """The `data` of an answer of Prometheus' HTTP API; its own words where it refuses."""
        url = f"{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=REQUEST_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            raise ValueError(json.load(refusal)["error"]) from refusal

    def sum(self, metric: str) -> float:
        result = self.ask("query", query=f"sum({metric})")["result"]
        return float(result[0]["value"][1]) if result else 0.0

    def send_everything(self) -> None:
        """Each lesson of the demo as a stream and as a plain answer, until Prometheus has seen them all."""
        calls = [(model, stream) for model in MODELS for stream in (True, False)]
        with ThreadPoolExecutor(len(calls)) as pool:
            list(pool.map(lambda call: self.send(*call), calls))
        self.sent += len(calls)
        eventually("all requests in Prometheus", lambda: self.sum("sidegate_requests_total") >= self.sent or None)

    def send(self, model: str, stream: bool = False) -> None:
        """What comes of it doesn't matter here, only that it ends."""
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello!"}]}
        request = urllib.request.Request(
            f"{self.data}/chat/completions",
            json.dumps(body).encode(),
            {"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        # The demo cuts a stream on purpose, and http.client complains of that.
        with contextlib.suppress(OSError, http.client.HTTPException):
            with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
                answer.read()


def hasty(rules: str) -> str:
    """The rules with nothing to wait for: what they say is the same, a minute's patience isn't tested here."""
    for pattern, replacement in [(r"\bfor: \w+", "for: 0s"), (r"\binterval: 30s", "interval: 1s")]:
        rules, count = re.subn(pattern, replacement, rules)
        if count == 0:
            raise ValueError(f"the rules have no {pattern}")
    return rules
