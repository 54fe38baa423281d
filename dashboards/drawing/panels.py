"""Each kind of panel, drawn into its frame."""

import math
import time

from .answers import legend, rows
from .canvas import BORDER, FAINT, GRID, INK, SURFACE
from .values import COLOURS, display, write

PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#fade2a", "#c0d8ff"]
TITLE = 28


def draw(canvas, frame, panel, answers, span):
    """A panel with its title; `span` is the time range."""
    left, top, right, bottom = frame
    canvas.box(*frame, SURFACE, BORDER, 2)
    canvas.text(left + 8, top + 8, panel["title"], 13, width=right - left - 16)
    inside = (left + 8, top + TITLE, right - 8, bottom - 8)
    KINDS[panel["type"]](canvas, inside, panel, answers, span)


def stat(canvas, frame, panel, answers, _):
    left, top, right, bottom = frame
    config = panel["fieldConfig"]["defaults"]
    value = answers[0][0][1][0][1] if answers[0] else None
    text, colour = display(value, config)
    ground = panel["options"]["colorMode"] == "background" or value is None
    if ground:
        canvas.box(left - 8, top, right + 8, bottom + 8, colour, radius=2)
    size = canvas.fitting(text, right - left, [44, 38, 32, 26, 20])
    middle = ((left + right) / 2, (top + bottom) / 2 + 2)
    canvas.text(*middle, text, size, "#ffffff" if ground else colour, anchor="mm")


def nothing(canvas, frame, panel):
    left, top, right, bottom = frame
    text = panel["fieldConfig"]["defaults"].get("noValue", "no data")
    canvas.text((left + right) / 2, (top + bottom) / 2, text, 14, FAINT, anchor="mm")


def ticks(least, most, base):
    """Round values between two bounds; bytes go in powers of two."""
    rough = (most - least) / 5
    if base == 1024 and rough >= 1:
        step = 2 ** math.ceil(math.log2(rough))
    else:
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(least / step)
    return [step * number for number in range(first, math.floor(most / step + 1e-9) + 1)]


def stacked(series):
    """Each series on top of those before it, missing points as nothing."""
    total, result = {}, []
    for name, values in series:
        below = dict(total)
        for moment, value in values:
            total[moment] = total.get(moment, 0) + (0 if math.isnan(value) else value)
        result.append((name, [(moment, total[moment]) for moment, _ in values], below))
    return result


def timeseries(canvas, frame, panel, answers, span):
    left, top, right, bottom = frame
    config = panel["fieldConfig"]["defaults"]
    style = config["custom"]
    series = [(legend(target["legendFormat"], labels), values)
              for target, answer in zip(panel["targets"], answers) for labels, values in answer]
    if not series:
        return nothing(canvas, frame, panel)
    stack = style["stacking"]["mode"] == "normal"
    lines = stacked(series) if stack else [(name, values, {}) for name, values in series]
    numbers = [value for _, values, _ in lines for _, value in values if not math.isnan(value)] or [0]
    least, most = config.get("min", min(numbers)), config.get("max", max(numbers))
    if most <= least:
        most = least + 1
    most = most if "max" in config else most + (most - least) * 0.05
    names = legends(canvas, left, right, [name for name, _, _ in lines])
    plot = (left + 62, top + 4, right - 4, bottom - 22 - 18 * len(names))

    def across(moment):
        return plot[0] + (moment - span[0]) / (span[1] - span[0]) * (plot[2] - plot[0])

    def up(value):
        return plot[3] - (value - least) / (most - least) * (plot[3] - plot[1])

    axes(canvas, plot, across, up, ticks(least, most, 1024 if config["unit"] == "bytes" else 10), config["unit"], span)
    for step in config["thresholds"]["steps"][1:]:
        if style["thresholdsStyle"]["mode"] == "line" and step["value"] <= most:
            canvas.line([(plot[0], up(step["value"])), (plot[2], up(step["value"]))], COLOURS[step["color"]], 1)
    for index, (_, values, below) in enumerate(lines):
        colour = PALETTE[index % len(PALETTE)]
        for run in runs(values, 3 * (span[1] - span[0]) / 300):
            line = [(across(moment), up(value)) for moment, value in run]
            floor = [(across(moment), up(below.get(moment, max(least, 0)))) for moment, _ in reversed(run)]
            if len(run) > 1:
                canvas.area(line + floor, colour + ("66" if stack else "1a"))
                canvas.line(line, colour, 1.5)
            else:
                canvas.dot(*line[0], colour)
    for number, entries in enumerate(names):
        for x, index, name in entries:
            y = bottom - 18 * (len(names) - number) + 6
            canvas.box(x, y + 5, x + 14, y + 8, PALETTE[index % len(PALETTE)])
            canvas.text(x + 19, y, name, 11, width=right - x - 19)


