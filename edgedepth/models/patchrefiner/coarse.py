"""Coarse branches: any network that gives a picture's depth and six features on the way, low resolution to full."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.errors import UsageError
from edgedepth.models.card import OutputSpec
from edgedepth.models.flexdepth.model import FlexDepth
from edgedepth.models.patchrefiner.config import ZOEDEPTH_FEATURES
from edgedepth.models.registry import build, card
from edgedepth.models.surround.metric_bins import FEATURES
from edgedepth.models.surround.model import BOTTLENECKS, LAST, SurroundStudent

STRIDES = (32, 16, 8, 4, 2, 1)
"""Of a coarse branch's features, in their order."""

Channels = tuple[int, int, int, int, int, int]


class CoarseBranch(nn.Module):
    """What a refiner needs of a coarse model.

    Attributes:
        network: what it wraps.
        channels: of the six features, at strides `STRIDES`.
    """

    network: nn.Module
    channels: Channels

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(B, 3, H, W), RGB in 0..1 -> depth (B, 1, H, W) and the features, at strides `STRIDES`."""
        raise NotImplementedError

    def undecoded(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """As `forward`, with what the network itself gives in place of depth; the same where that is depth."""
        given: tuple[torch.Tensor, list[torch.Tensor]] = self(image)
        return given

    def finish_initial(self) -> None:
        """What a network has to say about its start once seeded weights have been drawn: nothing, mostly."""


class FlexCoarse(CoarseBranch):
    """A FlexDepth network: its coarsest tap, its decoder's four features, and the finest of them at twice its size.

    Args:
        network: its disparity decodes by `output`.
        output: of the network's card.
    """

    network: FlexDepth

    def __init__(self, network: FlexDepth, output: OutputSpec) -> None:
        super().__init__()
        self.network = network
        config = network.config
        widths = [config.decoder_width(level) for level in (4, 3, 2, 1)]
        self.channels = cast(Channels, (config.encoder_width(10), *widths, widths[-1]))
        self._least, self._range = output.disparity

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Depth up to scale, and the features."""
        disparity, features = self.undecoded(image)
        return 1 / (self._least + self._range * disparity), features

    def undecoded(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Sigmoid disparity, and the features."""
        taps = self.network.features(image)
        decoded = self.network.decode(taps)
        full = F.interpolate(decoded[-1], scale_factor=2, mode="bilinear", align_corners=True)
        return self.network.heads(decoded)[0], [taps[-1], *decoded, full]


class SurroundCoarse(CoarseBranch):
    """A surround student: what its head reads of its core (last tap of the encoder, all of the decoder)."""

    network: SurroundStudent

    def __init__(self, network: SurroundStudent) -> None:
        super().__init__()
        self.network = network
        self.channels = (BOTTLENECKS[network.config.core], *FEATURES, LAST)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Metric depth and the features."""
        given = self.network.head_inputs(image)
        depth = self.network.metric_bins(*given).depth
        return depth, [given.bottleneck, *given.features, given.last]

    def finish_initial(self) -> None:
        """As the student's own."""
        self.network.finish_initial()


class ZoeDepthCoarse(CoarseBranch):
    """Any network that answers as ZoeDepth does: a dictionary of metric depth and named features.

    Args:
        network: takes (B, 3, H, W) and gives ``metric_depth`` and, under ``temp_features``, `NAMES`.
        channels: of the features; the published ones unless the network's decoder has others.
    """

    NAMES = ("x_d0", "x_blocks_feat_0", "x_blocks_feat_1", "x_blocks_feat_2", "x_blocks_feat_3", "midas_final_feat")

    def __init__(self, network: nn.Module, channels: Channels = ZOEDEPTH_FEATURES) -> None:
        super().__init__()
        self.network = network
        self.channels = channels

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Metric depth and the features."""
        found = self.network(image)
        return found["metric_depth"], [found["temp_features"][name] for name in self.NAMES]


def build_coarse(name: str, **overrides: object) -> CoarseBranch:
    """The registry's model of that name as a coarse branch, weights as its blocks initialise them.

    Args:
        name: the model's.
        overrides: fields of its configuration that are replaced.

    Raises:
        UsageError: there is no such model, or nobody has said which of its features a refiner reads.
    """
    base = card(name)
    network = build(base, **overrides)
    if isinstance(network, FlexDepth):
        return FlexCoarse(network, base.output)
    if isinstance(network, SurroundStudent):
        return SurroundCoarse(network)
    raise UsageError(
        f"{name} cannot be a refiner's coarse model.",
        f"It is of the family {base.family}; known are flexdepth and surround.",
        "Name a model of one of those families, or wrap the network in a CoarseBranch of your own.",
    )
