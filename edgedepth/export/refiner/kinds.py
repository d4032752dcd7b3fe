"""The two kinds of pairs: what a refiner of each is fed, what it gives, and what the network makes of that.

A phone refiner sees log depth relative to the picture's mean and gives what to add to it: a factor. A published one
sees depth and gives what to add to that.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from edgedepth.artifact.manifest import View
from edgedepth.models import ModelCard, card
from edgedepth.models.patchrefiner.coarse import STRIDES, CoarseBranch
from edgedepth.models.patchrefiner.model import LEAST_DEPTH, PatchRefiner
from edgedepth.models.patchrefiner.nano import COARSE_STRIDES, At, NanoPatchRefiner, NanoRefiner
from edgedepth.models.patchrefiner.nano_fusion import GUIDE_STRIDES
from edgedepth.models.patchrefiner.roi import sample_boxes

Meaning = Literal["log-depth-correction", "depth-correction"]


@dataclass(frozen=True)
class AtPatch:
    """What the network has at a patch: tensors are (1, C, h, w).

    Attributes:
        view: what the refiner sees of the coarse depth.
        features: what else it is given.
        correction: what it gives.
        refined: the refined depth.
    """

    view: torch.Tensor
    features: Sequence[torch.Tensor]
    correction: torch.Tensor
    refined: torch.Tensor


class PairKind(ABC):
    """A network of a coarse branch and a refiner, as an export sees it.

    Attributes:
        branch: the coarse one.
        coarse: its card.
        view: what the refiner is fed of the coarse depth.
        view_name: the refiner's input that takes it.
        meaning: of what the refiner gives.
        decode: from that to depth, in terms of `constants`.
        constants: the formula's numbers.
        channels: of the coarse features that the refiner reads.
        given: their strides in the picture.
        taken: and in the patch.
    """

    view: View
    view_name: str
    meaning: Meaning
    decode: str
    constants: dict[str, float]
    given: tuple[int, ...]
    taken: tuple[int, ...]

    def __init__(self, branch: CoarseBranch, coarse: ModelCard, channels: Sequence[int]) -> None:
        self.branch, self.coarse, self.channels = branch, coarse, tuple(channels)

    @property
    def network(self) -> nn.Module:
        """Of the coarse branch: takes pictures, gives what its card says."""
        return self.branch.network

    @property
    @abstractmethod
    def reach(self) -> float:
        """No correction needs to be larger than all of the coarse model's range."""

    @abstractmethod
    def refiner(self) -> RefinerGraph:
        """Takes a patch, the view and every feature, each an argument of its own; gives the correction."""

    @abstractmethod
    def at(self, patch: torch.Tensor, boxes: torch.Tensor) -> AtPatch:
        """The network at one patch (1, 3, h, w) that is its own picture.

        Args:
            patch: RGB in 0..1.
            boxes: (1, 4), where it is said to lie, as fractions.
        """


class FactorKind(PairKind):
    """A phone refiner's pair."""

    view = "relative-log-depth"
    view_name = "relative"
    meaning = "log-depth-correction"
    decode = "depth = coarse depth * exp(output)"
    constants: dict[str, float] = {}  # noqa: RUF012 - never changed
    given = COARSE_STRIDES
    taken = GUIDE_STRIDES

    def __init__(self, model: NanoPatchRefiner) -> None:
        super().__init__(model.coarse_branch, card(model.config.coarse), model.refiner.guides)
        self.model = model

    @property
    def reach(self) -> float:
        """Of the logarithm."""
        return math.log(self.coarse.output.max_depth / self.coarse.output.min_depth)

    def refiner(self) -> RefinerGraph:
        """`NanoRefiner`."""
        return _FactorGraph(self.model.refiner)

    def at(self, patch: torch.Tensor, boxes: torch.Tensor) -> AtPatch:
        """As `NanoPatchRefiner.refine_patches`."""
        depth, features = self.branch(patch)
        there = At(self.model, boxes, depth, features, (patch.shape[2], patch.shape[3]))
        correction = self.model.refiner(patch, there.relative, there.guides)
        return AtPatch(there.relative, there.guides, correction, torch.exp(there.logarithm + correction))


