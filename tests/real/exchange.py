"""One HTTP exchange with a real server as raw bytes, and the fixture file that holds it.

Nothing here understands JSON or SSE, and nothing is re-framed: what stands in a fixture is what was on
the wire, chunk sizes and all. A fixture is the request, `SEPARATOR`, and the answer.
"""

import socket
import time
from dataclasses import dataclass

SEPARATOR = b"\n=====8<===== answer =====8<=====\n"
PATIENCE_SECONDS = 120


@dataclass
class Exchange:
    request: bytes
    answer: bytes
    head_ms: float
    body_ms: float
    end_ms: float

    def status(self) -> int:
        return int(self.answer.split(b" ", 2)[1])

    def fixture(self) -> bytes:
        return self.request + SEPARATOR + self.answer


def request_bytes(method: str, path: str, headers: dict[str, str], body: bytes | None) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def exchange(port: int, request: bytes) -> Exchange:
    """Sends the request and reads one answer to its end; times are counted from the last byte sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        return read_answer(connection, request, time.monotonic())


def read_answer(connection: socket.socket, request: bytes, sent: float) -> Exchange:
    answer, seen = b"", {}
    while True:
        received = connection.recv(65536)
        answer += received
        now = round((time.monotonic() - sent) * 1000, 1)
        head, gap, body = answer.partition(b"\r\n\r\n")
        if gap:
            seen.setdefault("head", now)
        if body:
            seen.setdefault("body", now)
        if not received or (gap and is_whole(head, body)):
            return Exchange(request, answer, seen.get("head", now), seen.get("body", now), now)


def is_whole(head: bytes, body: bytes) -> bool:
    """Whether the framing says that the body has ended; an answer framed by its close never says so."""
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(body) >= int(value)
        if name == b"transfer-encoding" and b"chunked" in value:
            return body.endswith(b"0\r\n\r\n") and ends_with_last_chunk(body)
    return False


def ends_with_last_chunk(body: bytes) -> bool:
    position = 0
    while True:
        size_end = body.find(b"\r\n", position)
        if size_end < 0:
            return False
        size = int(body[position:size_end].split(b";")[0], 16)
        position = size_end + 2 + size + 2
        if size == 0:
            return position <= len(body)
        if position > len(body):
            return False
