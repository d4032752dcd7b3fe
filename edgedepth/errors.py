"""Every error a user can meet: one line of cause, one of evidence, one of remedy, and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EdgedepthError(Exception):
    """Base of all user-facing errors.

    Args:
        cause: what went wrong, one line.
        evidence: what was seen that says so, one line; empty where the cause says it all.
        remedy: what to do about it, one line.
    """

    exit_code = 1

    def __init__(self, cause: str, evidence: str = "", remedy: str = "") -> None:
        self.cause, self.evidence, self.remedy = cause, evidence, remedy
        super().__init__("\n".join(line for line in (cause, evidence, remedy) if line))


class UsageError(EdgedepthError):
    """A wrong option, name, size or combination of them, or an input file that is not what it should be."""

    exit_code = 2


class InputError(UsageError):
    """A file or folder that the user named cannot be read as what it should be."""


class CheckpointError(UsageError):
    """A checkpoint that cannot be loaded into the model it was named for."""


class GateError(EdgedepthError):
    """A parity or accuracy gate was not met; the artifact is kept for inspection, marked as rejected."""

    exit_code = 3


class OperatorError(EdgedepthError):
    """An operator that a target refuses, or a graph that is not wholly delegated."""

    exit_code = 4


class MissingDependencyError(EdgedepthError):
    """An optional package or a tool that is not installed."""

    exit_code = 5


class DeviceError(EdgedepthError):
    """A device that is not there, not ready, or went away."""

    exit_code = 6


class InvalidBenchmarkError(EdgedepthError):
    """A measurement whose time must not be quoted."""

    exit_code = 7


class RegressionError(EdgedepthError):
    """A comparison found something slower than allowed."""

    exit_code = 8


class OutputError(EdgedepthError):
    """The result could not be written."""

    exit_code = 1


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ``did you mean flex-nano?``; empty when nothing known is close."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {found[0]}?" if found else ""
