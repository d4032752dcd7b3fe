"""Plots over time: the samples in the order in which they were taken, and sustained runs with their temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from edgedepth.bench.page.naming import colour, family, folded, settings, shortened
from edgedepth.bench.page.theme import WIDTH, Plot, Theme
from edgedepth.bench.rows import identity, labels, thermal_word
from edgedepth.bench.schema import Minute, Record

COLUMNS = 3
PANEL = 1.6
"""Inches from one row of panels to the next."""
TOP, BOTTOM = 1.25, 0.85
"""Shares of the median that the trace shows at least; what few samples exceed stands at the top."""
HIGHEST = 3.0
"""Shares of the median that the trace shows at most."""


def trace_plot(records: Sequence[Record], name: str) -> Plot | None:
    """Each record's samples over their own median, in order; None where there are no samples."""
    sampled = [r for r in records if r.latency and r.latency.median and len(r.latency.samples_ms) > 1]
    if not sampled:
        return None
    return Plot(
        name,
        "Over the runs",
        f"Samples of {len(sampled)} configurations in the order in which they were taken.",
        "Each dot is one run's time over its configuration's median, the first run at the left. A rise to the right is "
        "throttling; steps are another program or another clock. All panels have the same vertical axis; triangles at "
        "the top lie above it. Greyed: invalid.",
        _Traces(sampled),
    )


class _Traces:
    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __call__(self, theme: Theme) -> Figure:
        columns = min(COLUMNS, len(self._records))
        rows = math.ceil(len(self._records) / columns)
        height = PANEL * rows + 0.25
        figure = Figure(figsize=(WIDTH, height))
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        # Fixed, because a layout that is solved takes seconds with sixty panels.
        figure.subplots_adjust(0.085, 0.48 / height, 0.99, 1 - 0.5 / height, wspace=0.06, hspace=0.75)
        relative = [np.asarray(r.latency.samples_ms) / r.latency.median for r in self._records if r.latency]
        top = min(max(TOP, *(float(np.percentile(r, 95)) for r in relative)), HIGHEST) * 1.03
        bottom = min(BOTTOM, *(float(r.min()) for r in relative)) * 0.97
        names = labels(self._records)
        for axes, record, samples in zip(grid.flat, self._records, relative, strict=False):
            paint = colour(family(record), theme) if record.valid else theme.faint
            runs = np.arange(1, len(samples) + 1)
            inside = samples <= top
            axes.axhline(1, color=theme.faint, linewidth=0.8)
            axes.scatter(runs[inside], samples[inside], s=5, color=paint, alpha=0.6, linewidths=0)
            axes.scatter(
                runs[~inside], np.full((~inside).sum(), top * 0.985), s=12, marker="^", color=paint, linewidths=0
            )
            title = f"{shortened(names[identity(record)], 34)}\n{folded(settings(record), 36, 2)}"
            axes.set_title(title + ("" if record.valid else "\nINVALID"), fontsize=7.5)
            axes.set_ylim(bottom, top)
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        for axes in grid.flat[len(self._records) :]:
            axes.set_visible(False)
        figure.supylabel("time / median", fontsize=8.5, x=0.008)
        figure.supxlabel("run", fontsize=8.5, y=0.06 / height)
        return figure


def sustained_plot(records: Sequence[Record], name: str) -> Plot | None:
    """Minutes of each sustained run with temperatures on a second axis; None where there was no such run."""
    ran = [record for record in records if record.sustained]
    if not ran:
        return None
    return Plot(
        name,
        "Sustained",
        f"Latency and temperature over the minutes of {len(ran)} sustained run{'' if len(ran) == 1 else 's'}.",
        "Solid with dots: median of each minute, the band reaches to the 90th percentile (left axis). Dashed and "
        "dotted: temperatures (right axis). Words at the top: thermal status where it changed.",
        _Sustained(ran),
    )


class _Sustained:
    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records

    def __call__(self, theme: Theme) -> Figure:
        figure = Figure(figsize=(WIDTH, 2.7 * len(self._records) + 0.2), layout="constrained")
        names = labels(self._records)
        for axes, record in zip(figure.subplots(len(self._records), squeeze=False).flat, self._records, strict=True):
            title = f"{shortened(names[identity(record)], 60)}, {shortened(settings(record), 60)}"
            axes.set_title(title + ("" if record.valid else "  INVALID"), pad=14)
            _minutes(axes, record, theme)
        return figure


def _minutes(axes: Axes, record: Record, theme: Theme) -> None:
    minutes, paint = record.sustained, colour(family(record), theme)
    x, median = [m.minute for m in minutes], [m.median_ms for m in minutes]
    slowest = [m.median_ms if m.p90_ms is None else m.p90_ms for m in minutes]
    axes.fill_between(x, median, slowest, color=paint, alpha=0.22, linewidth=0)
    handles = [*axes.plot(x, median, "o-", color=paint, markersize=3.5, linewidth=1.4, label="median, band to p90")]
    axes.set_ylim(0, 1.12 * max(slowest))
    axes.set_xlim(min(x) - 0.5, max(x) + 0.5)
    axes.set_xlabel("minute")
    axes.set_ylabel("milliseconds per run")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _statuses(axes, minutes, theme)
    handles += _temperatures(axes, minutes, theme)
    axes.legend(handles=handles, loc="lower right", ncols=len(handles))


def _temperatures(axes: Axes, minutes: Sequence[Minute], theme: Theme) -> list[Line2D]:
    hottest = [(m.minute, m.temperature_c) for m in minutes if m.temperature_c is not None]
    battery = [(m.minute, m.battery_c) for m in minutes if m.battery_c is not None]
    if not hottest and not battery:
        return []
    heat = axes.twinx()
    heat.grid(visible=False)
    heat.spines["right"].set_visible(True)
    heat.set_ylabel("\u00b0C", color=theme.warm)
    heat.tick_params(axis="y", labelcolor=theme.warm)
    handles: list[Line2D] = []
    for told, style, label in ((hottest, "--s", "hottest sensor, \u00b0C"), (battery, ":^", "battery, \u00b0C")):
        if told:
            handles += heat.plot(
                *zip(*told, strict=True), style, color=theme.warm, markersize=3, linewidth=1.2, label=label
            )
    every = [value for _, value in (*hottest, *battery)]
    room = max(max(every) - min(every), 4.0)
    # The curves stay in the upper part: the legend stands below them.
    heat.set_ylim(min(every) - 0.9 * room, max(every) + 0.15 * room)
    return handles


def _statuses(axes: Axes, minutes: Sequence[Minute], theme: Theme) -> None:
    previous = None
    for minute in minutes:
        if minute.thermal_status is not None and minute.thermal_status != previous:
            previous = minute.thermal_status
            axes.axvline(minute.minute, color=theme.faint, linewidth=0.8, linestyle=(0, (2, 2)))
            axes.annotate(
                thermal_word(previous),
                (minute.minute, 1),
                xycoords=("data", "axes fraction"),
                xytext=(2, 3),
                textcoords="offset points",
                fontsize=7.5,
                color=theme.ink,
            )
