"""Plots with one point per file: speed against multiply-adds and against accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from edgedepth.bench.page.accuracy import Accuracy
from edgedepth.bench.page.axes import logarithmic
from edgedepth.bench.page.naming import MARKERS, OTHER_MARKER, colour, family, marker, shortened
from edgedepth.bench.page.point_labels import label_points
from edgedepth.bench.page.theme import WIDTH, Plot, Theme
from edgedepth.bench.rows import identity, labels
from edgedepth.bench.schema import Record

SPEEDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000)
"""GMACs per second of the lines to compare with."""
LOWER, HIGHER = "lower is better", "higher is better"
_JOINED = (
    "A line joins configurations of one file; its model's name stands at the fastest, or where there are many files, "
    "at each model's fastest only. Invalid results are left out."
)
MOST_NAMES = 14
"""Files beyond which only one per model is named."""


@dataclass(frozen=True)
class _Point:
    """One valid record: where it stands (x is milliseconds per picture) and whose it is."""

    record: Record
    x: float
    y: float
    name: str


def _points(records: Sequence[Record], ys: dict[str, float]) -> list[_Point]:
    """Of valid records whose file has a y, by sha256."""
    timed = [(r, r.latency.centre) for r in records if r.valid and r.latency and r.subject.sha256 in ys]
    shown = [(record, centre) for record, centre in timed if centre]
    names = _names([record for record, _ in shown])
    return [_Point(r, ms / r.subject.batch, ys[r.subject.sha256], names[file_of(r)]) for r, ms in shown]


def _names(records: Sequence[Record]) -> dict[tuple[str, str, int], str]:
    """Of each file its model, since the marker tells the precision, and what else tells it from others here."""
    titles = labels(records)
    formats, sizes = {r.subject.format for r in records}, {r.subject.size for r in records}
    names = {}
    for record in records:
        subject = record.subject
        parts = [subject.model or titles[identity(record)]]
        parts += [subject.format] if len(formats) > 1 else []
        parts += [f"{subject.size[0]}x{subject.size[1]}"] if len(sizes) > 1 and subject.size else []
        parts += [f"batch {subject.batch}"] if subject.batch != 1 else []
        names[file_of(record)] = shortened(", ".join(parts), 34)
    return names


def file_of(record: Record) -> tuple[str, str, int]:
    """Equal for records of one file and batch size."""
    return (*identity(record), record.subject.batch)


def gmacs_plot(records: Sequence[Record], name: str) -> Plot | None:
    """Time against multiply-adds, both per picture; None where no valid record tells them."""
    gmacs = {r.subject.sha256: r.subject.macs / r.subject.batch / 1e9 for r in records if r.subject.macs}
    points = _points(records, gmacs)
    if not points:
        return None
    caption = (
        "Both axes are logarithmic and per picture. On a faint diagonal every point does the same multiply-adds per "
        f"second. {_JOINED}"
    )
    return Plot(
        name,
        "Speed against multiply-adds",
        f"Milliseconds against GMACs of {len(points)} results.",
        caption,
        lambda theme: _draw_gmacs(points, theme),
    )


def _draw_gmacs(points: Sequence[_Point], theme: Theme) -> Figure:
    figure = Figure(figsize=(WIDTH, 5))
    axes = figure.add_axes((0.09, 0.2, 0.87, 0.77))
    turned = [_Point(p.record, p.y, p.x, p.name) for p in points]
    logarithmic(axes.xaxis, [p.x for p in turned], 0.12)
    logarithmic(axes.yaxis, [p.y for p in turned], 0.12)
    axes.set_xlabel("GMACs per picture")
    axes.set_ylabel("milliseconds per picture")
    _diagonals(axes, theme)
    _scatter(figure, axes, turned, theme, along="y")
    _legend(figure, points, theme)
    return figure


def _diagonals(axes: Axes, theme: Theme) -> None:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for speed in SPEEDS:
        # ms = GMACs / (GMACs/s) * 1000
        start, end = 1000 * left / speed, 1000 * right / speed
        if end < bottom or start > top:
            continue
        axes.plot((left, right), (start, end), color=theme.grid, linewidth=0.9, zorder=0)
        x = min(right, top * speed / 1000)
        if math.log(x / left) < 0.15 * math.log(right / left):
            continue  # its name would lie over the axis
        axes.annotate(
            f"{speed:g} GMACs/s",
            (x, 1000 * x / speed),
            xytext=(-3, -2) if x < right else (-3, 0),
            textcoords="offset points",
            ha="right",
            va="top" if x < right else "center",
            fontsize=7,
            color=theme.faint,
            zorder=1,
            bbox={"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.85, "pad": 0.4},
        )
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def accuracy_plots(records: Sequence[Record], accuracy: Sequence[Accuracy], name: str) -> list[Plot]:
    """Time against AbsRel and d<1.25; one plot per data set and protocol, since others do not compare."""
    rules = list(dict.fromkeys(one.rule for one in accuracy))
    plots = (
        _accuracy_plot(records, [one for one in accuracy if one.rule == rule], f"{name}-{number}" if number else name)
        for number, rule in enumerate(rules, 0 if len(rules) < 2 else 1)
    )
    return [plot for plot in plots if plot is not None]


def _accuracy_plot(records: Sequence[Record], accuracy: Sequence[Accuracy], name: str) -> Plot | None:
    """Of one data set and protocol."""
    panels = {
        f"AbsRel ({LOWER})": _points(records, {one.sha256: one.abs_rel for one in accuracy}),
        f"d<1.25 ({HIGHER})": _points(records, {one.sha256: one.delta1 for one in accuracy}),
    }
    count = len(next(iter(panels.values())))
    if not count:
        return None
    return Plot(
        name,
        "Speed against accuracy",
        f"AbsRel and d<1.25 against milliseconds of {count} results.",
        f"Accuracy: {accuracy[0].rule}. {_JOINED}",
        lambda theme: _draw_accuracy(panels, theme),
    )


def _draw_accuracy(panels: dict[str, list[_Point]], theme: Theme) -> Figure:
    figure = Figure(figsize=(WIDTH, 6.8))
    points = next(iter(panels.values()))
    for number, (title, own) in enumerate(panels.items()):
        axes = figure.add_axes((0.09, 0.585 - 0.435 * number, 0.87, 0.36))
        logarithmic(axes.xaxis, [p.x for p in own], 0.12)
        low, high = min(p.y for p in own), max(p.y for p in own)
        room = max(0.18 * (high - low), 0.002)
        axes.set_ylim(low - room, high + room)
        axes.set_title(title)
        axes.set_xlabel("milliseconds per picture" if number else "")
        _scatter(figure, axes, own, theme, along="x")
    _legend(figure, points, theme)
    return figure


def _scatter(figure: Figure, axes: Axes, points: Sequence[_Point], theme: Theme, along: str) -> None:
    """Points of one file joined, each file named once, at the configuration that is fastest `along` its axis."""
    files: dict[tuple[str, str, int], list[_Point]] = {}
    for point in points:
        files.setdefault(file_of(point.record), []).append(point)
    named, others = [], []
    for own in files.values():
        paint = colour(family(own[0].record), theme)
        ordered = sorted(own, key=lambda p: p.x if along == "x" else p.y)
        axes.plot([p.x for p in ordered], [p.y for p in ordered], color=paint, linewidth=0.8, alpha=0.5, zorder=2)
        axes.plot(
            [p.x for p in ordered],
            [p.y for p in ordered],
            marker(own[0].record),
            color=paint,
            markersize=6.5,
            markeredgecolor=theme.paper,
            markeredgewidth=0.6,
            linestyle="none",
            zorder=5,
        )
        named.append(ordered[0])
        others += ordered[1:]
    if len(named) > MOST_NAMES:
        ahead = sorted(named, key=lambda p: p.x if along == "x" else p.y)
        first = list({p.name: p for p in reversed(ahead)}.values())
        named, others = first, [*others, *(p for p in named if p not in first)]
    label_points(figure, axes, [(p.x, p.y) for p in (*named, *others)], [p.name for p in named], theme)


def _legend(figure: Figure, points: Sequence[_Point], theme: Theme) -> None:
    families = dict.fromkeys(family(p.record) for p in points)
    precisions = dict.fromkeys(p.record.subject.precision or "no precision told" for p in points)
    handles = [Line2D([], [], color=colour(f, theme), linewidth=5, label=f) for f in families]
    handles += [
        Line2D([], [], color=theme.faint, marker=MARKERS.get(p, OTHER_MARKER), linestyle="none", label=shortened(p, 20))
        for p in precisions
    ]
    figure.legend(handles=handles, loc="lower left", ncols=min(len(handles), 6), bbox_to_anchor=(0.03, 0.0))