def runs(values, gap):
    """The parts of a line that have no hole."""
    run = []
    for moment, value in values:
        if run and (math.isnan(value) or moment - run[-1][0] > gap):
            yield run
            run = []
        if not math.isnan(value):
            run.append((moment, value))
    if run:
        yield run


def legends(canvas, left, right, names, lines=2):
    """Where the names of the series stand, line by line; what does not fit is hidden, as by a scroll bar."""
    result, x = [[]], left
    for index, name in enumerate(names):
        width = canvas.measure(name, 11) + 32
        if x + width > right and result[-1]:
            if len(result) == lines:
                break
            result.append([])
            x = left
        result[-1].append((x, index, name))
        x += width
    return result


def axes(canvas, plot, across, up, values, unit, span):
    for value in values:
        canvas.line([(plot[0], up(value)), (plot[2], up(value))], GRID)
        canvas.text(plot[0] - 6, up(value), write(value, unit), 11, FAINT, anchor="rm")
    minutes = next((m for m in (1, 2, 5, 10, 15, 30, 60, 180, 360, 1440) if (span[1] - span[0]) / 60 / m <= 7), 1440)
    moment = math.ceil(span[0] / 60 / minutes) * 60 * minutes
    while moment <= span[1]:
        canvas.text(across(moment), plot[3] + 5, time.strftime("%H:%M", time.localtime(moment)), 11, FAINT, anchor="ma")
        moment += 60 * minutes


def bars(canvas, frame, panel, answers, _):
    left, top, right, bottom = frame
    config = panel["fieldConfig"]["defaults"]
    if not answers[0]:
        return nothing(canvas, frame, panel)
    most = config.get("max") or max(values[0][1] for _, values in answers[0])
    height = min((bottom - top) / len(answers[0]), 56)
    for index, (labels, values) in enumerate(answers[0]):
        text, colour = display(values[0][1], config)
        y = top + index * height
        canvas.text(left, y, legend(panel["targets"][0]["legendFormat"], labels), 12, width=right - left)
        y, end = y + 17, right - 70
        canvas.box(left, y, end, y + height - 25, GRID)
        canvas.box(left, y, left + max((end - left) * min(values[0][1] / most, 1), 2), y + height - 25, colour)
        canvas.text(end + 8, y + (height - 25) / 2, text, 14, colour, anchor="lm")


def table(canvas, frame, panel, answers, _):
    left, top, right, bottom = frame
    content = rows(panel, answers)
    if not content:
        return nothing(canvas, frame, panel)
    configs = {}
    for override in panel["fieldConfig"]["overrides"]:
        properties = {item["id"]: item["value"] for item in override["properties"]}
        configs[override["matcher"]["options"]] = panel["fieldConfig"]["defaults"] | properties
    fixed = {title: config["custom.width"] for title, config in configs.items() if "custom.width" in config}
    share = (right - left - sum(fixed.values())) / max(len(configs) - len(fixed), 1)
    x = left
    for title, config in configs.items():
        width = fixed.get(title, share)
        canvas.text(x + 4, top + 4, title, 12, "#6e9fff", width - 8)
        for index, row in enumerate(content):
            y = top + 26 + index * 26
            if y + 26 > bottom:
                break
            value = row[title]
            text, colour = display(value, config)
            ink = "#8ab8ff" if "links" in config and value is not None else INK
            if colour and "custom.cellOptions" in config:
                canvas.box(x, y, x + width - 1, y + 25, colour)
                ink = "#ffffff"
            canvas.text(x + 4, y + 6, text, 12, ink, width - 8)
        x += width
    for index in range(len(content) + 1):
        y = top + 25.5 + index * 26
        if y < bottom:
            canvas.line([(left, y), (right, y)], GRID)


KINDS = {"stat": stat, "timeseries": timeseries, "bargauge": bars, "table": table}
