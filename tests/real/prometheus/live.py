"""The checks that need the gateway and Prometheus. Each returns its problems, or those and what else there is to know."""

import math
import re
import time

import promtool
from dashboard import Dashboard
from process import eventually
from silent import NOT_YET, QUIET, REASONS, UNUSED
from stage import Stage

# What the demo's lessons and a broken configuration set off.
EXPECTED_ALERTS = {"SidegateBreakerOpen", "SidegateNoUpstreamLeft", "SidegateConfigRejected", "SidegateFailuresBurnFast"}
HISTOGRAM_PARTS = r"_(bucket|sum|count)$"


class Live:
    """The checks that need both processes."""

    def __init__(self, stage: Stage, dashboard: Dashboard, rules_text: str) -> None:
        self.stage, self.dashboard, self.rules_text = stage, dashboard, rules_text
        self.text = stage.metrics()
        self.declared = dict(re.findall(r"^# TYPE (\S+) (\w+)$", self.text, re.MULTILINE))
        self.rules = self.rules_now()

    def rules_now(self) -> list[dict]:
        return [rule for group in self.stage.ask("rules")["groups"] for rule in group["rules"]]

    def checks(self):
        """In the order in which they have to run: the alerts' makes the breakers' panels speak."""
        return [
            self.metrics_are_sound,
            self.client_codes_stand_in_one_list,
            self.label_values_exist,
            self.every_metric_is_declared_and_used,
            self.variables_list_something,
            self.expected_alerts_fire,
            self.dashboard_queries_answer,
            self.rules_answer,
            self.silence_is_explained,
        ]

    def metrics_are_sound(self):
        return promtool.complaints(promtool.start("check", "metrics", text=self.text))

    def client_codes_stand_in_one_list(self):
        shipped = re.findall(r'code!~"([^"]+)"', self.rules_text)
        return [] if shipped == [self.dashboard.client_codes] else ["rules and dashboard differ"]

    def label_values_exist(self):
        """A code or lane with a slip in its name would match nothing, and nobody would notice."""
        named = re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]+)"', " ".join(self.expressions()))
        wanted = sorted({(label, value) for label, values in named if values != ".*" for value in values.split("|")})
        known = {label: self.stage.ask(f"label/{label}/values") for label, _ in wanted}
        return [f"no {label} is {value}" for label, value in wanted if value not in known[label]], {"values": len(wanted)}

    def expressions(self) -> list[str]:
        return [query.expression for query in self.dashboard.queries()] + [rule["query"] for rule in self.rules]

    def every_metric_is_declared_and_used(self):
        used = {metric for expression in self.expressions() for metric in self.metrics_of(expression)}
        unknown = sorted(used - self.declared.keys() - NOT_YET.keys())
        unused = sorted(self.declared.keys() - used - UNUSED.keys())
        return [f"there is no {name}" for name in unknown] + [f"nobody looks at {name}" for name in unused]

    def metrics_of(self, expression: str) -> set[str]:
        """The gateway's own metrics in it; not what the rules record, whose names have colons."""
        bare = re.sub(r'"[^"]*"', "", expression)
        names = re.findall(r"(?<![\w:])(?:sidegate|process)_\w+(?![\w:])", bare)
        whole = (re.sub(HISTOGRAM_PARTS, "", name) for name in names)
        return {part if self.declared.get(part) == "histogram" else name for part, name in zip(whole, names)}

    def variables_list_something(self):
        queries = self.dashboard.label_queries()
        values = {label: self.stage.ask(f"label/{label}/values", **{"match[]": match}) for match, label in queries}
        return [f"no values of {label}" for label, found in values.items() if not found], values

    def dashboard_queries_answer(self):
        problems, empty = [], {}
        queries = self.dashboard.queries()
        for query in queries:
            try:
                shows = self.has_numbers(query.expression, query.instant)
            except ValueError as refusal:
                problems.append(f"{query.where}: {refusal}")
                continue
            if not shows:
                reason = QUIET.get(query.where) or self.excuse(query.expression)
                empty[query.where] = reason or "nobody knows why"
                problems += [] if reason else [f"{query.where} shows nothing: {query.expression}"]
        return problems, {"queries": len(queries), "empty": empty}

    def has_numbers(self, expression: str, instant: bool) -> bool:
        if instant:
            values = [[one["value"]] for one in self.stage.ask("query", query=expression)["result"]]
        else:
            now = time.time()
            span = {"start": f"{now - 60:.3f}", "end": f"{now:.3f}", "step": "5"}
            values = [one["values"] for one in self.stage.ask("query_range", query=expression, **span)["result"]]
        return any(not math.isnan(float(value)) for series in values for _, value in series)

    def excuse(self, expression: str) -> str | None:
        silent = [metric for metric in sorted(self.metrics_of(expression)) if metric in REASONS and self.is_silent(metric)]
        return f"{silent[0]}: {REASONS[silent[0]]}" if silent else None

    def is_silent(self, metric: str) -> bool:
        """No series, or a histogram that has seen nothing."""
        if self.declared.get(metric) == "histogram":
            return self.stage.sum(f"{metric}_count") == 0
        return not self.stage.ask("query", query=metric)["result"]

    def expected_alerts_fire(self):
        """With their words: a template's mistake shows when it is filled in."""
        self.stage.change("max_tokens: 256", "max_tokens: many", "rejected")
        firing = {}

        def all_fire():
            # A breaker must be seen to refuse: the value with which a series begins is no increase.
            self.stage.send("demo-error")
            alerts = [alert for alert in self.stage.ask("alerts")["alerts"] if alert["state"] == "firing"]
            firing.update({alert["labels"]["alertname"]: alert["annotations"] for alert in alerts})
            return True if firing.keys() >= EXPECTED_ALERTS else None

        try:
            eventually("alerts", all_fire)
        except TimeoutError:
            return [f"{name} doesn't fire" for name in sorted(EXPECTED_ALERTS - firing.keys())]
        words = {name: annotations["summary"] for name, annotations in firing.items()}
        wrong = [name for name, annotations in firing.items() if re.search("<error|<no value>|%!", str(annotations))]
        return [f"the words of {name}: {firing[name]}" for name in wrong], {"firing": words}

    def rules_answer(self):
        """Each was evaluated without an error, and so is its expression when asked for."""
        problems, empty = [], {}
        for rule in self.evaluated_rules():
            if rule["health"] != "ok":
                problems.append(f"{rule['name']} is {rule['health']}: {rule.get('lastError')}")
            if self.stage.ask("query", query=rule["query"])["result"] or rule["type"] == "alerting":
                continue
            reason = self.excuse(rule["query"])
            empty[rule["name"]] = reason or "nobody knows why"
            problems += [] if reason else [f"{rule['name']} records nothing"]
        return problems, {"rules": len(self.rules), "empty": empty}

    def evaluated_rules(self) -> list[dict]:
        def evaluated():
            rules = self.rules_now()
            return rules if all(rule["health"] != "unknown" for rule in rules) else None

        return eventually("every rule to be evaluated", evaluated)

    def silence_is_explained(self):
        spoke = [metric for metric in NOT_YET if not self.is_silent(metric)]
        return [f"{metric} has series now: take it off NOT_YET in silent.py" for metric in spoke]
