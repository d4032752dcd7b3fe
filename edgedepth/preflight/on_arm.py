"""The two checks that run on an emulated ARM64 processor, as verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from edgedepth.errors import InputError
from edgedepth.preflight.arm64.emulator import Emulator
from edgedepth.preflight.arm64.instructions import count_instructions
from edgedepth.preflight.arm64.library import PACKAGE
from edgedepth.preflight.arm64.parity import ArmParity, arm_parity
from edgedepth.preflight.verdict import SCHEMA_VERSION, Figures, Preflight, Verdict, failed

GROWTH = 1e-3
"""How much more than the baseline is no regression: a count repeats to better than a millionth."""


@dataclass(frozen=True)
class InstructionLimit:
    """What a count is held against; both may be None.

    Attributes:
        most: instructions per inference.
        baseline: an earlier preflight.
    """

    most: float | None = None
    baseline: Preflight | None = None


def read_baseline(path: Path) -> Preflight:
    """What `edgedepth preflight --json` printed.

    Raises:
        InputError: it cannot be read, is something else, or comes from a newer edgedepth.
    """
    remedy = "Name a file with what `edgedepth preflight --json` printed."
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Preflight)
    except OSError as error:
        raise InputError(f"{path} cannot be opened.", error.strerror or str(error), remedy) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a preflight.", str(error), remedy) from error
    if found.schema_version > SCHEMA_VERSION:
        raise InputError(
            f"{path} was written by a newer edgedepth.", f"Its schema is {found.schema_version}.", "Upgrade edgedepth."
        )
    return found


def on_arm_parity(path: Path, emulator: Emulator, processor: str) -> Verdict:
    """Whether an emulated processor computes what this machine computes.

    Raises:
        EdgedepthError: as `arm_parity` does.
    """
    found = arm_parity(path, emulator, processor)
    place = f"emulated {processor}"
    figures = _figures(found)
    if not found.failures:
        return Verdict(file=path.name, check="arm64", place=place, outcome="ok", evidence=_told(found), figures=figures)
    remedy = "Report it with this file: LiteRT's ARM64 kernels differ from those of this machine."
    return failed(path.name, "arm64", place, "; ".join(found.failures), remedy, figures)


def on_arm_instructions(path: Path, emulator: Emulator, processor: str, limit: InstructionLimit) -> Verdict:
    """How many instructions an inference takes, against what the user allows.

    Raises:
        EdgedepthError: as `count_instructions` does.
    """
    count = count_instructions(path, emulator, processor).per_inference
    figures: Figures = {"instructions": count}
    told = f"{count / 1e6:.3f} M instructions per inference, one thread"
    place = f"emulated {processor}"
    if limit.most is not None and count > limit.most:
        return failed(
            path.name,
            "instructions",
            place,
            f"{told}; allowed {limit.most / 1e6:.3f} M",
            "Make the graph cheaper, or raise --max-instructions.",
            figures,
        )
    if limit.baseline is not None:
        before = _before(limit.baseline, path.name, place)
        if before is None:
            told += "; not in the baseline"
        else:
            growth = count / before - 1
            figures["growth"] = growth
            told += f"; {growth:+.3%} over the baseline{_other_runtime(limit.baseline)}"
            if growth > GROWTH:
                return failed(
                    path.name,
                    "instructions",
                    place,
                    f"{told}, allowed {GROWTH:+.1%}",
                    "Find what made the graph dearer, or store a new baseline.",
                    figures,
                )
    return Verdict(file=path.name, check="instructions", place=place, outcome="ok", evidence=told, figures=figures)


def _before(baseline: Preflight, file: str, place: str) -> float | None:
    for verdict in baseline.verdicts:
        if (verdict.file, verdict.check, verdict.place) == (file, "instructions", place):
            count = verdict.figures.get("instructions")
            return float(count) if isinstance(count, int | float) and count > 0 else None
    return None


def _other_runtime(baseline: Preflight) -> str:
    return "" if baseline.litert == version(PACKAGE) else f" (counted with LiteRT {baseline.litert})"


def _figures(found: ArmParity) -> Figures:
    numbers: Figures = {
        "max_abs": max(output.max_abs for output in found.outputs),
        "max_abs_per_std": max(output.max_abs / output.std for output in found.outputs),
        "rms_per_std": max(output.rms / output.std for output in found.outputs),
        "correlation": min(output.correlation for output in found.outputs),
        "unequal": sum(output.unequal for output in found.outputs),
        "elements": sum(output.elements for output in found.outputs),
    }
    if found.integer_outputs:
        numbers |= {
            "entries": found.entries,
            "entries_rounded": found.entries_rounded,
            "integer_outputs": found.integer_outputs,
            "integer_unequal": found.integer_unequal,
        }
    # JSON has no word for what is not finite; the evidence tells.
    return {"kind": found.kind, **{name: value for name, value in numbers.items() if math.isfinite(float(value))}}


def _told(found: ArmParity) -> str:
    f = _figures(found)
    if found.kind == "integer":
        return f"integer arithmetic: all {f['elements']} output values equal"
    worst = f"max difference {f['max_abs_per_std']:.1e} of output std"
    if found.kind == "float":
        return f"float arithmetic: {worst}"
    told = f"rms difference {f['rms_per_std']:.1e} of output std, correlation {f['correlation']:.6f}"
    if found.kind == "dynamic":
        return f"dynamically quantized: {told}"
    integers = f"integer part: all {found.integer_outputs} tensors that leave it byte-equal"
    if found.entries_rounded:
        return (
            f"{integers}; {found.entries_rounded} of {found.entries} floats rounded otherwise before it; output: {told}"
        )
    return f"{integers}; output: {worst}"
