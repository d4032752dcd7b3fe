"""One line of the preflight: a file, a check, what was found, and what to do about it."""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA_VERSION = 1

Check = Literal["arm64", "instructions", "gpu", "npu", "alignment", "size"]
CHECKS: tuple[Check, ...] = ("arm64", "instructions", "gpu", "npu", "alignment", "size")
Outcome = Literal["ok", "failed", "not run"]
Figures = dict[str, float | int | str]

EXIT_CODES: dict[Check, int] = {"arm64": 3, "gpu": 4, "npu": 4, "alignment": 4, "instructions": 8, "size": 8}
"""Of a failed check; 8 is a limit that the user set. With several failures, the smallest code is given."""
NUMERICS = 3
"""Of a GPU check that failed by its numbers, like any parity."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found of one file.

    Attributes:
        file: name, or the path inside an archive behind ``!``.
        check: which.
        place: what stood in for the phone, such as ``emulated cortex-a53`` or ``software GPU``; ``file`` where nothing
            needed to.
        outcome: ``not run`` where something is not installed, or the check does not apply.
        evidence: what was seen, one line.
        remedy: what to do about it; empty when ok.
        figures: the numbers, by name.
        exit_code: 0 unless failed.
    """

    file: str
    check: Check
    place: str
    outcome: Outcome
    evidence: str
    remedy: str = ""
    figures: Figures = {}
    exit_code: int = 0


class Preflight(msgspec.Struct, frozen=True, kw_only=True):
    """A whole preflight, as `--json` prints it and `--baseline` reads it.

    Attributes:
        edgedepth, litert: versions; another LiteRT has other kernels and other counts.
    """

    schema_version: int
    edgedepth: str
    litert: str
    verdicts: tuple[Verdict, ...]


def failed(file: str, check: Check, place: str, evidence: str, remedy: str, figures: Figures) -> Verdict:
    """A verdict with the exit code of its check."""
    return Verdict(
        file=file,
        check=check,
        place=place,
        outcome="failed",
        evidence=evidence,
        remedy=remedy,
        figures=figures,
        exit_code=EXIT_CODES[check],
    )


def not_run(file: str, check: Check, place: str, evidence: str, remedy: str) -> Verdict:
    """A check that says what it would need."""
    return Verdict(file=file, check=check, place=place, outcome="not run", evidence=evidence, remedy=remedy)
