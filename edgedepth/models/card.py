"""What a model card says. Cards are plain data: reading them never imports torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DepthMeaning = Literal["sigmoid-disparity", "metric-depth", "affine-invariant-disparity"]
Takes = Literal["picture", "patches"]


@dataclass(frozen=True)
class InputSpec:
    """What the network takes: RGB, values in 0..1, normalization inside the graph.

    Attributes:
        height, width: default size in pixels.
        multiple: both sides must be divisible by this.
        mean, std: the normalization ``(x - mean) / std`` that the network itself applies, per channel.
        smallest: no side may be shorter; None where one `multiple` is enough.
    """

    height: int
    width: int
    multiple: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    smallest: int | None = None


@dataclass(frozen=True)
class OutputSpec:
    """What the network gives.

    For ``sigmoid-disparity`` the output d in 0..1 decodes as
    ``depth = 1 / (1/max_depth + (1/min_depth - 1/max_depth) * d)``; unless `metric`, depth is up to scale.
    """

    meaning: DepthMeaning
    min_depth: float
    max_depth: float
    metric: bool

    @property
    def disparity(self) -> tuple[float, float]:
        """The two numbers of that formula: disparity where d is 0, and what d = 1 adds to it."""
        least = 1 / self.max_depth
        return least, 1 / self.min_depth - least


@dataclass(frozen=True)
class PaperAccuracy:
    """Depth metrics that the authors state.

    Attributes:
        source: where they state them.
        protocol: data set, split and depth cap.
        abs_rel, delta1: mean of ``|p - g| / g``, share of pixels within a factor of 1.25.
    """

    source: str
    protocol: str
    abs_rel: float
    delta1: float


@dataclass(frozen=True)
class PaperSpeed:
    """A speed that the authors state.

    Attributes:
        source: where they state it.
        device: as they call it.
        frames_per_second: as they print it.
    """

    source: str
    device: str
    frames_per_second: float


@dataclass(frozen=True)
class PaperFigures:
    """Figures as the paper prints them, kept apart from anything measured here.

    Attributes:
        source: of parameters and GFLOPs.
        gflops: None where the paper states none.
        gflops_rule: how the paper counts; rules differ between papers.
        accuracy, speed: None where no figure is known here.
        true_params_millions, true_gmacs: counted on the network itself, where the printed ones are known to be wrong.
    """

    source: str
    params_millions: float
    gflops: float | None
    gflops_rule: str
    accuracy: PaperAccuracy | None = None
    speed: PaperSpeed | None = None
    true_params_millions: float | None = None
    true_gmacs: float | None = None


@dataclass(frozen=True)
class ModelCard:
    """One model scale.

    Attributes:
        name: the registry's name, such as ``flex-nano``.
        family: the family's name; its builder makes the network from `config`.
        paper: None where the design is this project's own.
        builder: ``module:function`` of a callable ``(config) -> torch.nn.Module``, imported on first use.
        config: the family's own frozen configuration.
        layouts: checkpoint layouts that can be read, by name.
        official: ``module:function`` of a callable ``(tensors, size) -> (tensors, overrides)`` that brings an official
            checkpoint's entries under the network's own names, and gives the fields of `config` that the training
            size (height, width), or None, decides. It changes nothing of a network's own entries. None: the names
            agree already.
        weights: file in ``edgedepth/models/weights`` that is used when no checkpoint is named, or None.
        licence: what to know about the licence of weights.
        takes: ``picture``, or ``patches``: a refiner's card, whose size is a patch's, and whose counts and figures are
            of the refiner alone.
    """

    name: str
    family: str
    title: str
    builder: str
    config: object
    input: InputSpec
    output: OutputSpec
    paper: PaperFigures | None
    layouts: tuple[str, ...]
    licence: str
    weights: str | None = None
    official: str | None = None
    notes: tuple[str, ...] = field(default=())
    takes: Takes = "picture"
