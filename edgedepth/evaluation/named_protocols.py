"""How predictions are compared with ground truth: every choice in one place, and the usual sets of them by name."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from edgedepth.errors import UsageError, nearest
from edgedepth.evaluation.alignment import Alignment
from edgedepth.evaluation.crops import Crop
from edgedepth.evaluation.metrics import MAX_DEPTH, MIN_DEPTH

RANGES = (0.0, 10.0, 20.0, 40.0, 80.0)


@dataclass(frozen=True)
class EvaluationProtocol:
    """Everything besides model and frames that a figure depends on.

    Attributes:
        alignment: what is fitted per frame before measuring.
        crop: the part of the picture that counts.
        min_depth, max_depth: metres; ground truth outside is left out and predictions are clamped to it.
        metres_per_unit: factor on the prediction before alignment; None takes it as it is.
        ranges: borders in metres, ascending, of the depth ranges that are also measured apart.
        name: what to call it in a table.

    Raises:
        UsageError: depths or borders that make no ranges.
    """

    alignment: Alignment = "median"
    crop: Crop = "none"
    min_depth: float = MIN_DEPTH
    max_depth: float = MAX_DEPTH
    metres_per_unit: float | None = None
    ranges: tuple[float, ...] = RANGES
    name: str = "unnamed"

    def __post_init__(self) -> None:
        if not 0 < self.min_depth < self.max_depth:
            raise UsageError(
                "The depth limits leave nothing to measure.",
                f"They are {self.min_depth:g} to {self.max_depth:g} m.",
                "Both must be above 0, the second above the first.",
            )
        if self.metres_per_unit is not None and self.metres_per_unit <= 0:
            raise UsageError("A unit must be longer than nothing.", f"It is {self.metres_per_unit:g} m.")
        if any(near >= far for near, far in pairwise((-1.0, *self.ranges))) or len(self.ranges) == 1:
            raise UsageError(
                "The ranges' borders do not ascend.",
                f"They are {', '.join(f'{border:g}' for border in self.ranges)} m.",
                "For example --ranges 0,10,20,40,80",
            )

    def statement(self) -> str:
        """One line for people: all that decides the figures."""
        unit = "" if self.metres_per_unit is None else f", {self.metres_per_unit:g} m per unit"
        crop = "no" if self.crop == "none" else self.crop.capitalize()
        return f"alignment {self.alignment}{unit}, {self.min_depth:g} to {self.max_depth:g} m, {crop} crop"


# What is usual where. Those on KITTI share the limits of 1e-3 to 80 m and differ in crop and alignment.
PROTOCOLS: Final[dict[str, EvaluationProtocol]] = {
    protocol.name: protocol
    for protocol in (
        EvaluationProtocol(name="kitti2015"),
        EvaluationProtocol(crop="garg", name="eigen"),
        EvaluationProtocol(crop="eigen", name="eigen-crop"),
        EvaluationProtocol("least-squares", name="least-squares"),
        EvaluationProtocol("none", name="metric"),
        EvaluationProtocol(max_depth=10.0, ranges=(0.0, 2.0, 4.0, 6.0, 10.0), name="indoor"),
        # Rigs with metric depth: DDAD to 200 m, nuScenes to 80 m, nothing fitted.
        EvaluationProtocol("none", max_depth=200.0, ranges=(*RANGES, 200.0), name="ddad"),
        EvaluationProtocol("none", name="nuscenes"),
    )
}
DEFAULT = "kitti2015"


def protocol_named(name: str, **changes: Any) -> EvaluationProtocol:
    """A protocol of the table with some of its choices replaced.

    Args:
        name: a key of `PROTOCOLS`.
        changes: fields of `EvaluationProtocol`; those that are None stay as they are.

    Raises:
        UsageError: an unknown name, or values that cannot be.
    """
    if name not in PROTOCOLS:
        raise UsageError(
            f"There is no protocol named {name!r}.",
            f"Known: {', '.join(PROTOCOLS)}.",
            nearest(name, PROTOCOLS).capitalize(),
        )
    base = PROTOCOLS[name]
    stated = {field: value for field, value in changes.items() if value is not None}
    changed = dataclasses.replace(base, **stated)
    return changed if changed == base else dataclasses.replace(changed, name=f"{name}, changed")


def read_ranges(text: str) -> tuple[float, ...]:
    """Borders such as ``0,10,20,40,80``.

    Raises:
        UsageError: not numbers.
    """
    try:
        return tuple(float(border) for border in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a list of borders.", "Borders are metres.", "For example --ranges 0,10,20,40,80"
        ) from error
