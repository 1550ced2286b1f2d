# SPDX-License-Identifier: Apache-2.0
"""Figures as a bar chart in SVG, written by hand: no library to install.

One panel for each group of names that differ in their last part only ("datapath/tc/1500/gso/bouncer"), and one bar for
each name: the ratio to its peer, or the value where there is none, with a whisker from the least to the greatest round. A
diamond is the ratio to the bare peer, a thick mark the goal. What falls short of its goal, or of its peer where it has no goal, has
the other colour."""
from xml.sax.saxutils import escape

COLUMNS, PANEL, GAP = 3, 420, 24  # panels side by side; their width and distance, in pixels
LABEL, NUMBER = 96, 128          # room left of the bars and right of them
ROW, HEAD, AXIS = 20, 30, 26      # heights: a bar, a panel's title, its axis
GOOD, SHORT, LINE = "#4878a8", "#d08040", "#303030"


def number(value):
    """Four digits, and no exponent."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def ticks(end, count=4):
    """Round numbers from 0 up to at least end, about `count` steps."""
    step = end / count
    unit = 10 ** (len(f"{int(step)}") - 1) if step >= 1 else 10.0 ** -(len(f"{int(1 / step)}"))
    step = next((unit * f for f in (1, 2, 2.5, 5, 10) if unit * f * count >= end * 0.999), unit * 10)
    return [i * step for i in range(count + 1) if (i - 1) * step < end]


def bars(record):
    """What is drawn of a record: value, least, greatest, bare ratio or None, whether it reaches its goal or peer."""
    if "ratio" not in record:
        return record["value"], record["min"], record["max"], None, record.get("reached", True)
    lower = record.get("better") == "lower"
    good = record.get("reached", record["ratio"] <= 1 if lower else record["ratio"] >= 1)
    return record["ratio"], record["ratio_min"], record["ratio_max"], record.get("bare_ratio"), good


def goal(record):
    """Where the goal is on the axis, or None."""
    return record.get("goal", {}).get("ratio" if "ratio" in record else "value")


def grouped(records):
    """Panels: {(title, what the axis means): [record, ...]}."""
    panels = {}
    for record in records:
        axis = f"× {record['peer']}" if "ratio" in record else record["unit"]
        panels.setdefault((record["name"].rpartition("/")[0], axis), []).append(record)
    return panels


def text(x, y, content, anchor="start", size=11, weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">{escape(content)}</text>'


def line(x1, y1, x2, y2, colour=LINE, width=1.0, dash="none"):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}" '
            f'stroke-dasharray="{dash}"/>')


def bar(record, x, y, scale):
    """One row: label, bar, whisker, diamond, number."""
    value, least, greatest, bare, good = bars(record)
    middle = y + ROW / 2
    label = record["name"].rpartition("/")[2] + {"lower": " ↓"}.get(record.get("better"), "")
    out = [text(x - 6, middle + 4, label, "end"),
           f'<rect x="{x:.1f}" y="{y + 3:.1f}" width="{max(scale(value), 0.5):.1f}" height="{ROW - 6}" fill="{GOOD if good else SHORT}"/>',
           line(x + scale(least), middle, x + scale(greatest), middle)]
    out += [line(x + scale(end), middle - 4, x + scale(end), middle + 4) for end in (least, greatest)]
    if goal(record) is not None:
        out.append(line(x + scale(goal(record)), y + 1, x + scale(goal(record)), y + ROW - 1, width=3))
    if bare is not None:
        at = x + scale(bare)
        out.append(f'<path d="M{at - 4:.1f} {middle} l4 -4 l4 4 l-4 4 z" fill="white" stroke="{LINE}"/>')
    ratio = f"{value:.2f} ×   " if "ratio" in record else ""
    out.append(text(x + PANEL - LABEL - 6, middle + 4, f"{ratio}{number(record['value'])} {record['unit']}", "end", 10))
    return out


def panel(title, axis, records, x, y):
    width = PANEL - LABEL - NUMBER
    is_ratio = "ratio" in records[0]
    marks = ticks(max([v for record in records for v in (bars(record)[2], bars(record)[3] or 0, goal(record) or 0)] +
                      [1.2 if is_ratio else 1e-9]))
    left, top = x + LABEL, y + HEAD
    bottom = top + ROW * len(records)

    def scale(value):
        return value / marks[-1] * width
    out = [text(x, y + 16, title, size=12, weight="bold")]
    for mark in marks:
        out += [line(left + scale(mark), top, left + scale(mark), bottom, "#d8d8d8"),
                text(left + scale(mark), bottom + 13, number(mark), "middle", 10)]
    out.append(text(left + width + 16, bottom + 13, axis, size=10))
    for i, record in enumerate(records):
        out += bar(record, left, top + ROW * i, scale)
    if is_ratio:
        out.append(line(left + scale(1), top - 3, left + scale(1), bottom, dash="4 2"))
    return out


def plot(figures, path):
    """Writes what figures.records() yields to the file."""
    panels = list(grouped(figures.records()).items())
    out, y = [], GAP
    for row in range(0, len(panels), COLUMNS):
        beside = panels[row:row + COLUMNS]
        for i, ((title, axis), records) in enumerate(beside):
            out += panel(title, axis, records, GAP + i * (PANEL + GAP), y)
        y += HEAD + ROW * max(len(records) for _, records in beside) + AXIS + GAP
    out.append(text(GAP, y, "bar: median of the rounds; whisker: least and greatest round; ◇ ratio to bare; "
                            "↓ lower is better; thick mark: goal; orange: falls short of its goal or peer"))
    width, height = GAP + COLUMNS * (PANEL + GAP), y + GAP
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
                   'font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(out) + "\n</svg>\n")
