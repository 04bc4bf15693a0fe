#!/usr/bin/env python3
"""What people feel while a batch flood runs: straight at two llama.cpp servers, and through sidegate.

    load-tests/mixed.sh            builds and installs what is missing, then runs this; about four minutes
    load-tests/mixed.sh --quick    under one
    load-tests/mixed.sh --readme   puts the plot and the tables into load-tests/README.md, too

Each round has four arms, which take turns at going first: straight and through sidegate, alone and beside the flood.
The requests of a round are the same in every arm. Nothing is printed as a result unless all of it adds up: client,
servers, access log and metrics must have counted the same requests and tokens; else the exit code is 1.
"""

import argparse
import dataclasses
import os
import signal
import sys
import tempfile
from pathlib import Path

import load
import machine
import measure
import plot
import report
from ledger import Mismatch
from processes import ROOT, Server

FULL = measure.Plan(rounds=4, warm=2.0, seconds=12.0)
QUICK = measure.Plan(rounds=2, warm=1.5, seconds=3.0)


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = arguments()
    plan = QUICK if wanted.quick else FULL
    plan = dataclasses.replace(plan, rounds=wanted.rounds or plan.rounds)
    binary = (wanted.binary or built()).resolve()
    if not binary.is_file():
        sys.exit(f"there is no {binary}")
    facts = machine.look(binary, is_given=wanted.binary is not None)
    with tempfile.TemporaryDirectory(prefix="mixed-") as scratch:
        try:
            measurements = all_rounds(plan, binary, Path(scratch))
        except (Mismatch, OSError, ValueError) as problem:
            sys.exit(f"no figure: {type(problem).__name__}: {problem}")
    table = report.tables(facts, plan, measurements)
    print(f"\n{table}")
    times = {arm: measure.all_first_tokens(measurements, arm) for arm in measure.ARMS}
    folder = report.write_down(wanted.out, facts, table, plot.draw(times, load.CLIENTS), measurements)
    print(f"raw data: {folder}")
    if wanted.readme:
        report.put_into_readme(table, folder)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two short rounds, under a minute")
    parser.add_argument("--rounds", type=int, help="in place of four, or two with --quick")
    parser.add_argument("--binary", type=Path, help="a sidegate to use in place of building one")
    parser.add_argument("--out", type=Path, default=ROOT / "load-tests" / "runs", help="where the run's folder goes")
    parser.add_argument("--readme", action="store_true", help="put the result into load-tests/README.md")
    return parser.parse_args()


def built() -> Path:
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "release" / "sidegate"


def all_rounds(plan: measure.Plan, binary: Path, scratch: Path) -> list[measure.Measurement]:
    servers: list[Server] = []
    try:
        for number in (1, 2):
            servers.append(Server(scratch / f"server-{number}"))
        return [one for number in range(plan.rounds) for one in one_round(number, plan, binary, servers, scratch)]
    finally:
        for server in servers:
            server.stop()


def one_round(number: int, plan: measure.Plan, binary: Path, servers: list[Server], scratch: Path):
    first = number % len(measure.ARMS)
    for arm in measure.ARMS[first:] + measure.ARMS[:first]:
        try:
            one = measure.measure(arm, number + 1, plan, binary, servers, scratch)
        except Mismatch as problem:
            raise Mismatch(f"round {number + 1}, {arm}: {problem}") from problem
        print(report.line(one), flush=True)
        yield one


if __name__ == "__main__":
    main()
