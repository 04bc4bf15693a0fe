#!/usr/bin/env python3
"""Holds the shipped rules and dashboard against a running gateway and a real Prometheus.

    check.py [--sidegate PATH]       default: target/release/sidegate or target/debug/sidegate

One JSON line a check, `{"check", "ok", "detail"}`; 1 when one failed. It needs prometheus and promtool on PATH
(`install.sh` brings them), takes half a minute, listens on loopback only and leaves nothing behind.
"""

import argparse
import json
import re
import signal
import sys
from pathlib import Path

import promtool
from dashboard import Dashboard
from live import Live
from stage import Stage

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "conf/prometheus/rules.yaml"
RULES_TEST = ROOT / "conf/prometheus/rules_test.yaml"
SCRAPE = ROOT / "conf/prometheus/prometheus.yaml"
DASHBOARD = ROOT / "conf/grafana/sidegate.json"

DEADLINE_SECONDS = 180
PROMTOOL = {
    "rules_are_sound": ("check", "rules", RULES),
    "scrape_configuration_is_sound": ("check", "config", SCRAPE),
    "rule_tests_pass": ("test", "rules", RULES_TEST),
}


def main() -> None:
    wanted = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"not done after {DEADLINE_SECONDS} s"))
    signal.alarm(DEADLINE_SECONDS)
    dashboard = Dashboard(DASHBOARD)
    report = Report()
    with Stage(wanted.sidegate, RULES) as stage:
        # The slow test of the rules runs beside the rest.
        tools = {name: promtool.start(*words) for name, words in PROMTOOL.items()}
        stage.send_everything()
        for check in Live(stage, dashboard, RULES.read_text()).checks():
            report.run(check)
        for name, tool in tools.items():
            report.run(lambda tool=tool: promtool.complaints(tool), name)
    report.run(dashboard.mistakes, "dashboard_is_sound")
    report.run(untested_alerts, "every_alert_is_tested_both_ways")
    report.run(stage.bad_ends, "processes_end_well")
    sys.exit(0 if report.well else 1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sidegate", type=Path, default=None)
    wanted = parser.parse_args()
    built = [ROOT / "target/release/sidegate", ROOT / "target/debug/sidegate"]
    wanted.sidegate = wanted.sidegate or next((file for file in built if file.exists()), None)
    if wanted.sidegate is None:
        parser.error("no sidegate binary: build it, or name it with --sidegate")
    return wanted


class Report:
    """The lines. A check returns its problems, and with them or without what else there is to know."""

    def __init__(self) -> None:
        self.well = True

    def run(self, check, name: str | None = None) -> None:
        try:
            result = check()
        except Exception as problem:  # noqa: BLE001, whatever it is, it belongs into the line
            result = [f"{type(problem).__name__}: {problem}"]
        problems, more = result if isinstance(result, tuple) else (result, {})
        self.well &= not problems
        line = {"check": name or check.__name__, "ok": not problems, "detail": {"problems": problems, **more}}
        print(json.dumps(line, ensure_ascii=False), flush=True)


def untested_alerts():
    """By the text of the tests: each alert is asked for where it fires and where the answer is empty."""
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    asked = re.split(r"\n      - (?=expr|alertname)", RULES_TEST.read_text())
    fires = {name for one in asked if "exp_samples: []" not in one for name in re.findall(r'alertname="(\w+)"', one)}
    silent = {name for one in asked if "exp_samples: []" in one for name in re.findall(r'alertname="(\w+)"', one)}
    problems = [f"no test shows {name} firing" for name in alerts if name not in fires]
    problems += [f"no test shows {name} not firing" for name in alerts if name not in silent]
    return (problems if alerts else ["there are no alerts"]), {"alerts": len(alerts)}


if __name__ == "__main__":
    main()
