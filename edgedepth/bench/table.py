"""Measurements as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from edgedepth.bench.profile import OperatorTime, Profile
from edgedepth.bench.rows import WORDS, Sheet, cautions, commands, sheets
from edgedepth.bench.schema import Device, Record

RANGES = 16
SLOWEST = 12
MOST_NAMED = 3
"""Configurations that a warning names."""
NARROWEST = 16
"""Fewest characters of a column that may be folded."""
DISPENSABLE = (
    "min",
    "peak MB",
    "hottest C",
    "init",
    "first",
    "p99",
    "95%",
    "thermal",
    "delegated",
    "to floor",
    "p90",
    "batch",
    "to first",
)
"""Columns that a narrow terminal goes without, the first first."""
EMULATED = "emulated, so never a phone's time"


def tables(records: Sequence[Record], width: int | None = None) -> list[Table]:
    """One table per device, one row per artifact and configuration.

    Args:
        records: what was measured.
        width: of the terminal in characters; what does not fit is left out and named below the table. None keeps all.
    """
    return [_table(sheet, width) for sheet in sheets(records)]


def notes(records: Sequence[Record]) -> list[str]:
    """What belongs below the tables: warnings with remedies, and the commands that measure the same again."""
    warned = [f"{c.what} {c.remedy} ({_about(about)})" for c, about in cautions(records)]
    return warned + [f"Again: {command}" for command in commands(records)]


def _about(configurations: Sequence[str]) -> str:
    more = len(configurations) - MOST_NAMED
    return "; ".join(configurations[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def title_of(device: Device) -> str:
    """A device in one line."""
    parts = [device.name, device.soc, device.gpu, device.system]
    if device.place == "emulated":
        parts.append(EMULATED)
    return ", ".join(part for part in parts if part)


def _table(sheet: Sheet, width: int | None) -> Table:
    left_out = _left_out(sheet, width)
    shown = [i for i, heading in enumerate(sheet.headings) if heading not in left_out]
    table = Table(
        title=Text(f"{title_of(sheet.device)}; milliseconds"),
        title_justify="left",
        caption=f"A wider terminal also shows: {', '.join(left_out)}." if left_out else None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    for i in shown:
        words = sheet.headings[i] in WORDS
        table.add_column(
            sheet.headings[i],
            justify="left" if words else "right",
            overflow="fold",
            no_wrap=not words,
            min_width=min(NARROWEST, _widest(sheet, i)) if words else None,
        )
    previous = sheet.rows[0].record
    for row in sheet.rows:
        if row.record.matrix != previous.matrix:
            table.add_section()
        table.add_row(*(Text(row.cells[i]) for i in shown), style="" if row.record.valid else "dim")
        previous = row.record
    return table


def _left_out(sheet: Sheet, width: int | None) -> tuple[str, ...]:
    left_out: tuple[str, ...] = ()
    candidates = [heading for heading in DISPENSABLE if heading in sheet.headings]
    while width is not None and candidates and _least(sheet, left_out) > width:
        left_out = (*left_out, candidates.pop(0))
    return left_out


def _least(sheet: Sheet, left_out: tuple[str, ...]) -> int:
    """Characters that the table needs at least."""
    shown = [i for i, heading in enumerate(sheet.headings) if heading not in left_out]
    widths = [min(NARROWEST, w) if sheet.headings[i] in WORDS else w for i in shown for w in [_widest(sheet, i)]]
    return sum(widths) + 2 * len(widths)


def _widest(sheet: Sheet, column: int) -> int:
    return max(cell_len(text) for text in (sheet.headings[column], *(row.cells[column] for row in sheet.rows)))


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


def _range_cells(part: list[OperatorTime], total: float) -> list[str]:
    ms = sum(operator.ms for operator in part)
    kinds = Counter(operator.kind for operator in part).most_common(4)
    what = ", ".join(f"{count} {kind}" for kind, count in kinds)
    return [f"{part[0].index}-{part[-1].index}", f"{ms:.2f}", _share(ms, total), what, part[-1].name[-48:]]


def _share(part: float, total: float) -> str:
    return f"{100 * part / total:.1f}" if total > 0 else ""
