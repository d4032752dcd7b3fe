"""Measurements as tables for people and as one object for programs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from rich.table import Table

from edgedepth.bench.host import HostReport
from edgedepth.bench.profile import OperatorTime, Profile
from edgedepth.bench.statistics import Ratio, Summary

RANGES = 16
SLOWEST = 12
SHORT = {"litert": "LiteRT", "onnxruntime": "ORT"}


def as_object(report: HostReport, profiles: list[Profile]) -> dict[str, Any]:
    """Everything that was measured, raw samples included."""
    return {**msgspec.to_builtins(report), "profiles": msgspec.to_builtins(profiles)}


def tables(report: HostReport) -> list[Table]:
    """The times, and where floors were measured, how far each file is from its own."""
    threads = report.rows[0].threads
    times = Table(
        title=f"{report.cpu}, {threads} thread{'s' if threads > 1 else ''}, "
        f"{report.rows[0].summary.count} interleaved rounds, milliseconds",
        caption="; ".join(_runtimes(report)),
        title_justify="left",
        caption_justify="left",
    )
    times.add_column("file", overflow="fold")
    times.add_column("in")
    for heading in ("median", "p90", "min", "to first", "95%"):
        times.add_column(heading, justify="right", no_wrap=True)
    for row in report.rows:
        times.add_row(row.file, SHORT[row.family], *_times(row.summary), *_ratio(row.to_first))
    for floor in report.floors:
        times.add_row("plain convolutions", SHORT[floor.family], *_times(floor.summary), "", "", style="dim")
    return [times, _floor_table(report)] if report.floors else [times]


def _floor_table(report: HostReport) -> Table:
    speeds = "; ".join(f"{SHORT[f.family]} {f.gmacs_per_second:.1f} G MACs/s" for f in report.floors)
    table = Table(
        title="Against the same multiply-adds (MACs) as plain convolutions in the same runtime",
        caption=f"{speeds} on {report.floors[0].graph}",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("file", overflow="fold")
    table.add_column("in")
    for heading in ("10^6 MACs", "floor, ms", "to floor", "95%"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in report.rows:
        if row.macs is not None and row.floor_ms is not None and row.to_floor is not None:
            numbers = (f"{row.macs / 1e6:.1f}", f"{row.floor_ms:.2f}", *_ratio(row.to_floor))
        else:
            numbers = ("0.0", "", "", "")
        table.add_row(row.file, SHORT[row.family], *numbers)
    return table


def warnings_of(report: HostReport) -> list[str]:
    """What a reader should know before trusting the numbers."""
    noisy = [row.file for row in report.rows if row.summary.noisy]
    if not noisy:
        return []
    return [
        (
            "Noisy: the middle half of the samples spreads over more than a tenth of the median for "
            f"{', '.join(noisy)}. Close other programs, or measure longer with --seconds; "
            "ratios suffer less than times do."
        )
    ]


def profile_table(profile: Profile) -> Table:
    """Where one file spends its time."""
    title = f"{profile.file}: {profile.total_ms:.2f} ms in {len(profile.operators)} operators, {profile.runtime}"
    table = Table(title=title, title_justify="left")
    if profile.method == "prefixes":
        table.caption = "Differences between growing prefixes of the graph; only sums over ranges mean something."
        for heading in ("operators", "ms", "%", "what they are", "ends at"):
            table.add_column(heading, justify="right" if heading in ("ms", "%") else "left")
        for part in profile.ranges(RANGES):
            table.add_row(*_range_cells(part, profile.total_ms))
        return table
    for heading in ("operator", "count", "ms", "%"):
        table.add_column(heading, justify="left" if heading == "operator" else "right")
    for kind, (count, ms) in profile.by_kind().items():
        table.add_row(kind, str(count), f"{ms:.3f}", _share(ms, profile.total_ms))
    table.add_section()
    for one in sorted(profile.operators, key=lambda operator: -operator.ms)[:SLOWEST]:
        table.add_row(one.name, "", f"{one.ms:.3f}", _share(one.ms, profile.total_ms), style="dim")
    return table


def _times(summary: Summary) -> list[str]:
    return [f"{ms:.2f}" for ms in (summary.median, summary.p90, summary.minimum)]


def _runtimes(report: HostReport) -> list[str]:
    return list(dict.fromkeys(f"{SHORT[row.family]}: {row.runtime}" for row in report.rows))


def _range_cells(part: list[OperatorTime], total: float) -> list[str]:
    ms = sum(operator.ms for operator in part)
    kinds = Counter(operator.kind for operator in part).most_common(4)
    what = ", ".join(f"{count} {kind}" for kind, count in kinds)
    return [f"{part[0].index}-{part[-1].index}", f"{ms:.2f}", _share(ms, total), what, part[-1].name[-48:]]


def _ratio(ratio: Ratio) -> tuple[str, str]:
    return f"{ratio.value:.3f}", f"{ratio.low:.3f}-{ratio.high:.3f}"


def _share(part: float, total: float) -> str:
    return f"{100 * part / total:.1f}" if total > 0 else ""
