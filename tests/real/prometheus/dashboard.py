"""The shipped dashboard: its queries as Grafana would send them, and what is wrong with its form."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

# What Grafana puts in for its own variables; the stage scrapes every second.
BUILT_IN = {"$__rate_interval": "30s", "$__interval": "5s", "$__range": "5m"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass
class Query:
    """One target of a panel, with its variables filled in."""

    where: str
    expression: str
    instant: bool


class Dashboard:
    def __init__(self, file: Path) -> None:
        self.board = json.loads(file.read_text())
        self.variables = {variable["name"]: variable for variable in self.board["templating"]["list"]}
        self.panels = [panel for panel in self.board["panels"] if panel["type"] != "row"]

    @property
    def client_codes(self) -> str:
        return self.variables["client_codes"]["query"]

    def queries(self) -> list[Query]:
        found = [
            Query(f"{panel['title']} {target['refId']}", self.filled_in(target["expr"]), bool(target.get("instant")))
            for panel in self.panels
            for target in panel["targets"]
        ]
        notes = [note for note in self.board["annotations"]["list"] if "expr" in note]
        return found + [Query(f"annotation {note['name']}", self.filled_in(note["expr"]), False) for note in notes]

    def label_queries(self) -> list[tuple[str, str]]:
        """Selector and label of each variable that lists label values."""
        texts = [v["query"]["query"] for v in self.variables.values() if v["type"] == "query"]
        matches = [re.fullmatch(r"label_values\((.+), (\w+)\)", text) for text in texts]
        return [(self.filled_in(match[1]), match[2]) for match in matches]

    def filled_in(self, expression: str) -> str:
        for name, value in BUILT_IN.items():
            expression = expression.replace(name, value)
        for name, variable in self.variables.items():
            value = variable["query"] if variable["type"] == "constant" else ".*"
            expression = expression.replace(f"${name}", value)
        return expression

    def mistakes(self) -> list[str]:
        """Whatever Grafana would show wrongly without a word."""
        return [*self.mistakes_of_panels(), *self.overlaps(), *self.unknown_variables()]

    def mistakes_of_panels(self):
        identifiers = [panel["id"] for panel in self.board["panels"]]
        if len(set(identifiers)) != len(identifiers):
            yield "two panels have one id"
        for panel in self.panels:
            names = [target["refId"] for target in panel["targets"]]
            if len(set(names)) != len(names):
                yield f"{panel['title']}: two queries have one name"
            if not panel.get("description"):
                yield f"{panel['title']}: no description"
            if any(source != DATASOURCE for source in [panel["datasource"], *(t["datasource"] for t in panel["targets"])]):
                yield f"{panel['title']}: a data source of its own"

    def overlaps(self):
        taken: dict[tuple[int, int], str] = {}
        for panel in self.board["panels"]:
            place = panel["gridPos"]
            if place["x"] + place["w"] > 24:
                yield f"{panel['title']}: wider than the page"
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    if (other := taken.setdefault((x, y), panel["title"])) != panel["title"]:
                        yield f"{panel['title']} lies on {other}"

    def unknown_variables(self):
        for query in self.queries():
            for name in re.findall(r"\$\{?(\w+)", query.expression):
                yield f"{query.where}: nobody defines ${name}"
