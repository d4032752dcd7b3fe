"""What plots call a record, and which colour and marker it has."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgedepth.bench.page.theme import Theme, drawable
from edgedepth.bench.published import published
from edgedepth.bench.rows import identity, labels
from edgedepth.bench.schema import Record

OTHER = "another family"
MARKERS = {"fp32": "o", "fp16": "s", "w8": "^", "dyn8": "v", "w8a8": "D", "w8a16": "P", "auto": "X"}
OTHER_MARKER = "*"
FAMILIES = ("flexdepth", "monodepth2", "lite-mono", "monovit", "hr-depth")
"""In the order of a theme's palette; every other family has its last colour."""
LONGEST = 38


def family(record: Record) -> str:
    """The family of the record's model."""
    known = {one.name: one.family for one in published()}
    return known.get(record.subject.model or "", OTHER)


def colour(name: str, theme: Theme) -> str:
    """A family's colour."""
    return theme.palette[FAMILIES.index(name) if name in FAMILIES else -1]


def marker(record: Record) -> str:
    """A precision's marker."""
    return MARKERS.get(record.subject.precision or "", OTHER_MARKER)


def settings(record: Record) -> str:
    """The configuration, the number of pictures per run included."""
    batch = f" batch {record.subject.batch}" if record.subject.batch != 1 else ""
    return record.configuration + batch


def folded(text: str, width: int = LONGEST, lines: int = 3) -> str:
    """The text on several lines of that width at most, cut where it is too long for them."""
    found = textwrap.wrap(drawable(text), width, break_on_hyphens=False) or [""]
    return "\n".join(found if len(found) <= lines else [*found[: lines - 1], f"{found[lines - 1][: width - 1]}\u2026"])


def together(records: Iterable[Record]) -> list[Record]:
    """The records, those of one file next to each other."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault(identity(record), []).append(record)
    return [record for own in found.values() for record in own]


@dataclass(frozen=True)
class Lines:
    """Where a plot with a line per record has its lines, counted downwards in lines of text.

    Attributes:
        at: middle of each record's line.
        names: what stands left of each.
        headings: middle and text of the lines that name an artifact.
        height: of everything.
    """

    at: tuple[float, ...]
    names: tuple[str, ...]
    headings: tuple[tuple[float, str], ...]
    height: float


def lines_of(records: Sequence[Record]) -> Lines:
    """A line per record under a heading per artifact, where artifacts have several; records of one stand together."""
    titles, ways = labels(records), {settings(record) for record in records}
    several = len(ways) > 1 and len(titles) < len(records)
    at, names, headings = [], [], []
    top, previous = 0.0, None
    for record in records:
        title = titles[identity(record)]
        if several and title != previous:
            headings.append((top + 0.5, shortened(title)))
            top, previous = top + 1, title
        name = folded(settings(record)) if several else folded(title)
        if len(ways) > 1 and not several:
            name += f"\n{folded(settings(record))}"
        height = max(1.0, 0.62 * (name.count("\n") + 1))
        at.append(top + height / 2)
        names.append(name)
        top += height
    return Lines(tuple(at), tuple(names), tuple(headings), top)


def shortened(text: str, longest: int = 70) -> str:
    """The text on one line, its middle left out where it is too long."""
    text = drawable(text)
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}\u2026{text[-half:]}"


def common(records: Iterable[Record]) -> str:
    """The configuration, where all have the same one."""
    ways = {settings(record) for record in records}
    return next(iter(ways)) if len(ways) == 1 else ""
