"""What a run was made on, so that two runs can be told apart."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

from processes import PYTHON, ROOT

VERSION_OF_SERVERS = "import importlib.metadata; print(importlib.metadata.version('xllamacpp'))"


def look(binary: Path, is_given: bool) -> dict:
    return {
        "at": datetime.datetime.now(datetime.UTC).isoformat(),
        "cpus": os.cpu_count(),
        "cpu_model": field("/proc/cpuinfo", "model name") or first_line("sysctl", "-n", "machdep.cpu.brand_string"),
        "memory": field("/proc/meminfo", "MemTotal"),
        "kernel": " ".join([platform.system(), platform.release(), platform.machine()]),
        "load_average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "versions": {
            "commit": commit(),
            "sidegate": first_line(str(binary), "--version"),
            "build": "given with --binary" if is_given else "release",
            "xllamacpp": first_line(str(PYTHON), "-c", VERSION_OF_SERVERS),
            "python": platform.python_version(),
        },
    }


def commit() -> str:
    changes = " and changes" if first_line("git", "status", "--porcelain") else ""
    return first_line("git", "rev-parse", "--short", "HEAD") + changes


def first_line(*command: str) -> str:
    """Of what the program says; nothing where it fails."""
    try:
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(said.split("\n")), "").strip()


def field(path: str, name: str) -> str:
    """The value behind `name` and a colon."""
    text = Path(path).read_text() if Path(path).exists() else ""
    lines = (line for line in text.split("\n") if line.startswith(name))
    return next((line.partition(":")[2].strip() for line in lines), "")
