"""A dashboard in Grafana's JSON: rows of panels, the variables, the links to the others."""

from .panels import DATASOURCE, SCOPES, identifier

COLUMNS = 24

# A variable's values are those of its label on this metric, within what the variables before it leave.
# All of them also means those without the label where a metric of the scope can lack it.
VARIABLES = {
    "job": ("Job", "pgwarden_build_info", ".+", "The Prometheus job that scrapes pgwarden."),
    "instance": ("Instance", "pgwarden_build_info", ".+", "The address at which Prometheus scrapes pgwarden."),
    "target": ("Target", "pgwarden_up", ".+", "A PostgreSQL server, by the name that the configuration gives it."),
    "datname": ("Database", "pgwarden_database_up", ".*", "A database of the targets."),
    "schemaname": ("Schema", "pgwarden_table_size_bytes", ".*", "A schema of the databases, one with large tables."),
    "relname": ("Table", "pgwarden_table_size_bytes", ".+", "A table of the schemas, of the largest."),
}


def variables(scope):
    """The data source, then each label of the scope, chained."""
    labels = SCOPES[scope]
    source = {
        "name": "datasource",
        "label": "Data source",
        "description": "The Prometheus that scrapes pgwarden.",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "regex": "",
    }
    return [source, *(variable(label, labels[: labels.index(label)]) for label in labels)]


def variable(label, earlier):
    title, metric, everything, about = VARIABLES[label]
    within = ", ".join(f'{name}=~"${name}"' for name in earlier)
    selector = f"{metric}{{{within}}}" if within else metric
    query = f"label_values({selector}, {label})"
    return {
        "name": label,
        "label": title,
        "description": about,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": everything,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "options": [],
        "regex": "",
    }


def row(title, *panels):
    """A titled row with its panels, which flow from left to right."""
    return title, panels


def place(rows):
    """Gives each panel its place: as many side by side as fit, each row below what is above it."""
    placed, top = [], 0
    for title, panels in rows:
        placed.append({
            "id": identifier(f"row {title}"),
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            "panels": [],
        })
        top += 1
        left = height = 0
        for panel in panels:
            size = panel["gridPos"]
            if left + size["w"] > COLUMNS:
                left, top, height = 0, top + height, 0
            size["x"], size["y"] = left, top
            left, height = left + size["w"], max(height, size["h"])
            placed.append(panel)
        top += height
    return placed


def dashboard(uid, title, about, scope, time, *rows):
    """The whole. All dashboards with the tag are linked, so that one more needs no change to the others."""
    return {
        "uid": uid,
        "title": title,
        "description": " ".join(about.split()),
        "tags": ["pgwarden"],
        # The version of Grafana 11.0; later ones read it as it is.
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": time, "to": "now"},
        "timezone": "browser",
        "links": [{
            "type": "dashboards",
            "tags": ["pgwarden"],
            "title": "pgwarden",
            "tooltip": "The other dashboards, for the same servers and the same time",
            "icon": "external link",
            "asDropdown": False,
            "includeVars": True,
            "keepTime": True,
            "targetBlank": False,
        }],
        "templating": {"list": variables(scope)},
        "annotations": {"list": []},
        "panels": place(rows),
    }
