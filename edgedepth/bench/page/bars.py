"""Plots with one line per record: latency with its spread, phases, memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from edgedepth.bench.page.axes import logarithmic
from edgedepth.bench.page.naming import Lines, colour, common, family, lines_of
from edgedepth.bench.page.theme import WIDTH, Plot, Theme
from edgedepth.bench.rows import milliseconds
from edgedepth.bench.schema import Latency, Record

LINE = 0.27
"""Inches from one record to the next."""
MOST_DOTS = 200
"""Of longer series, so many samples at even distances are drawn."""
BAR = 0.62
PHASES = {"init": ("s", "open the model"), "first": ("^", "first inference"), "steady": ("o", "steady state")}
_CHARACTER, _VALUES, _TICKS, _LEGEND, _TOP = 0.066, 1.02, 0.5, 0.3, 0.08  # inches
_TALL = 24
"""Lines from which the axis has its numbers at the top, too."""


def latency_plot(records: Sequence[Record], name: str) -> Plot | None:
    """Bars to the median, the spread and every sample; None where nothing was timed."""
    timed = [(record, record.latency) for record in records if record.latency and record.latency.centre is not None]
    if not timed:
        return None
    missing = len(records) - len(timed)
    caption = (
        "Bar: median, or the mean where a tool gives no median. Line: 10th to 90th percentile of the samples; 5th to "
        f"95th where a tool gives only those. Dots: samples, at most {MOST_DOTS} per line; those beyond the right edge "
        "stand there as triangles. Hatched: invalid, not to be quoted."
        + (f" Not here, since nothing could be timed: {_counted(missing)}." if missing else "")
    )
    alt = f"Latency of {_counted(len(timed))} as horizontal bars."
    return Plot(name, "Latency", alt, _said([r for r, _ in timed], caption), lambda theme: _draw_latency(timed, theme))


def _draw_latency(timed: Sequence[tuple[Record, Latency]], theme: Theme) -> Figure:
    lines = lines_of([record for record, _ in timed])
    figure, axes = _lined(lines, theme)
    edge = 1.06 * max(_far(latency) for _, latency in timed)
    axes.set_xlim(0, edge)
    axes.set_xlabel("milliseconds per run")
    for at, (record, latency) in zip(lines.at, timed, strict=True):
        paint = colour(family(record), theme) if record.valid else theme.faint
        _bar(axes, at, latency.centre or 0.0, paint, valid=record.valid)
        if latency.samples_ms:
            _dots(axes, at, latency.samples_ms, edge, paint)
        value = milliseconds(latency.centre) + (" mean" if latency.median is None else "")
        _value(axes, at, value if record.valid else f"{value} INVALID", theme.ink if record.valid else theme.faint)
    for at, (_, latency) in zip(lines.at, timed, strict=True):
        if spread := spread_of(latency):
            axes.hlines(at, *spread, color=theme.ink, linewidth=1.1, zorder=4)
            axes.vlines(spread, at - 0.14, at + 0.14, color=theme.ink, linewidth=1.1, zorder=4)
    return figure


def _far(latency: Latency) -> float:
    """What the axis has to reach for this record: all but outliers."""
    told = [latency.centre, latency.p95, latency.p90, 1.25 * (latency.centre or 0)]
    return max(value for value in told if value is not None) or 1.0


def _bar(axes: Axes, at: float, length: float, paint: str, *, valid: bool) -> None:
    if valid:
        axes.barh(at, length, height=BAR, color=paint, alpha=0.45, edgecolor=paint, linewidth=0.6)
    else:
        axes.barh(at, length, height=BAR, color="none", edgecolor=paint, hatch="////", linewidth=0.6)


def _value(axes: Axes, at: float, text: str, paint: str) -> None:
    axes.text(1.012, at, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=paint)


def spread_of(latency: Latency) -> tuple[float, float] | None:
    """10th and 90th percentile of the samples; without samples 5th and 95th, if the tool gave them."""
    if latency.samples_ms:
        low, high = (float(q) for q in np.percentile(latency.samples_ms, [10, 90]))
        return low, high
    return (latency.p5, latency.p95) if latency.p5 is not None and latency.p95 is not None else None


def _dots(axes: Axes, at: float, samples: Sequence[float], edge: float, paint: str) -> None:
    chosen = np.asarray(samples)[:: -(-len(samples) // MOST_DOTS)]
    height = at + 0.24 * np.random.default_rng(len(samples)).uniform(-1, 1, len(chosen))
    inside = chosen <= edge
    axes.scatter(chosen[inside], height[inside], s=4, color=paint, alpha=0.35, linewidths=0, zorder=3)
    axes.scatter(np.full((~inside).sum(), edge), height[~inside], s=7, marker=">", color=paint, linewidths=0, zorder=3)


def phases_plot(records: Sequence[Record], name: str) -> Plot | None:
    """Opening, first inference and steady state on one logarithmic axis; None where no tool told the first two."""
    told = [record for record in records if {"init", "first"} & _phases(record).keys()]
    if not told:
        return None
    caption = (
        "What a user waits for once (open the model, first inference) beside what every later picture takes. "
        "Logarithmic axis. A faint line: an invalid result."
    )
    alt = f"Time to open the model, of the first inference and of the steady state, of {_counted(len(told))}."
    return Plot(name, "Before the steady state", alt, _said(told, caption), lambda theme: _draw_phases(told, theme))


def _phases(record: Record) -> dict[str, float]:
    times = {"init": record.phases.init_ms, "first": record.phases.first_ms}
    times["steady"] = record.latency.centre if record.latency else None
    return {phase: ms for phase, ms in times.items() if ms is not None and ms > 0}


def _draw_phases(records: Sequence[Record], theme: Theme) -> Figure:
    lines = lines_of(records)
    figure, axes = _lined(lines, theme, legend=True)
    logarithmic(axes.xaxis, [ms for record in records for ms in _phases(record).values()])
    axes.set_xlabel("milliseconds")
    for at, record in zip(lines.at, records, strict=True):
        times, alpha = _phases(record), 1 if record.valid else 0.4
        axes.hlines(at, min(times.values()), max(times.values()), color=theme.faint, linewidth=0.8, alpha=alpha)
        for paint, (phase, (marker, _)) in zip(theme.palette, PHASES.items(), strict=False):
            if phase in times:
                axes.plot(times[phase], at, marker, color=paint, alpha=alpha, markersize=5.5, markeredgewidth=0)
    handles = [
        Line2D([], [], marker=marker, color=paint, label=label, linestyle="none")
        for paint, (marker, label) in zip(theme.palette, PHASES.values(), strict=False)
    ]
    figure.legend(handles=handles, loc="upper left", ncols=3)
    return figure


def memory_plot(records: Sequence[Record], name: str) -> Plot | None:
    """Peak memory, and what was there before the model was opened; None where no tool told."""
    told = [record for record in records if record.memory]
    if not told:
        return None
    methods = "; ".join(dict.fromkeys(record.memory.method for record in told if record.memory))
    caption = f"Peak of the measuring process, MB of 10^6 bytes. Found by: {methods}. Different methods do not compare."
    alt = f"Peak memory of {_counted(len(told))} as horizontal bars."
    return Plot(name, "Memory", alt, _said(told, caption), lambda theme: _draw_memory(told, theme))


def _draw_memory(records: Sequence[Record], theme: Theme) -> Figure:
    lines = lines_of(records)
    memory = [record.memory for record in records if record.memory]
    before = any(one.before_mb for one in memory)
    figure, axes = _lined(lines, theme, legend=before)
    axes.set_xlim(0, 1.05 * max(one.peak_mb for one in memory) or 1.0)
    axes.set_xlabel("MB")
    for at, record, one in zip(lines.at, records, memory, strict=True):
        held = one.before_mb or 0.0
        axes.barh(at, held, height=BAR, color=theme.grid, edgecolor=theme.faint, linewidth=0.6)
        own = max(one.peak_mb - held, 0)
        axes.barh(at, own, left=held, height=BAR, color=colour(family(record), theme), alpha=0.6)
        _value(axes, at, f"{one.peak_mb:.1f} MB", theme.ink)
    if before:
        grey = Patch(facecolor=theme.grid, edgecolor=theme.faint, label="before the model was opened")
        own_colour = colour(family(records[0]), theme)
        handles = [grey, Patch(facecolor=own_colour, alpha=0.6, label="from then to the peak")]
        figure.legend(handles=handles, loc="upper left", ncols=2)
    return figure


def _lined(lines: Lines, theme: Theme, *, legend: bool = False) -> tuple[Figure, Axes]:
    """A figure whose axes have a line per record, with room for names at the left and for figures at the right."""
    tall = lines.height > _TALL
    above = _TOP + (_LEGEND if legend else 0) + (_TICKS / 2 if tall else 0)
    height = LINE * lines.height + above + _TICKS
    left = 0.12 + _CHARACTER * max(len(part) for name in lines.names for part in name.split("\n"))
    figure = Figure(figsize=(WIDTH, height))
    box = (left / WIDTH, _TICKS / height, 1 - (left + _VALUES) / WIDTH, LINE * lines.height / height)
    axes = figure.add_axes(box)
    axes.set_ylim(lines.height, 0)
    axes.set_yticks(lines.at, labels=lines.names)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", top=tall, labeltop=tall)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    paper = {"facecolor": theme.paper, "edgecolor": "none", "pad": 0.8}
    for at, heading in lines.headings:
        across = axes.get_yaxis_transform()
        axes.text(0.006, at, heading, transform=across, va="center", fontsize=8.5, weight="bold", bbox=paper)
    return figure, axes


def _counted(count: int) -> str:
    return f"{count} result{'' if count == 1 else 's'}"


def _said(records: Sequence[Record], caption: str) -> str:
    same = common(records)
    return f"All: {same}. {caption}" if same else caption
