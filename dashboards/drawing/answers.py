"""What a Prometheus answers to the queries of a panel."""

import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request


class Prometheus:
    """A Prometheus, asked as Grafana would for a time range with every variable at All."""

    def __init__(self, url, seconds, rate_interval, steps=300):
        self.url = url.rstrip("/")
        self.end = time.time()
        self.start = self.end - seconds
        self.step = seconds / steps
        self.built_in = {"__rate_interval": rate_interval, "__range": f"{int(seconds)}s"}

    def answer(self, dashboard, panel):
        """The series of each target of a panel, as (labels, [(time, value)]); ValueError for an expression in error."""
        values = {v["name"]: v["allValue"] for v in dashboard["templating"]["list"] if v["type"] == "query"}
        return [self.evaluate(target, self.built_in | values) for target in panel["targets"]]

    def evaluate(self, target, variables):
        expression = target["expr"]
        for name in sorted(variables, key=len, reverse=True):
            expression = expression.replace(f"${name}", variables[name])
        if target["instant"]:
            result = self.ask("query", query=expression, time=self.end)
            return [(series["metric"], points([series["value"]])) for series in result]
        result = self.ask("query_range", query=expression, start=self.start, end=self.end, step=self.step)
        return [(series["metric"], points(series["values"])) for series in result]

    def ask(self, path, **parameters):
        form = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", form, timeout=60) as response:
                return json.load(response)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise ValueError(f"{json.load(error)['error']}: {parameters['query']}") from None


def points(values):
    return [(float(moment), float(value)) for moment, value in values]


def is_empty(series):
    """Whether nothing would be seen: no series, or only what is not a number."""
    return all(math.isnan(value) for _, values in series for _, value in values)


def legend(template, labels):
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), template).strip()


def rows(panel, answers):
    """The rows of a table, by the title of their column: merged, filtered, ordered and named as Grafana does."""
    steps = {step["id"]: step["options"] for step in panel["transformations"]}
    names = steps["organize"]["renameByName"]
    answered = [answer for answer in answers if answer]
    known = [{label for labels, _ in answer for label in labels} for answer in answered]
    shared = set.intersection(*known) if known else set()
    merged = {}
    for target, answer in zip(panel["targets"], answers):
        value = "Value" if len(answered) == 1 else f"Value #{target['refId']}"
        for labels, [(_, number)] in answer:
            row = {**labels, value: number}
            group = merged.setdefault(tuple(labels.get(label) for label in sorted(shared)), [])
            fitting = [other for other in group if all(other.get(key, field) == field for key, field in row.items())]
            for other in fitting:
                other.update(row)
            if not fitting:
                group.append(row)
    table = [{title: row.get(field) for field, title in names.items()} for group in merged.values() for row in group]
    for order in reversed(panel["options"].get("sortBy", [])):
        known = [row for row in table if row[order["displayName"]] is not None]
        known.sort(key=lambda row: row[order["displayName"]], reverse=order["desc"])
        table = known + [row for row in table if row[order["displayName"]] is None]
    return table
