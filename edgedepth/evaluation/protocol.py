"""The evaluation loop: predict, resize, decode, align, clamp, measure, as Monodepth2 and FlexDepth do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgedepth.errors import InputError
from edgedepth.evaluation.alignment import Alignment, align
from edgedepth.evaluation.datasets.base import DepthDataset
from edgedepth.evaluation.metrics import (
    MAX_DEPTH,
    MIN_DEPTH,
    DepthMetrics,
    depth_metrics,
    mean_metrics,
    valid_mask,
)


class Predictor(Protocol):
    """Anything that turns a picture into depth: a PyTorch model, an exported file, a constant map."""

    @property
    def title(self) -> str:
        """What to call it in a table."""

    def depth(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float64]:
        """Depth of one picture.

        Args:
            image: (H, W, 3) uint8 RGB, any size.
            size: (height, width) of the wanted map.

        Returns:
            (height, width) positive depth, in metres or up to scale.
        """


@dataclass(frozen=True)
class EvaluationProtocol:
    """How predictions are compared with ground truth. No crop is applied: every valid pixel counts.

    Attributes:
        alignment: what is fitted per frame before measuring.
        min_depth, max_depth: metres; ground truth outside is left out and predictions are clamped to it.
        metres_per_unit: factor on the prediction before alignment.
    """

    alignment: Alignment = "median"
    min_depth: float = MIN_DEPTH
    max_depth: float = MAX_DEPTH
    metres_per_unit: float = 1.0


@dataclass(frozen=True)
class EvaluationReport:
    """The mean over frames, and every frame's own figures by name."""

    predictor: str
    dataset: str
    protocol: EvaluationProtocol
    mean: DepthMetrics
    frames: dict[str, DepthMetrics]


def decode_disparity(disparity: NDArray[np.float64], min_depth: float, max_depth: float) -> NDArray[np.float64]:
    """Depth of a sigmoid disparity d in 0..1: ``1 / (1/max + (1/min - 1/max) * d)``."""
    depth: NDArray[np.float64] = 1.0 / (1.0 / max_depth + (1.0 / min_depth - 1.0 / max_depth) * disparity)
    return depth


def resize_map(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float64]:
    """Bilinear resize of a (H, W) map to (height, width), pixel-centre aligned and without anti-aliasing."""
    height, width = size
    rows, row_next, row_part = _taps(values.shape[0], height)
    cols, col_next, col_part = _taps(values.shape[1], width)
    source = values.astype(np.float64)
    mixed = source[rows] * (1 - row_part)[:, None] + source[row_next] * row_part[:, None]
    resized: NDArray[np.float64] = mixed[:, cols] * (1 - col_part) + mixed[:, col_next] * col_part
    return resized


def _taps(length: int, wanted: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    position = np.clip((np.arange(wanted) + 0.5) * length / wanted - 0.5, 0, length - 1)
    first = np.floor(position).astype(np.intp)
    return first, np.minimum(first + 1, length - 1), position - first


def resize_image(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """LANCZOS resize of a (H, W, 3) picture to (height, width), as the Monodepth line does."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def evaluate(
    predictor: Predictor,
    dataset: DepthDataset,
    protocol: EvaluationProtocol | None = None,
    names: Iterable[str] | None = None,
    on_frame: Callable[[str], None] = lambda _: None,
) -> EvaluationReport:
    """Measure a predictor on a dataset.

    Args:
        predictor: what to measure.
        dataset: where the frames come from.
        protocol: alignment and depth range; the default is median alignment within 1e-3 to 80 m.
        names: frames to use; None is all of them.
        on_frame: called with each frame's name once it is measured.

    Raises:
        InputError: a frame without valid ground truth.
    """
    protocol = protocol or EvaluationProtocol()
    results: dict[str, DepthMetrics] = {}
    for name in dataset.names if names is None else names:
        sample = dataset.read(name)
        mask = valid_mask(sample.depth, protocol.min_depth, protocol.max_depth)
        if not mask.any():
            raise InputError(
                f"Frame {name} of {dataset.title} has no ground truth to compare with.",
                f"No depth between {protocol.min_depth} and {protocol.max_depth} m.",
                "Leave the frame out, or widen the range.",
            )
        truth = sample.depth[mask].astype(np.float64)
        predicted = predictor.depth(sample.image, sample.depth.shape)[mask] * protocol.metres_per_unit
        predicted = np.clip(align(predicted, truth, protocol.alignment), protocol.min_depth, protocol.max_depth)
        results[name] = depth_metrics(predicted, truth)
        on_frame(name)
    mean = mean_metrics(list(results.values()))
    return EvaluationReport(predictor.title, dataset.title, protocol, mean, results)
