"""The tables, in Markdown, and the folder of a run."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import load
from measure import (
    ARMS,
    FLOODED,
    GATEWAY_FLOOD,
    STRAIGHT_FLOOD,
    Measurement,
    Plan,
    Spread,
    all_first_tokens,
    batch_share,
    of_arm,
    percentile,
)
from processes import ROOT

PLOT = "first-token.svg"
README = ROOT / "load-tests" / "README.md"
BEGIN, END = "<!-- latest mixed run -->\n", "<!-- end of latest mixed run -->\n"


def line(one: Measurement) -> str:
    """One measurement, as it is made."""
    times = one.first_tokens()
    text = f"round {one.round}  {one.arm:<26} {len(one.people):>4} requests"
    text += "".join(f"  {percentile(times, percent):.1f} ms p{percent}" for percent in (50, 95))
    text += f"  {max(times):.1f} ms most"
    return text + (f"  {one.tokens_rate:,.0f} batch tokens a second" if one.arm in FLOODED else "")


def tables(machine: dict, plan: Plan, measurements: list[Measurement]) -> str:
    parts = [head(machine, plan), people(measurements), flood(measurements), notes(measurements)]
    return "\n\n".join(parts) + "\n"


def head(machine: dict, plan: Plan) -> str:
    versions = machine["versions"]
    return " · ".join(
        [
            machine["at"][:10],
            f"{machine['cpus']} × {machine['cpu_model']}",
            machine["kernel"],
            f"commit {versions['commit']}",
            f"build {versions['build']}",
            f"{plan.rounds} rounds of {plan.seconds:g} s an arm",
            f"load average at the start {machine['load_average']}",
        ]
    )


def people(measurements: list[Measurement]) -> str:
    rows = [
        "| time to first token, ms | requests | failed | p50 | p95 | p99 | most |",
        "|---|---|---|---|---|---|---|",
    ]
    for arm in ARMS:
        own, times = of_arm(measurements, arm), all_first_tokens(measurements, arm)
        failed = sum(one.failed(load.INTERACTIVE) for one in own)
        cells = [f"{len(times) + failed}", f"{failed}"]
        cells += [over_all_and_by_round(own, times, percent) for percent in (50, 95)]
        cells += [f"{percentile(times, 99):,.1f}", f"{max(times):,.1f}"]
        rows.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(rows)


def over_all_and_by_round(own: list[Measurement], times: list[float], percent: int) -> str:
    rounds = [percentile(one.first_tokens(), percent) for one in own]
    return f"{percentile(times, percent):,.1f} ({min(rounds):,.1f}..{max(rounds):,.1f})"


def flood(measurements: list[Measurement]) -> str:
    rows = [
        "| what batch gets done | tokens a second | of straight | requests a second | failed |",
        "|---|---|---|---|---|",
    ]
    shares = {STRAIGHT_FLOOD: "1.00", GATEWAY_FLOOD: batch_share(measurements).text(2)}
    for arm in FLOODED:
        own = of_arm(measurements, arm)
        tokens, requests = Spread([one.tokens_rate for one in own]), Spread([one.requests_rate for one in own])
        failed = sum(one.failed(load.BATCH) for one in own)
        rows.append(f"| {arm} | {tokens.text(0)} | {shares[arm]} | {requests.text(1)} | {failed} |")
    return "\n".join(rows)


def notes(measurements: list[Measurement]) -> str:
    queued = {
        lane: [waited for one in of_arm(measurements, GATEWAY_FLOOD) for waited in one.queued[lane]]
        for lane in (load.BATCH, load.INTERACTIVE)
    }
    waits = [
        f"{lane} p50 {percentile(waited, 50):,.1f} ms, p99 {percentile(waited, 99):,.1f} ms, most {max(waited):,.1f} ms"
        for lane, waited in queued.items()
    ]
    late, cpu = max(one.most_late for one in measurements), max(one.client_cpu for one in measurements)
    return (
        f"Waited in sidegate's queue beside the flood, by its access log: {'; '.join(waits)}.\n"
        f"The client sent no request more than {late:.1f} ms late and took at most {cpu:.0%} of a core."
    )


def write_down(out: Path, machine: dict, table: str, plot: str, measurements: list[Measurement]) -> Path:
    folder = new_folder(out, machine["at"][:10])
    (folder / "machine.json").write_text(json.dumps(machine, indent=2, ensure_ascii=False) + "\n")
    (folder / "table.md").write_text(table)
    (folder / PLOT).write_text(plot)
    with (folder / "measurements.jsonl").open("w") as measured, (folder / "samples.jsonl").open("w") as samples:
        for one in measurements:
            whole = asdict(one)
            for sample in whole.pop("people"):
                samples.write(json.dumps({"round": one.round, "arm": one.arm, **sample}) + "\n")
            measured.write(json.dumps(whole) + "\n")
    return folder


def new_folder(out: Path, date: str) -> Path:
    """Of the day's date; a second run of the same day gets a number."""
    names = [f"{date}-mixed", *(f"{date}-mixed-{number}" for number in range(2, 1000))]
    folder = next(out / name for name in names if not (out / name).exists())
    folder.mkdir(parents=True)
    return folder


def put_into_readme(table: str, folder: Path) -> None:
    text = README.read_text()
    front, began, rest = text.partition(BEGIN)
    _, ended, back = rest.partition(END)
    if not (began and ended):
        raise SystemExit("load-tests/README.md lacks the marks around the mixed table")
    picture = Path(os.path.relpath(folder / PLOT, README.parent))
    image = f"![How many of the interactive requests had their first token by when]({picture.as_posix()})\n\n"
    README.write_text(front + BEGIN + image + table + END + back)
