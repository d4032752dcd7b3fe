"""One frame: prediction and ground truth, checked, aligned and ready to be measured or drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.alignment import fit
from edgedepth.evaluation.crops import crop_mask
from edgedepth.evaluation.datasets.base import DepthSample
from edgedepth.evaluation.metrics import valid_mask
from edgedepth.evaluation.named_protocols import EvaluationProtocol
from edgedepth.evaluation.predictor import Predictor

# One pixel aligned by its own ratio would be perfect whatever was predicted; so would a handful, nearly.
FEWEST_PIXELS = 100


@dataclass(frozen=True)
class Comparison:
    """One frame, ready to be measured.

    Attributes:
        sample: as the dataset gave it.
        area: (H, W) bool, the crop without the camera's own vehicle.
        mask: (H, W) bool, the pixels that count: measured, within the protocol's limits and inside the crop.
        depth: (H, W) float64 metres: the prediction, aligned and clamped to the protocol's limits.
        scale: ratio of the medians of truth and of the raw prediction over `mask`: how many metres one unit of the
            prediction is on this frame. None where the prediction has an unknown shift.
    """

    sample: DepthSample
    area: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    depth: NDArray[np.float64]
    scale: float | None

    @property
    def truth(self) -> NDArray[np.float64]:
        """(N,) metres at the pixels that count."""
        return self.sample.depth[self.mask].astype(np.float64)

    @property
    def predicted(self) -> NDArray[np.float64]:
        """(N,) metres at the pixels that count."""
        values: NDArray[np.float64] = self.depth[self.mask]
        return values


def require_comparable(predictor: Predictor, protocol: EvaluationProtocol) -> None:
    """Refuse a protocol that has no meaning for what the predictor gives.

    Raises:
        UsageError: scale or shift are unknown and nothing fits them.
    """
    unit = predictor.meaning.unit
    if unit == "up to scale and shift" and protocol.alignment != "least-squares":
        raise UsageError(
            f"{predictor.title} cannot be measured with alignment {protocol.alignment}.",
            f"It gives {predictor.meaning.statement}.",
            "Use --alignment least-squares, which fits both.",
        )
    if unit == "up to scale" and protocol.alignment == "none" and protocol.metres_per_unit is None:
        raise UsageError(
            f"{predictor.title} cannot be measured without alignment.",
            f"It gives {predictor.meaning.statement}.",
            "Say how long its unit is with --metres-per-unit, or align: --alignment median.",
        )


def compare(predictor: Predictor, sample: DepthSample, protocol: EvaluationProtocol) -> Comparison:
    """Predict one frame and align it as the protocol says.

    Raises:
        InputError: ground truth or prediction that cannot be measured.
    """
    _require_sane(sample)
    size = (sample.depth.shape[0], sample.depth.shape[1])
    area = crop_mask(size, protocol.crop)
    if sample.seen is not None:
        area &= sample.seen
    mask = valid_mask(sample.depth, protocol.min_depth, protocol.max_depth) & area
    _require_enough(sample, mask, protocol)
    raw = predictor.depth(sample.image, size)
    shifted = predictor.meaning.unit == "up to scale and shift"
    _require_prediction(predictor, sample, raw, shifted=shifted)
    truth = sample.depth[mask].astype(np.float64)
    scale = None if shifted else float(np.median(truth) / np.median(raw[mask]))
    metres = raw * (protocol.metres_per_unit or 1.0)
    aligned = fit(metres[mask], truth, protocol.alignment)(metres)
    return Comparison(sample, area, mask, np.clip(aligned, protocol.min_depth, protocol.max_depth), scale)


def _require_sane(sample: DepthSample) -> None:
    wrong = ~np.isfinite(sample.depth) | (sample.depth < 0)
    if wrong.any():
        first = sample.depth[wrong][0]
        raise InputError(
            f"The ground truth of frame {sample.name} is not depth.",
            f"{int(wrong.sum())} of its {wrong.size} pixels are not finite or negative, such as {first:g}.",
            "Write 0 where nothing was measured.",
        )


def _require_enough(sample: DepthSample, mask: NDArray[np.bool_], protocol: EvaluationProtocol) -> None:
    left, measured = int(mask.sum()), int(sample.measured.sum())
    if not measured:
        raise InputError(
            f"Frame {sample.name} has no ground truth to compare with.",
            "None of its pixels was measured."
            if sample.seen is None
            else "Nothing beside its own vehicle was measured.",
            "Name a folder of frames with measured depth.",
        )
    if left < FEWEST_PIXELS:
        raise InputError(
            f"Frame {sample.name} has too little ground truth to compare with.",
            f"{left} of its {measured} measured pixels are left by: {protocol.statement()}; "
            f"at least {FEWEST_PIXELS} are needed.",
            "Leave the frame out, or widen limits and crop.",
        )


def _require_prediction(predictor: Predictor, sample: DepthSample, raw: NDArray[np.float64], *, shifted: bool) -> None:
    wrong = np.isnan(raw) if shifted else ~(np.isfinite(raw) & (raw > 0))
    if wrong.any():
        raise InputError(
            f"{predictor.title} gives no depth for a part of frame {sample.name}.",
            f"{int(wrong.sum())} of {wrong.size} pixels are not a positive number, such as {raw[wrong][0]:g}.",
            "Check the weights; for an exported folder, `edgedepth check` compares it with the PyTorch model.",
        )
