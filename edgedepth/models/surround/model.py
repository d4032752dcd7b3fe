"""The surround students: a published depth network whose decoder feeds a metric-bins head (FSMDE, section 3)."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import nn

from edgedepth.models.hrdepth.model import HRDepth
from edgedepth.models.monodepth2.model import Monodepth2
from edgedepth.models.monovit.model import MonoViT
from edgedepth.models.registry import build, card
from edgedepth.models.surround.config import SurroundConfig
from edgedepth.models.surround.metric_bins import Bins, MetricBins

LAST = 16
"""Channels of every core's full-resolution decoder feature."""
BOTTLENECKS = {"monodepth2": 512, "hr-depth": 512, "monovit": 288}
"""Channels of every core's last encoder tap."""


class HeadInputs(NamedTuple):
    """What the head reads of a core, in the order in which it takes them; shapes are `MetricBins.forward`'s."""

    bottleneck: torch.Tensor
    features: list[torch.Tensor]
    last: torch.Tensor
    relative: torch.Tensor


class SurroundStudent(nn.Module):
    """A core, whole and under its own key names behind ``core.``, and the head behind ``metric_bins.``.

    The core's disparity heads stay: its finest one feeds the head as relative depth, the coarser ones let a core be
    loaded whole (``student.core.load_state_dict``) and trained as it was.

    Input: (B, 3, H, W), RGB in 0..1, H and W divisible by 32; what normalization the core has is inside.
    Output: depth in metres, (B, 1, H, W).
    """

    initial_gain = 1.0
    """Of seeded weights: with larger ones temperatures come so low that float32 cannot weigh two bins to 1e-4."""

    def __init__(self, config: SurroundConfig) -> None:
        super().__init__()
        self.config = config
        self.core = cast("Monodepth2 | HRDepth | MonoViT", build(card(config.core)))
        self.metric_bins = MetricBins(BOTTLENECKS[config.core], LAST)

    def finish_initial(self) -> None:
        """After all weights have been drawn: let the bins start out apart."""
        self.metric_bins.spread()

    def head_inputs(self, image: torch.Tensor) -> HeadInputs:
        """What the core makes of a picture."""
        taps = self.core.features(image)
        last, *finer_first = self.core.pyramid(taps)
        return HeadInputs(taps[-1], finer_first[::-1], last, self.core.head(last, 0))

    def bins(self, image: torch.Tensor) -> Bins:
        """Depth with the bins that it is the expectation of."""
        out: Bins = self.metric_bins(*self.head_inputs(image))
        return out

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Depth in metres."""
        return self.bins(image).depth
