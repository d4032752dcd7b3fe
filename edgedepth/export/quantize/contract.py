"""The accuracy contract: how much worse depth may become for smaller numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgedepth.artifact.manifest import ContractOutcome
from edgedepth.errors import InputError
from edgedepth.evaluation.alignment import fit
from edgedepth.evaluation.metrics import MAX_DEPTH, MIN_DEPTH, depth_metrics, mean_metrics, valid_mask
from edgedepth.export.calibration import HeldOut

Map = NDArray[np.float64]
TruthKind = Literal["ground truth", "rendered ground truth", "float32 output"]
MAX_ABSREL_DROP, MAX_D1_DROP = 0.005, 0.01
_FEWEST_PIXELS = 100


@dataclass(frozen=True)
class Contract:
    """Bounds on the change against the float32 file of the same format, as means over held-out pictures.

    Attributes:
        max_absrel_drop: by how much AbsRel may grow.
        max_d1_drop: by how much the share of pixels within a factor of 1.25 may fall.
    """

    max_absrel_drop: float = MAX_ABSREL_DROP
    max_d1_drop: float = MAX_D1_DROP

    def missed(self, outcome: ContractOutcome) -> list[str]:
        """What is not kept, as text; empty when all is. NaN keeps nothing."""
        found = []
        for name, drop, bound in (
            ("AbsRel", outcome.absrel - outcome.absrel_fp32, self.max_absrel_drop),
            ("d<1.25", outcome.d1_fp32 - outcome.d1, self.max_d1_drop),
        ):
            if not drop <= bound:
                found.append(f"{name} worse by {drop:.4f} > {bound:g}")
        return found

    def widened(self, cost: ContractOutcome) -> Contract:
        """Bounds for files that also pay what the float graph pays in `cost`; what that gains is not asked for."""
        return Contract(
            self.max_absrel_drop + max(0.0, cost.absrel - cost.absrel_fp32),
            self.max_d1_drop + max(0.0, cost.d1_fp32 - cost.d1),
        )


def judge(
    found: Sequence[Map],
    reference: Sequence[Map],
    held_out: Sequence[HeldOut],
    *,
    rendered: bool = False,
    metric: tuple[float, float] | None = None,
) -> ContractOutcome:
    """Measure quantized depth and float32 depth on the same pictures.

    With ground truth, both are aligned to it by the ratio of medians, within 1e-3 to 80 m; metric depth is taken as it
    is, within its own range. Without, the float32 depth is the truth, unaligned: its AbsRel is then 0 and its share
    within 1.25 is 1.

    Args:
        found, reference: (H, W) positive depth per held-out picture.
        held_out: the pictures; all with ground truth, or none.
        rendered: whether they are.
        metric: of metric depth, its least and greatest value in metres; None for depth up to scale.

    Raises:
        InputError: a picture with too little ground truth.
    """
    nearest, farthest = metric or (MIN_DEPTH, MAX_DEPTH)
    measured = all(item.truth is not None for item in held_out)
    ours, theirs = [], []
    for depth, expected, item in zip(found, reference, held_out, strict=True):
        if measured and item.truth is not None:
            mask = valid_mask(item.truth, nearest, farthest)
            if int(mask.sum()) < _FEWEST_PIXELS:
                raise InputError(
                    f"Held-out picture {item.name} has too little ground truth.",
                    f"{int(mask.sum())} pixels between {nearest:g} and {farthest:g} m.",
                    "Take it out of the calibration set.",
                )
            truth = item.truth[mask].astype(np.float64)
            pair = [d[mask] if metric else fit(d[mask], truth, "median")(d[mask]) for d in (depth, expected)]
            pair = [np.clip(d, nearest, farthest) for d in pair]
        else:
            truth = expected.ravel()
            pair = [depth.ravel(), truth]
        ours.append(depth_metrics(pair[0], truth))
        theirs.append(depth_metrics(pair[1], truth))
    truth_kind: TruthKind = "float32 output"
    if measured:
        truth_kind = "rendered ground truth" if rendered else "ground truth"
    own, fp32 = mean_metrics(ours), mean_metrics(theirs)
    return ContractOutcome(
        against=truth_kind,
        pictures=len(held_out),
        absrel=own.abs_rel,
        absrel_fp32=fp32.abs_rel,
        d1=own.delta1,
        d1_fp32=fp32.delta1,
    )
