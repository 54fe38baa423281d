"""How Grafana writes a value and which colour it gives it."""

import math
import time

COLOURS = {
    "green": "#4f9e58",
    "orange": "#d9822b",
    "red": "#d0343f",
    "blue": "#4a7fd4",
    "purple": "#8f5bbd",
    "text": "#ccccdc",
    "transparent": None,
}
RATES = {"ops": "ops/s", "wps": "wr/s", "rps": "rd/s"}


def number(value, decimals=None):
    if decimals is None:
        decimals = 0 if float(value).is_integer() else 1 if abs(value) >= 10 else 2
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def scaled(value, units, factor, decimals):
    for unit in units[:-1]:
        if abs(value) < factor:
            break
        value /= factor
    else:
        unit = units[-1]
    return f"{number(value, decimals)} {unit}".strip()


def seconds(value, decimals=None):
    if abs(value) < 1 and value:
        return f"{number(value * 1000, decimals)} ms"
    for unit, size, limit in [("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400), ("d", 86400, math.inf)]:
        if abs(value) < limit:
            return f"{number(value / size, 1 if decimals == 0 and size > 1 else decimals)} {unit}"


def ago(milliseconds):
    passed = max(time.time() - milliseconds / 1000, 0)
    for unit, size, limit in [("second", 1, 60), ("minute", 60, 3600), ("hour", 3600, 86400), ("day", 86400, math.inf)]:
        if passed < limit:
            count = max(round(passed / size), 1)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"


def write(value, unit, decimals=None):
    if unit == "s":
        return seconds(value, decimals)
    if unit == "bytes":
        return scaled(value, ["B", "KiB", "MiB", "GiB", "TiB"], 1024, decimals)
    if unit == "percentunit":
        return f"{number(value * 100, decimals)} %"
    if unit == "dateTimeFromNow":
        return ago(value)
    if unit == "none":
        return number(value, decimals)
    return scaled(value, ["", "K", "Mil", "Bil"], 1000, decimals) + (f" {RATES[unit]}" if unit in RATES else "")


def threshold(steps, value):
    """The colour of the last threshold that the value reaches."""
    colour = steps[0]["color"]
    for step in steps[1:]:
        if value >= step["value"]:
            colour = step["color"]
    return COLOURS[colour]


def display(value, config):
    """Text and colour of a value; of None, what stands for no value."""
    mappings = config.get("mappings", [])
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    for mapping in mappings:
        options = mapping["options"]
        if mapping["type"] == "value":
            result = None if missing else options.get(value if isinstance(value, str) else number(value))
        else:
            result = options["result"] if missing else None
        if result:
            return result["text"], COLOURS[result["color"]]
    steps = config["thresholds"]["steps"]
    if missing:
        return config.get("noValue", "no data"), COLOURS[steps[0]["color"]]
    if isinstance(value, str):
        return value, COLOURS[steps[0]["color"]]
    return write(value, config.get("unit", "short"), config.get("decimals")), threshold(steps, value)
