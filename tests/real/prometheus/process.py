"""A process of the stage: its output goes to a file, and it ends when the stage does."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

# For whatever a process has to say first, and for its end.
PATIENCE_SECONDS = 30.0
PR_SET_PDEATHSIG = 1


def eventually(what: str, ask, patience: float = PATIENCE_SECONDS):
    """What `ask` returns as soon as it isn't None; says what never came."""
    deadline = time.monotonic() + patience
    while (answer := ask()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience:.0f} s for {what}")
        time.sleep(0.05)
    return answer


class Process:
    def __init__(self, name: str, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.name, self.output = name, folder / f"{name}.out"
        with self.output.open("wb") as output:
            self.running = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                preexec_fn=end_with_parent,
            )

    def wait_for(self, pattern: str) -> re.Match:
        """The first place in the output that looks so."""
        return eventually(f"{self.name} to say {pattern!r}: see {self.output}", lambda: self.find(pattern))

    def find(self, pattern: str) -> re.Match | None:
        # Asked before the output is read: what a process says at its end is read too.
        status = self.running.poll()
        text = self.output.read_text(errors="replace")
        if (found := re.search(pattern, text)) is None and status is not None:
            raise RuntimeError(f"{self.name} ended with {status}:\n{text[-2000:]}")
        return found

    def end(self) -> int:
        """SIGTERM, and SIGKILL for one that doesn't care."""
        self.running.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.running.wait(PATIENCE_SECONDS)
        self.running.kill()
        return self.running.wait(PATIENCE_SECONDS)


def end_with_parent() -> None:
    """A stage that is killed can't end anything: Linux does it then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def bare_environment(home: Path) -> dict[str, str]:
    """Nothing of ours that a program would listen to."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
