"""Records as rows of text, for a terminal and for a page: one place decides what a column says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from edgedepth.bench.schema import Caution, Conditions, Device, Reading, Record
from edgedepth.bench.statistics import Ratio, ratio_of_medians

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
FIRST = "1"
INTERLEAVED = ("host", "gpu")
"""Places where a record's n-th sample was taken in the n-th round of its matrix."""


@dataclass(frozen=True)
class Row:
    """One record and what its columns say, in the order of the sheet's headings."""

    record: Record
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """All rows of one device; columns that would be empty are not in it."""

    device: Device
    headings: tuple[str, ...]
    rows: tuple[Row, ...]


WORDS = ("artifact", "configuration", "verdict")
"""Columns that may be folded; the others hold short figures."""


def sheets(records: Sequence[Record]) -> list[Sheet]:
    """One sheet per device, in the order in which devices first occur."""
    return [_sheet(list(own)) for own in by_device(records)]


def by_device(records: Iterable[Record]) -> list[list[Record]]:
    """Records of each device; one machine's processor and its GPU are two."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        found.setdefault((record.device.place, record.device.id), []).append(record)
    return list(found.values())


def _sheet(records: list[Record]) -> Sheet:
    names, ratios = labels(records), to_first(records)
    columns: dict[str, Callable[[Record], str]] = {
        "artifact": lambda r: names[identity(r)],
        "configuration": lambda r: r.configuration,
        "verdict": verdict,
        "batch": lambda r: str(r.subject.batch) if any(one.subject.batch != 1 for one in records) else "",
        "median": _centre,
        "95%": _interval,
        "p90": lambda r: milliseconds(r.latency.p90) if r.latency else "",
        "p99": lambda r: milliseconds(r.latency.p99) if r.latency else "",
        "min": lambda r: milliseconds(r.latency.minimum) if r.latency else "",
        "init": lambda r: milliseconds(r.phases.init_ms),
        "first": lambda r: milliseconds(r.phases.first_ms),
        "peak MB": lambda r: f"{r.memory.peak_mb:.1f}" if r.memory else "",
        "delegated": _delegated,
        "thermal": _thermal,
        "hottest C": _hottest,
        "to first": lambda r: ratios.get(r.key, ""),
        "to floor": lambda r: ratio_text(r.floor.ratio, r.floor.ratio_low, r.floor.ratio_high) if r.floor else "",
    }
    cells = {heading: [cell(record) for record in records] for heading, cell in columns.items()}
    filled = tuple(heading for heading, column in cells.items() if any(column))
    rows = tuple(Row(record, tuple(cells[h][i] for h in filled)) for i, record in enumerate(records))
    return Sheet(records[0].device, filled, rows)


def identity(record: Record) -> tuple[str, str]:
    """What was run, whatever ran it."""
    return record.subject.label, record.subject.sha256


def labels(records: Iterable[Record]) -> dict[tuple[str, str], str]:
    """Of each subject its label, with the beginning of its hash where several files are called the same."""
    subjects = dict.fromkeys(identity(record) for record in records)
    counts: dict[str, int] = {}
    for label, _ in subjects:
        counts[label] = counts.get(label, 0) + 1
    return {one: one[0] if counts[one[0]] == 1 else f"{one[0]} ({one[1][:8]})" for one in subjects}


def to_first(records: Sequence[Record]) -> dict[str, str]:
    """By key: ratio of medians to the first valid record of the same interleaved matrix, with its 95 % interval."""
    first: dict[tuple[str, str], Record] = {}
    found: dict[str, str] = {}
    for record in records:
        if not (record.valid and record.device.place in INTERLEAVED and record.latency and record.latency.samples_ms):
            continue
        base = first.setdefault((record.matrix, record.device.id), record)
        ratio = _ratio(record, base)
        if ratio is not None:
            found[record.key] = FIRST if record is base else ratio_text(ratio.value, ratio.low, ratio.high)
    alone = {one.key for one in first.values() if not _compared(one, records, found)}
    return {key: text for key, text in found.items() if key not in alone}


def _compared(base: Record, records: Sequence[Record], found: dict[str, str]) -> bool:
    mates = (r for r in records if r.matrix == base.matrix and r.device.id == base.device.id and r is not base)
    return any(mate.key in found for mate in mates)


def _ratio(record: Record, base: Record) -> Ratio | None:
    ours, theirs = record.latency, base.latency
    if ours is None or theirs is None or len(ours.samples_ms) != len(theirs.samples_ms):
        return None
    if record is base:
        return Ratio(1, 1, 1)
    if min(theirs.samples_ms) <= 0:
        return None
    return ratio_of_medians(ours.samples_ms, theirs.samples_ms)


def ratio_text(value: float, low: float, high: float) -> str:
    """A ratio and its interval."""
    return f"{value:.2f} ({low:.2f}-{high:.2f})"


def milliseconds(value: float | None) -> str:
    """With about four digits; empty for None."""
    if value is None:
        return ""
    return f"{value:.{3 if value < 1 else 2 if value < 100 else 1}f}"


def verdict(record: Record) -> str:
    """Whether the time may be quoted, and why not."""
    return "VALID" if record.valid else f"INVALID: {'; '.join(record.invalid_reasons) or 'not judged'}"


def _centre(record: Record) -> str:
    if record.latency is None or record.latency.centre is None:
        return ""
    kind = " (mean)" if record.latency.median is None else ""
    return milliseconds(record.latency.centre) + kind


def _interval(record: Record) -> str:
    if record.latency is None or record.latency.ci95 is None:
        return ""
    low, high = record.latency.ci95
    return f"{milliseconds(low)}-{milliseconds(high)}"


def _delegated(record: Record) -> str:
    ran = record.runtime
    if ran.delegated is None:
        return {True: "whole", False: "in part", None: ""}[ran.fully_accelerated]
    of = "" if ran.nodes is None else f"/{ran.nodes}"
    return f"{ran.delegated}{of}" + ("" if ran.partitions is None else f" ({ran.partitions})")


def _thermal(record: Record) -> str:
    told = [r.thermal_status for r in record.conditions.readings if r.thermal_status is not None]
    return f"{thermal_word(told[0])} -> {thermal_word(told[-1])}" if told else ""


def thermal_word(status: int) -> str:
    """Android's word for a thermal status."""
    return THERMAL[status] if 0 <= status < len(THERMAL) else str(status)


