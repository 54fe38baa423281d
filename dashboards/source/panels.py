"""Panels in Grafana's JSON, each from what is particular about it."""

import dataclasses
import re
import zlib

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# What an expression writes as its first matcher stands for the variables of that scope: `pgwarden_up{TARGET}`.
# PLACE is for what a database has, and the server as a whole under an empty datname, which every choice keeps in sight.
SCOPES = {
    "EXPORTER": ["job", "instance"],
    "TARGET": ["job", "instance", "target"],
    "DATABASE": ["job", "instance", "target", "datname"],
    "PLACE": ["job", "instance", "target", "datname"],
    "SCHEMA": ["job", "instance", "target", "datname", "schemaname"],
    "TABLE": ["job", "instance", "target", "datname", "schemaname", "relname"],
}

# What is below the first threshold, what has none, and what has no value.
GOOD, PLAIN, NO_DATA = "green", "text", "purple"

# No value is not a good value: it has a colour of its own.
NULL_IS_NO_DATA = {
    "type": "special",
    "options": {"match": "null+nan", "result": {"text": "no data", "color": NO_DATA, "index": 0}},
}


def matchers(scope):
    """The matchers of a scope, each variable on the label of its name."""
    text = ", ".join(f'{label}=~"${label}"' for label in SCOPES[scope])
    return text.replace('"$datname"', '"|$datname"') if scope == "PLACE" else text


def expand(expression):
    """PromQL with its scopes written out, on one line."""
    expression = " ".join(expression.split())
    return re.sub(rf"\{{({'|'.join(SCOPES)})\b", lambda found: "{" + matchers(found[1]), expression)


def words(texts):
    """The value mapping of 0, 1... or of label values to texts and colours."""
    options = {str(value): {"text": text, "color": colour, "index": index + 1}
               for index, (value, (text, colour)) in enumerate(texts.items())}
    return {"type": "value", "options": options}


def steps(thresholds, base=None):
    """Grafana's thresholds. Without any the value is not judged."""
    base = base or (GOOD if thresholds else PLAIN)
    values = [{"color": base, "value": None}, *({"color": colour, "value": value} for value, colour in thresholds)]
    return {"mode": "absolute", "steps": values}


def query(index, expression, **more):
    name = chr(ord("A") + index)
    return {"datasource": DATASOURCE, "editorMode": "code", "expr": expand(expression), "refId": name, **more}


def identifier(title):
    """A number that follows from the title, so that it survives a rearrangement."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1


def panel(kind, title, about, width, height, targets, defaults, options, overrides=(), **more):
    """What all panels have."""
    return {
        "id": identifier(title),
        "type": kind,
        "title": title,
        "description": " ".join(about.split()),
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height, "x": 0, "y": 0},
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
        **more,
    }


def stat(title, about, expression, unit="short", thresholds=(), width=3, height=4, base=None, decimals=None):
    """One number of this moment, on a coloured ground where it is judged."""
    defaults = {
        "unit": unit,
        "thresholds": steps(thresholds, base),
        "mappings": [NULL_IS_NO_DATA],
        "color": {"mode": "thresholds"},
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background" if thresholds or base else "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value",
    }
    target = query(0, expression, instant=True, range=False)
    return panel("stat", title, about, width, height, [target], defaults, options)


def timeseries(title, about, queries, unit="short", width=12, height=8, stack=False, limits=(), least=0, most=None):
    """Lines over time. `queries` are (legend, expression); `limits` are drawn as lines in their colour."""
    style = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40 if stack else 10,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if limits else "off"},
    }
    defaults = {
        "unit": unit,
        "noValue": "no data",
        "color": {"mode": "palette-classic"},
        "custom": style,
        "thresholds": steps(limits, "transparent"),
    }
    if least is not None:
        defaults["min"] = least
    if most is not None:
        defaults["max"] = most
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    targets = [query(index, expression, legendFormat=legend, instant=False, range=True)
               for index, (legend, expression) in enumerate(queries)]
    return panel("timeseries", title, about, width, height, targets, defaults, options)


def bars(title, about, legend, expression, unit="short", width=12, height=8, most=None, empty="none seen"):
    """One horizontal bar for each series of this moment."""
    defaults = {
        "unit": unit,
        "min": 0,
        "noValue": empty,
        "color": {"mode": "thresholds"},
        "thresholds": steps((), "blue"),
    }
    if most is not None:
        defaults["max"] = most
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "namePlacement": "top",
        "sizing": "auto",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "maxVizHeight": 40,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    target = query(0, expression, legendFormat=legend, instant=True, range=False)
    return panel("bargauge", title, about, width, height, [target], defaults, options)


@dataclasses.dataclass
class Column:
    """A column of a table: the value of an expression, or a label that one of them brings."""

    name: str
    expression: str = None
    label: str = None
    unit: str = None
    thresholds: list = ()
    words: dict = None
    width: int = None
    link: dict = None
    decimals: int = None
    empty: str = "–"

    def override(self):
        properties = [("noValue", self.empty)]
        if self.unit:
            properties.append(("unit", self.unit))
        if self.decimals is not None:
            properties.append(("decimals", self.decimals))
        if self.words:
            properties.append(("mappings", [words(self.words)]))
        if self.thresholds or self.words:
            properties.append(("thresholds", steps(self.thresholds, "transparent")))
            properties.append(("custom.cellOptions", {"type": "color-background", "mode": "basic"}))
        if self.width:
            properties.append(("custom.width", self.width))
        if self.link:
            properties.append(("links", [self.link]))
        return {
            "matcher": {"id": "byName", "options": self.name},
            "properties": [{"id": name, "value": value} for name, value in properties],
        }


def table(title, about, columns, rows=(), sort=(), width=24, height=8, empty="none seen"):
    """A table of this moment: its rows are the label sets of its expressions, joined on the labels that they share.

    `rows` are expressions that only bring rows and labels. Labels that are no column are left out. `sort` names
    columns; the largest come first, or with a + before the name the smallest.
    """
    expressions = [*rows, *(column.expression for column in columns if column.expression)]
    targets = [query(index, expression, format="table", instant=True, range=False)
               for index, expression in enumerate(expressions)]
    # Grafana names values after their query, unless there is only one. `Value` of several is the one that answered
    # alone: the rows, as a rule, whose value is never shown.
    value = ["Value"] if len(targets) == 1 else [f"Value #{target['refId']}" for target in targets]
    values = iter(value[len(rows):])
    names = {next(values) if column.expression else column.label: column.name for column in columns}
    order = {field: index for index, field in enumerate(names)}
    transformations = [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": list(names)}}},
        {"id": "organize", "options": {"excludeByName": {}, "indexByName": order, "renameByName": names}},
    ]
    defaults = {
        # Labels are text, also where a revision looks like a number.
        "unit": "string",
        "noValue": empty,
        "color": {"mode": "thresholds"},
        "thresholds": steps(()),
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False, "inspect": False},
    }
    options = {"showHeader": True, "cellHeight": "sm"}
    if sort:
        options["sortBy"] = [{"displayName": name.lstrip("+"), "desc": name[0] != "+"} for name in sort]
    return panel(
        "table", title, about, width, height, targets, defaults, options,
        [column.override() for column in columns],
        transformations=transformations,
    )
