"""promtool, which knows better than we do what Prometheus takes."""

import subprocess

DEADLINE_SECONDS = 120


def start(*words, text: str = "") -> subprocess.Popen:
    """Runs it with `text` on its standard input."""
    tool = subprocess.Popen(
        ["promtool", *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    tool.stdin.write(text)
    tool.stdin.close()
    tool.stdin = None
    return tool


def complaints(tool: subprocess.Popen) -> list[str]:
    """What it says, unless it is content."""
    said, _ = tool.communicate(timeout=DEADLINE_SECONDS)
    return [said.strip()[-4000:]] if tool.returncode else []