def _hottest(record: Record) -> str:
    told = [heat for heat in map(hottest_sensor, record.conditions.readings) if heat is not None]
    return f"{told[0]:.1f} -> {told[-1]:.1f}" if told else ""


def hottest_sensor(reading: Reading) -> float | None:
    """The hottest sensor, the battery's where there is no other."""
    return max(reading.temperatures.values(), default=reading.battery_c)


def cautions(records: Sequence[Record]) -> list[tuple[Caution, list[str]]]:
    """Each warning once, with the configurations that it is about; those that differ in figures only are one."""
    names = labels(records)
    alike: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for record in records:
        for caution in record.warnings:
            same = alike.setdefault((caution.remedy, *_NUMBER.split(caution.what)), [])
            same.append((caution.what, f"{names[identity(record)]}, {record.configuration}"))
    return [
        (Caution(what=_spanned([what for what, _ in same]), remedy=remedy), list(dict.fromkeys(who for _, who in same)))
        for (remedy, *_), same in alike.items()
    ]


def _spanned(texts: Sequence[str]) -> str:
    """One text for several that differ in figures only: each figure as the smallest to the largest."""
    words = _NUMBER.split(texts[0])
    columns = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    figures = [sorted(set(column), key=float) for column in columns]
    spans = [each[0] if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in figures]
    return "".join(part for pair in zip(words, [*spans, ""], strict=True) for part in pair)


def commands(records: Iterable[Record]) -> list[str]:
    """The commands that measure the same again, each once."""
    return list(dict.fromkeys(record.reproduce for record in records if record.reproduce))


def ever(conditions: Iterable[Conditions], get: Callable[[Reading], object]) -> list[object]:
    """What readings told, each value once, in order."""
    told = (get(reading) for one in conditions for reading in one.readings)
    return list(dict.fromkeys(value for value in told if value is not None))
