"""The evaluation loop: predict, resize, decode, align, clamp, measure, as Monodepth2 and FlexDepth do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from edgedepth.evaluation.boundaries import EdgeScores, edge_scores
from edgedepth.evaluation.breakdown import Part, parts_of, pooled
from edgedepth.evaluation.comparison import Comparison, compare, require_comparable
from edgedepth.evaluation.datasets.base import DepthDataset, DepthSample
from edgedepth.evaluation.drift import ScaleSpread, scale_spread
from edgedepth.evaluation.jumps import jump_share
from edgedepth.evaluation.metrics import DepthMetrics, depth_metrics, mean_metrics
from edgedepth.evaluation.named_protocols import DEFAULT, PROTOCOLS, EvaluationProtocol
from edgedepth.evaluation.predictor import Predictor

__all__ = ["EvaluationProtocol", "EvaluationReport", "FrameResult", "Predictor", "evaluate"]

NEARLY_DENSE = 0.85
"""Share of a frame's pixels that must be measured for borders to be measured too."""


@dataclass(frozen=True)
class FrameResult:
    """Everything measured on one frame.

    Attributes:
        name: the frame's.
        pixels: how many counted.
        metrics: over all of them.
        parts: by depth range, and of what moves and stands where the dataset says so.
        scale: metres per unit of the prediction (see `Comparison.scale`).
        edges: None where ground truth is sparse or has no border.
        jumps: see `jump_share`; None where ground truth is not sparse, or has hardly any jump between near pixels.
        camera: of a rig, which one took it; empty elsewhere.
    """

    name: str
    pixels: int
    metrics: DepthMetrics
    parts: dict[str, Part]
    scale: float | None
    edges: EdgeScores | None
    camera: str = ""
    jumps: float | None = None


@dataclass(frozen=True)
class EvaluationReport:
    """One predictor on one dataset.

    Attributes:
        predictor, facts: its title and what its figures depend on.
        dataset: its title.
        protocol: how predictions were compared.
        results: frame by frame.
        dense: whether the dataset's ground truth is dense or nearly so, so that borders were measured.
    """

    predictor: str
    facts: dict[str, str]
    dataset: str
    protocol: EvaluationProtocol
    results: tuple[FrameResult, ...]
    dense: bool

    @property
    def frames(self) -> dict[str, DepthMetrics]:
        """Every frame's metrics by its name."""
        return {result.name: result.metrics for result in self.results}

    @property
    def mean(self) -> DepthMetrics:
        """The mean over frames."""
        return mean_metrics([result.metrics for result in self.results])

    @property
    def parts(self) -> dict[str, Part]:
        """Each part of the pictures over all frames."""
        return pooled((result.parts for result in self.results), self.protocol.ranges)

    @property
    def cameras(self) -> dict[str, tuple[FrameResult, ...]]:
        """Of a rig, the frames of each camera, cameras in the order in which they were measured; empty elsewhere."""
        found: dict[str, tuple[FrameResult, ...]] = {}
        for result in self.results:
            if result.camera:
                found[result.camera] = (*found.get(result.camera, ()), result)
        return found

    @property
    def camera_means(self) -> dict[str, DepthMetrics]:
        """Of a rig, the mean over each camera's frames."""
        return {name: mean_metrics([one.metrics for one in results]) for name, results in self.cameras.items()}

    @property
    def edges(self) -> EdgeScores | None:
        """The mean over the frames that have borders; None without any."""
        found = [result.edges for result in self.results if result.edges is not None]
        if not found:
            return None
        return EdgeScores(float(np.mean([one.f1 for one in found])), float(np.mean([one.soft_error for one in found])))

    @property
    def jumps(self) -> float | None:
        """The mean over the frames that have jumps; None without any."""
        found = [result.jumps for result in self.results if result.jumps is not None]
        return float(np.mean(found)) if found else None

    @property
    def scales(self) -> list[float]:
        """Metres per unit, frame by frame; empty where the prediction has an unknown shift."""
        return [result.scale for result in self.results if result.scale is not None]

    @property
    def scale(self) -> ScaleSpread | None:
        """`scales` summed up."""
        return scale_spread(self.scales) if self.scales else None


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
        protocol: how to compare; the default is `kitti2015`: median alignment within 1e-3 to 80 m, no crop.
        names: frames to use; None is all of them, a rig's moment by moment in ring order.
        on_frame: called with each frame's name once it is measured.

    Raises:
        UsageError: a protocol that has no meaning for this predictor.
        InputError: a frame whose ground truth or prediction cannot be measured.
    """
    protocol = protocol or PROTOCOLS[DEFAULT]
    require_comparable(predictor, protocol)
    results = []
    dense = False
    if names is None:
        names = [name for moment in dataset.moments for name in moment] or dataset.names
    for name in names:
        sample = dataset.read(name)
        dense |= has_borders(sample)
        results.append(measure(compare(predictor, sample, protocol), protocol))
        on_frame(name)
    if not results:
        raise ValueError("the evaluation of no frames is undefined")
    return EvaluationReport(predictor.title, predictor.facts, dataset.title, protocol, tuple(results), dense)


def measure(frame: Comparison, protocol: EvaluationProtocol) -> FrameResult:
    """Every figure of one aligned frame."""
    return FrameResult(
        name=frame.sample.name,
        pixels=int(frame.mask.sum()),
        metrics=depth_metrics(frame.predicted, frame.truth),
        parts=parts_of(frame, protocol.ranges),
        scale=frame.scale,
        edges=_edges(frame, protocol) if has_borders(frame.sample) else None,
        camera=frame.sample.camera,
        jumps=None if has_borders(frame.sample) else _jumps(frame),
    )


def has_borders(sample: DepthSample) -> bool:
    """Whether ground truth is dense enough for its borders to be borders of things."""
    return sample.dense or float((sample.depth > 0).mean()) >= NEARLY_DENSE


def _jumps(frame: Comparison) -> float | None:
    return jump_share(frame.depth, frame.sample.depth.astype(np.float64), frame.mask)


def _edges(frame: Comparison, protocol: EvaluationProtocol) -> EdgeScores | None:
    """Borders inside the crop; what is out of reach, such as sky, counts as the farthest depth in both maps.

    Of ground truth that is not dense only measured pixels count, so that gaps are no borders.
    """
    reached = np.where(frame.sample.depth > 0, frame.sample.depth, np.inf).astype(np.float64)
    area = frame.area if frame.sample.dense else frame.mask
    return edge_scores(frame.depth, np.clip(reached, protocol.min_depth, protocol.max_depth), area)
