"""Depth metrics that `edgedepth eval --json` wrote, held to the files that were timed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from edgedepth.bench.schema import Record
from edgedepth.errors import InputError, UsageError

REMEDY = "Write one with `edgedepth eval MODEL --data FOLDER --json`."


class Accuracy(msgspec.Struct, frozen=True):
    """Of one file.

    Attributes:
        title: what the evaluation called it.
        sha256: of the file.
        rule: data set, frames and protocol; metrics of different rules do not compare.
        abs_rel, delta1: mean over frames.
    """

    title: str
    sha256: str
    rule: str
    abs_rel: float
    delta1: float


class _Mean(msgspec.Struct):
    abs_rel: float
    delta1: float


class _Report(msgspec.Struct):
    predictor: str
    facts: dict[str, str]
    mean: _Mean
    frames: dict[str, msgspec.Raw]


class _Protocol(msgspec.Struct):
    name: str
    alignment: str
    crop: str
    min_depth: float
    max_depth: float
    metres_per_unit: float | None = None

    @property
    def statement(self) -> str:
        unit = "" if self.metres_per_unit is None else f", {self.metres_per_unit:g} m per unit"
        limits = f"{self.min_depth:g} to {self.max_depth:g} m"
        crop = "no" if self.crop == "none" else self.crop.capitalize()
        return f"protocol {self.name}: alignment {self.alignment}{unit}, {limits}, {crop} crop"


class _Evaluation(msgspec.Struct):
    dataset: str
    protocol: _Protocol
    reports: list[_Report]


def read_accuracy(paths: Iterable[Path], records: Sequence[Record]) -> tuple[Accuracy, ...]:
    """Metrics of the files that were timed, found by the file's hash; those of other files are left out.

    Args:
        paths: of evaluations as JSON.
        records: what was timed.

    Raises:
        InputError: one is missing, or no evaluation.
        UsageError: none of an evaluation's files was timed, or two evaluations contradict each other.
    """
    timed = {record.subject.sha256 for record in records}
    found: dict[tuple[str, str], Accuracy] = {}
    for path in paths:
        own = [one for one in _read(path) if one.sha256 in timed]
        if not own:
            raise UsageError(
                f"{path} says nothing about the files that were timed.",
                f"None of its files has the hash of {_some(records)}.",
                "Evaluate the very files that were timed: `edgedepth eval ARTIFACT --data FOLDER --json`.",
            )
        for one in own:
            known = found.setdefault((one.sha256, one.rule), one)
            if (known.abs_rel, known.delta1) != (one.abs_rel, one.delta1):
                raise UsageError(
                    f"Two evaluations of {one.title} contradict each other.",
                    f"AbsRel {known.abs_rel:.4f} and {one.abs_rel:.4f} on {one.rule}.",
                    "Name only one of them.",
                )
    return tuple(found.values())


def _some(records: Sequence[Record]) -> str:
    names = list(dict.fromkeys(record.subject.label for record in records))
    return ", ".join(names[:3]) + (f" or {len(names) - 3} others" if len(names) > 3 else "")


def _read(path: Path) -> list[Accuracy]:
    try:
        evaluation = msgspec.json.decode(path.read_bytes(), type=_Evaluation)
    except OSError as error:
        raise InputError(f"{path} cannot be read.", error.strerror or str(error), REMEDY) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not an evaluation.", str(error), REMEDY) from error
    return [
        Accuracy(
            report.predictor,
            report.facts["sha256"],
            f"{evaluation.dataset}, {len(report.frames)} frame{'' if len(report.frames) == 1 else 's'}, "
            f"{evaluation.protocol.statement}",
            report.mean.abs_rel,
            report.mean.delta1,
        )
        for report in evaluation.reports
        if "sha256" in report.facts
    ]
