"""Precisions beside each other: a table for a terminal, the same as Markdown, one object for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from rich import box
from rich.table import Table

from edgedepth.artifact.manifest import CalibrationFacts
from edgedepth.bench.precisions import FULL, PrecisionRow, ToFp32
from edgedepth.preflight.xnnpack import Partitions

HEADINGS = (
    "model",
    "size",
    "format",
    "precision",
    "MB",
    f"MB / {FULL}",
    "max abs",
    "correlation",
    "AbsRel",
    "d<1.25",
    "ms",
    f"ms / {FULL}",
    "XNNPACK",
    "in float",
)
WORDS = 4
"""So many columns hold words; the others hold numbers."""
NOTHING = "-"
COLUMNS = (
    f"MB: 10^6 bytes. Ratios and changes (in brackets) are to the {FULL} file of the same artifact, format and size; "
    "a time ratio is that of the medians, with its 95% interval. max abs, correlation: the worst over the manifest's "
    "reference inputs, against the PyTorch model. XNNPACK: whether it takes the whole TFLite graph as one partition, "
    "or else how many of its operators, in how many partitions. in float: layers of a quantized file that were kept "
    "in float by choice, besides those that always are."
)


class PrecisionReport(msgspec.Struct, frozen=True):
    """Everything that one command measured, and how.

    Attributes:
        command: what was asked, as far as figures depend on it.
        tools: this package and the runtimes, with versions.
        machine: processor and cores.
        threads: of every runtime.
        rounds: in which the files of an artifact were timed beside each other.
        data: frames and protocol of the depth metrics; None where they were not asked for.
        rows: in the order in which artifacts were named.
    """

    command: str
    tools: list[str]
    machine: str
    threads: int
    rounds: int
    data: str | None
    rows: list[PrecisionRow]


def table(report: PrecisionReport) -> Table:
    """For a terminal."""
    made = Table(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    for number, heading in enumerate(HEADINGS):
        made.add_column(heading, justify="left" if number < WORDS else "right")
    previous = report.rows[0]
    for row in report.rows:
        if row.artifact != previous.artifact:
            made.add_section()
        made.add_row(*_cells(row, _label(row, report.rows)))
        previous = row
    return made


def markdown(report: PrecisionReport) -> str:
    """The table and all that is to be known about it, as a Markdown page."""
    rules = ["---" if number < WORDS else "---:" for number in range(len(HEADINGS))]
    lines = [HEADINGS, rules, *(_cells(row, _label(row, report.rows)) for row in report.rows)]
    written = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]
    return "\n".join(written) + "\n\n" + "\n\n".join((*notes(report), *warnings(report))) + "\n"


def as_object(report: PrecisionReport) -> dict[str, Any]:
    """Everything that was measured, raw samples included."""
    return {**msgspec.to_builtins(report), "notes": notes(report), "warnings": warnings(report)}


def notes(report: PrecisionReport) -> list[str]:
    """How it was made, what the columns mean, and why figures are missing; one paragraph each."""
    threads = f"{report.threads} thread{'' if report.threads == 1 else 's'}"
    made = (
        f"Made by `{report.command}` with {', '.join(report.tools)}, on {report.machine}: "
        f"{threads}, {report.rounds} interleaved rounds per artifact."
    )
    return [made, COLUMNS, *_about_depth(report), *_about_gaps(report.rows)]


def warnings(report: PrecisionReport) -> list[str]:
    """What a reader should know before trusting the times."""
    noisy = [row.title for row in report.rows if row.summary.noisy]
    if not noisy:
        return []
    said = (
        "Noisy: the middle half of the samples spreads over more than a tenth of the median for "
        f"{', '.join(noisy)}. Close other programs, or measure longer with --rounds; ratios suffer less than times do."
    )
    return [said]


def _about_depth(report: PrecisionReport) -> Iterator[str]:
    if report.data is None:
        yield "AbsRel, d<1.25: not measured; --data names frames with ground truth."
    else:
        yield f"AbsRel, d<1.25: {report.data}; mean over frames."
    random = _names(row for row in report.rows if row.weights == "random")
    if random:
        yield f"Random weights have no depth quality, so none is measured: {', '.join(random)}."
    yield from _about_calibration(report.rows)


def _about_calibration(rows: list[PrecisionRow]) -> Iterator[str]:
    """Of each set, which files: depth that is measured on the very pictures of a calibration flatters."""
    files: dict[CalibrationFacts, list[str]] = {}
    for row in rows:
        if row.quantization is not None and row.quantization.calibration is not None:
            files.setdefault(row.quantization.calibration, []).append(row.title)
    for calibration, titles in files.items():
        caveat = "; rendered pictures prove arithmetic only" if calibration.synthetic else ""
        yield f"Calibrated on {calibration.description}{caveat}: {', '.join(titles)}."


def _about_gaps(rows: list[PrecisionRow]) -> Iterator[str]:
    alone = dict.fromkeys(f"{row.artifact} ({row.format} {_size(row)})" for row in rows if row.to_fp32 is None)
    if alone:
        yield f"No {FULL} file to compare with, so no ratios and changes: {', '.join(alone)}."
    unchecked = [row.title for row in rows if row.parity is None]
    if unchecked:
        yield f"Exported unchecked, so no parity: {', '.join(unchecked)}."


def _names(rows: Iterable[PrecisionRow]) -> list[str]:
    return list(dict.fromkeys(row.artifact for row in rows))


def _label(row: PrecisionRow, rows: list[PrecisionRow]) -> str:
    """The model's name, with that of the artifact where several hold this model."""
    several = len(_names(other for other in rows if other.model == row.model)) > 1
    return f"{row.model} ({row.artifact})" if several else row.model


def _cells(row: PrecisionRow, label: str) -> tuple[str, ...]:
    parity, depth = row.parity, row.depth
    bytes_ratio, time_ratio, abs_rel_change, delta1_change = _to_fp32(row.to_fp32, row.file)
    return (
        label,
        _size(row),
        row.format,
        row.precision,
        f"{row.bytes / 1e6:.2f}",
        bytes_ratio,
        NOTHING if parity is None else f"{parity.max_abs:.1e}",
        NOTHING if parity is None else f"{parity.correlation:.6f}",
        NOTHING if depth is None else f"{depth.abs_rel:.4f}{abs_rel_change}",
        NOTHING if depth is None else f"{depth.delta1:.4f}{delta1_change}",
        f"{row.summary.median:.2f}",
        time_ratio,
        NOTHING if row.xnnpack is None else _partitions(row.xnnpack),
        NOTHING if row.quantization is None else str(len(row.quantization.kept)),
    )


def _to_fp32(other: ToFp32 | None, file: str) -> tuple[str, str, str, str]:
    """Ratios of bytes and of times, and what to add to the two metrics."""
    if other is None:
        return NOTHING, NOTHING, "", ""
    if other.file == file:
        return "1", "1", "", ""
    time = f"{other.time.value:.2f} ({other.time.low:.2f}-{other.time.high:.2f})"
    return f"{other.bytes:.2f}", time, _change(other.abs_rel), _change(other.delta1)


def _change(value: float | None) -> str:
    return "" if value is None else f" ({round(value, 4) + 0.0:+.4f})"  # a sum with 0.0 has no negative zero


def _size(row: PrecisionRow) -> str:
    return f"{row.size[0]}x{row.size[1]}"


def _partitions(found: Partitions) -> str:
    if found.whole:
        return "whole"
    return f"{found.operators - len(found.outside)} of {found.operators} operators in {len(found.sizes)}"
