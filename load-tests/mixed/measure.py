"""The four arms, and one measurement of each: the load, the books, and what is reported of it."""

import asyncio
import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import client
import ledger
from load import INTERACTIVE, Asked, Load, Way, drive
from processes import Gateway, Server

STRAIGHT_ALONE, STRAIGHT_FLOOD = "straight, alone", "straight, beside the flood"
GATEWAY_FLOOD, GATEWAY_ALONE = "sidegate, beside the flood", "sidegate, alone"
ARMS = [STRAIGHT_ALONE, STRAIGHT_FLOOD, GATEWAY_FLOOD, GATEWAY_ALONE]
FLOODED = [STRAIGHT_FLOOD, GATEWAY_FLOOD]
BEHIND_GATEWAY = [GATEWAY_FLOOD, GATEWAY_ALONE]

# Beyond warming up and measuring; what takes longer hangs.
ARM_PATIENCE_SECONDS = 120


@dataclass
class Plan:
    rounds: int
    warm: float
    seconds: float


@dataclass
class Measurement:
    """One arm in one round. Times are in milliseconds, rates a second."""

    round: int
    arm: str
    codes: dict[str, dict[str, int]]
    """What became of all that was sent, by lane."""
    tokens_rate: float
    requests_rate: float
    most_late: float
    client_cpu: float
    queued: dict[str, list[float]] = field(default_factory=dict)
    """What access.jsonl says of each request, by lane, in milliseconds."""
    people: list[dict] = field(default_factory=list)

    def first_tokens(self) -> list[float]:
        return [one["first_token"] for one in self.people if one["code"] == client.OK]

    def failed(self, lane: str) -> int:
        return sum(count for code, count in self.codes[lane].items() if code != client.OK)


def measure(arm: str, number: int, plan: Plan, binary: Path, servers: list[Server], scratch: Path) -> Measurement:
    if arm not in BEHIND_GATEWAY:
        way = Way([server.port for server in servers], {})
        return measure_way(way, arm, number, plan, servers, None)
    folder = scratch / f"{number}-{arm.replace(', ', '-').replace(' ', '-')}"
    gateway = Gateway(binary, folder, servers)
    try:
        return measure_way(gateway.way(), arm, number, plan, servers, gateway)
    finally:
        gateway.stop()


def measure_way(
    way: Way, arm: str, number: int, plan: Plan, servers: list[Server], gateway: Gateway | None
) -> Measurement:
    before = ledger.server_tokens(servers)
    limit = plan.warm + plan.seconds + ARM_PATIENCE_SECONDS
    driving = drive(way, arm in FLOODED, number, plan.warm, plan.seconds)
    try:
        load = asyncio.run(asyncio.wait_for(driving, limit))
    except TimeoutError as hung:
        raise ledger.Mismatch(f"not all was answered after {limit:g} s") from hung
    ledger.check_answers(load)
    check_there_is_something(load, arm)
    ledger.check_servers(load, servers, before)
    lines = ledger.check_gateway(load, gateway) if gateway else []
    return taken_down(arm, number, load, lines)


def check_there_is_something(load: Load, arm: str) -> None:
    """No percentile of nothing, and no flood that isn't one."""
    if not any(one.answer.code == client.OK for one in load.of(INTERACTIVE)):
        raise ledger.Mismatch(f"no interactive request was answered: {ledger.codes(load.of(INTERACTIVE))}")
    if arm in FLOODED and not load.finished_inside():
        raise ledger.Mismatch("the flood finished nothing while it was measured")


def taken_down(arm: str, number: int, load: Load, lines: list[dict]) -> Measurement:
    finished, seconds = load.finished_inside(), load.ended - load.began
    people = load.of(INTERACTIVE)
    return Measurement(
        round=number,
        arm=arm,
        codes={lane: dict(ledger.codes(load.of(lane))) for lane in ledger.LANES},
        tokens_rate=sum(one.answer.completion_tokens for one in finished) / seconds,
        requests_rate=len(finished) / seconds,
        most_late=max(milliseconds(one.answer.sent - one.due) for one in people),
        client_cpu=round(load.client_cpu, 3),
        queued={lane: queued(lines, lane) for lane in ledger.LANES} if lines else {},
        people=[person(one, load) for one in people],
    )


def queued(lines: list[dict], lane: str) -> list[float]:
    seconds = (line["queue_seconds"] for line in lines if line["lane"] == lane)
    return [milliseconds(waited) for waited in seconds if waited is not None]


def person(one: Asked, load: Load) -> dict:
    first_token = one.first_token_seconds()
    return {
        "due": milliseconds(one.due - load.began),
        "late": milliseconds(one.answer.sent - one.due),
        "first_token": milliseconds(first_token) if first_token else None,
        "whole": milliseconds(one.answer.ended - one.due),
        "code": one.answer.code,
    }


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def percentile(values: list[float], percent: float) -> float:
    """By the nearest rank."""
    return sorted(values)[max(math.ceil(percent / 100 * len(values)), 1) - 1]


@dataclass
class Spread:
    """The middle of what the rounds gave, and how far they lay apart."""

    values: list[float]

    def text(self, decimals: int) -> str:
        middle, least, most = statistics.median(self.values), min(self.values), max(self.values)
        return f"{middle:,.{decimals}f} ({least:,.{decimals}f}..{most:,.{decimals}f})"


def batch_share(measurements: list[Measurement]) -> Spread:
    """What batch gets done through the gateway, of what it gets done straight in the same round."""
    straight = {one.round: one.tokens_rate for one in measurements if one.arm == STRAIGHT_FLOOD}
    return Spread([one.tokens_rate / straight[one.round] for one in measurements if one.arm == GATEWAY_FLOOD])


def of_arm(measurements: list[Measurement], arm: str) -> list[Measurement]:
    return [one for one in measurements if one.arm == arm]


def all_first_tokens(measurements: list[Measurement], arm: str) -> list[float]:
    return [time for one in of_arm(measurements, arm) for time in one.first_tokens()]