class OffsetKind(PairKind):
    """A published refiner's pair."""

    view = "depth"
    view_name = "coarse_depth"
    meaning = "depth-correction"
    decode = "depth = max(coarse depth + output, least_depth)"
    constants = {"least_depth": LEAST_DEPTH}  # noqa: RUF012 - never changed
    given = taken = STRIDES

    def __init__(self, model: PatchRefiner, coarse: str) -> None:
        super().__init__(model.coarse_branch, card(coarse), model.coarse_branch.channels)
        self.model = model

    @property
    def reach(self) -> float:
        """In the coarse depth's unit."""
        return self.coarse.output.max_depth

    def refiner(self) -> RefinerGraph:
        """`PatchRefiner.offset`."""
        return _OffsetGraph(self.model)

    def at(self, patch: torch.Tensor, boxes: torch.Tensor) -> AtPatch:
        """As `PatchRefiner.refine_patches`."""
        h, w = patch.shape[2:]
        depth, features = self.branch(patch)
        there = sample_boxes(depth, boxes, (h, w))
        given = [sample_boxes(f, boxes, (h // s, w // s)) for f, s in zip(features, self.taken, strict=True)]
        correction = self.model.offset(patch, there, given)
        return AtPatch(there, given, correction, torch.clamp(there + correction, min=LEAST_DEPTH))


class RefinerGraph(nn.Module):
    """A refiner whose every input is an argument of its own.

    Args:
        channels: of the coarse features.
        strides: of them, in the patch.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int]) -> None:
        super().__init__()
        self.features = tuple(zip(channels, strides, strict=True))

    def patch_inputs(self, size: tuple[int, int]) -> tuple[torch.Tensor, ...]:
        """Empty inputs for one patch of that (height, width)."""
        cells = (torch.empty(1, c, size[0] // stride, size[1] // stride) for c, stride in self.features)
        return torch.empty(1, 3, *size), torch.empty(1, 1, *size), *cells


class _FactorGraph(RefinerGraph):
    def __init__(self, refiner: NanoRefiner) -> None:
        super().__init__(refiner.guides, GUIDE_STRIDES)
        self.refiner = refiner

    def forward(
        self,
        patch: torch.Tensor,
        relative: torch.Tensor,
        coarsest: torch.Tensor,
        middle: torch.Tensor,
        finest: torch.Tensor,
    ) -> torch.Tensor:
        """As `NanoRefiner.forward`."""
        out: torch.Tensor = self.refiner(patch, relative, [coarsest, middle, finest])
        return out


class _OffsetGraph(RefinerGraph):
    def __init__(self, model: PatchRefiner) -> None:
        super().__init__(model.config.coarse_channels, STRIDES)
        self.fine, self.fusion = model.refiner_fine_branch, model.refiner_fusion_model

    def forward(
        self,
        patch: torch.Tensor,
        depth: torch.Tensor,
        at_32: torch.Tensor,
        at_16: torch.Tensor,
        at_8: torch.Tensor,
        at_4: torch.Tensor,
        at_2: torch.Tensor,
        at_1: torch.Tensor,
    ) -> torch.Tensor:
        """As `PatchRefiner.offset`."""
        out: torch.Tensor = self.fusion(self.fine(patch, depth), [at_32, at_16, at_8, at_4, at_2, at_1], depth)
        return out


def is_pair(network: nn.Module) -> bool:
    """Whether it is a coarse model with its refiner."""
    return isinstance(network, NanoPatchRefiner | PatchRefiner)


def kind_of(network: nn.Module) -> PairKind:
    """A network's kind.

    Raises:
        TypeError: it is no pair, or of a coarse branch that the registry does not know.
    """
    if isinstance(network, NanoPatchRefiner):
        return FactorKind(network)
    if isinstance(network, PatchRefiner) and network.config.coarse is not None:
        return OffsetKind(network, network.config.coarse)
    raise TypeError(f"a {type(network).__name__} is no pair of registered models")
