"""One HTTP exchange as a client of the API: what came, when its first word came, and whether it was whole.

Every request has a connection of its own, on every way. A kept one would hold a thread of llama.cpp's server
while it idles, and whoever comes later would wait for that rather than for a slot.
"""

import asyncio
import json
import time
from dataclasses import dataclass

OK, UNREACHABLE, CUT = "ok", "unreachable", "cut"


@dataclass
class Answer:
    """Times are of the monotonic clock. `code` is `ok`, the failure's own, or what became of the connection."""

    sent: float
    code: str = CUT
    status: int = 0
    first_token: float = 0.0
    ended: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0


async def ask(port: int, headers: dict[str, str], body: dict) -> Answer:
    answer = Answer(sent=time.monotonic())
    try:
        await exchange(port, request_bytes(headers, body), answer, body.get("stream", False))
    except asyncio.IncompleteReadError:
        pass
    except OSError:
        answer.code = UNREACHABLE
    answer.ended = time.monotonic()
    return answer


def request_bytes(headers: dict[str, str], body: dict) -> bytes:
    encoded = json.dumps(body).encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: localhost", "connection: close"]
    lines += ["content-type: application/json", f"content-length: {len(encoded)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + encoded


async def exchange(port: int, request: bytes, answer: Answer, stream: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        answer.status, headers = await read_head(reader)
        pieces = body_pieces(reader, headers)
        if answer.status == 200 and stream:
            await read_stream(pieces, answer)
        else:
            read_plain(b"".join([piece async for piece in pieces]), answer)
    finally:
        writer.close()


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = head.strip().split("\r\n")
    pairs = (line.partition(":") for line in rest)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def body_pieces(reader: asyncio.StreamReader, headers: dict[str, str]):
    """The body without its framing, as it comes."""
    if "chunked" not in headers.get("transfer-encoding", ""):
        yield await reader.readexactly(int(headers["content-length"]))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        yield (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")


def read_plain(body: bytes, answer: Answer) -> None:
    said = json.loads(body)
    if answer.status != 200:
        answer.code = code_of(said)
        return
    take_usage(said, answer)
    if said["choices"][0]["finish_reason"] == "length":
        answer.code = OK


async def read_stream(pieces, answer: Answer) -> None:
    waiting = b""
    async for piece in pieces:
        *events, waiting = (waiting + piece).split(b"\n\n")
        for event in events:
            take_event(event, answer)


def take_event(event: bytes, answer: Answer) -> None:
    data = b"".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))
    if data == b"[DONE]":
        answer.code = OK
        return
    if not data:
        return
    said = json.loads(data)
    if "error" in said:
        answer.code = code_of(said)
    if not answer.first_token and any(choice["delta"].get("content") for choice in said.get("choices", [])):
        answer.first_token = time.monotonic()
    take_usage(said, answer)


def code_of(said: dict) -> str:
    """The gateway's codes are words; llama.cpp's are the status."""
    error = said.get("error")
    return str(error.get("code")) if isinstance(error, dict) else CUT


def take_usage(said: dict, answer: Answer) -> None:
    if usage := said.get("usage"):
        answer.prompt_tokens = usage["prompt_tokens"]
        answer.completion_tokens = usage["completion_tokens"]


def is_whole(answer: Answer, tokens: int) -> bool:
    """The servers' model never ends by itself, so that a whole answer has exactly what was asked for."""
    return answer.code == OK and answer.completion_tokens == tokens
