"""The load: a flood of batch clients, and people who come when they come.

The flood is a closed loop: each client sends its next request when it has its answer. People are an open one: a
request is due at its time, however long the earlier ones take, and its wait is counted from then, so that neither
a slow server nor a late client hides anything. Seeds are the round's: every arm of a round gets the same requests.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

import client

CLIENTS = 40
PEOPLE_EVERY_SECONDS = 0.2
FLOOD_TOKENS = (200, 600)
PEOPLE_TOKENS = 24
FLOOD_WORDS, PEOPLE_WORDS = 150, 40

# After a refusal, so that a closed loop doesn't turn into a hammer.
REFUSED_PAUSE_SECONDS = 1.0

BATCH, INTERACTIVE = "batch", "interactive"
WORDS = "the licence covers every work made by its holder under terms which anyone may read copy and share".split()


@dataclass
class Way:
    """Where requests go. Without a gateway clients take turns between the servers."""

    ports: list[int]
    headers: dict[str, dict[str, str]]
    """By lane."""

    def port(self, turn: int) -> int:
        return self.ports[turn % len(self.ports)]


@dataclass
class Asked:
    """One request and what came of it. `due` is its time by the schedule; the flood's is when it was sent."""

    name: str
    lane: str
    due: float
    tokens: int
    answer: client.Answer

    def first_token_seconds(self) -> float | None:
        return self.answer.first_token - self.due if self.answer.first_token else None


@dataclass
class Load:
    """What an arm of one round sent. Only what lies between `began` and `ended` is measured, all of it is counted."""

    began: float = 0.0
    ended: float = 0.0
    client_cpu: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def of(self, lane: str) -> list[Asked]:
        return [one for one in self.asked if one.lane == lane]

    def finished_inside(self) -> list[Asked]:
        inside = (one for one in self.of(BATCH) if self.began <= one.answer.ended < self.ended)
        return [one for one in inside if one.answer.code == client.OK]


async def drive(way: Way, with_flood: bool, seed: int, warm: float, seconds: float) -> Load:
    """Sends everything and waits for all answers: what was begun is finished, so that the books can be balanced."""
    load = Load(began=time.monotonic() + (warm if with_flood else 0))
    load.ended = load.began + seconds
    # Half of the warming up is for them to come one after another, the other half for the queue to fill.
    pause = warm / 2 / CLIENTS
    flood = [flood_client(way, load, seed, number, number * pause) for number in range(CLIENTS if with_flood else 0)]
    await asyncio.gather(people(way, load, seed), client_cpu(load), *flood)
    return load


async def flood_client(way: Way, load: Load, seed: int, number: int, pause: float) -> None:
    deal = random.Random(f"flood {seed} {number}")
    await asyncio.sleep(pause)
    turn = 0
    while time.monotonic() < load.ended:
        name = f"flood-{number}-{turn}"
        tokens = deal.randint(*FLOOD_TOKENS)
        body = chat(name, words(deal, FLOOD_WORDS), tokens)
        one = await send(way, number + turn, BATCH, name, time.monotonic(), body)
        load.asked.append(one)
        if one.answer.code != client.OK:
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)
        turn += 1


async def people(way: Way, load: Load, seed: int) -> None:
    deal = random.Random(f"people {seed}")
    sent, due = [], load.began
    while (due := due + PEOPLE_EVERY_SECONDS * deal.uniform(0.5, 1.5)) < load.ended:
        name = f"people-{len(sent)}"
        body = chat(name, words(deal, PEOPLE_WORDS), PEOPLE_TOKENS)
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        await asyncio.sleep(due - time.monotonic())
        sent.append(asyncio.create_task(send(way, len(sent), INTERACTIVE, name, due, body)))
    load.asked += await asyncio.gather(*sent)


async def client_cpu(load: Load) -> None:
    """This process's share of a core while it is measured: near one, the client would be the bottleneck."""
    await asyncio.sleep(load.began - time.monotonic())
    began, used = time.monotonic(), time.process_time()
    await asyncio.sleep(load.ended - time.monotonic())
    load.client_cpu = (time.process_time() - used) / (time.monotonic() - began)


async def send(way: Way, turn: int, lane: str, name: str, due: float, body: dict) -> Asked:
    headers = {"x-correlation-id": name, **way.headers.get(lane, {})}
    answer = await client.ask(way.port(turn), headers, body)
    return Asked(name, lane, due, body["max_tokens"], answer)


def words(deal: random.Random, count: int) -> str:
    return " ".join(deal.choices(WORDS, k=count))


def chat(name: str, text: str, tokens: int) -> dict:
    """The name comes first, so that no server's prompt cache knows the beginning."""
    message = {"role": "user", "content": f"{name}: {text}"}
    return {"model": "tiny", "messages": [message], "max_tokens": tokens, "temperature": 0}
