"""The adaptive threshold of the static-dynamic mask (FlexDepth, second stage; MuPredictor in the release)."""

from __future__ import annotations

import math

import torch
from torch import nn

LOW, HIGH = 0.08, 0.15
"""Between these the threshold lies. The release's comments say 0.01 and 0.2; its arithmetic says these."""
START = 0.1
"""Where it starts on KITTI; on Cityscapes the release starts at 0.12."""


class MuPredictor(nn.Module):
    """A threshold for each picture, from the finest decoder features of the late and the early depth network.

    State-dict keys are those of the released MuPredictor.pth: ``encoder.{0,1,3,4}`` and ``fc_head``.

    Args:
        channels: of one feature map: the depth decoder's width at stride 2.
        start: the threshold to start at.
    """

    def __init__(self, channels: int, start: float = START) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(2 * channels, 32, 3, 2, 1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
            nn.Conv2d(32, 16, 3, 2, 1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(inplace=True),
        )
        self.fc_head = nn.Linear(16, 1)
        self.start_at(start)

    def start_at(self, threshold: float) -> None:
        """Set the last bias so that features which say nothing give this threshold.

        Raises:
            ValueError: not between `LOW` and `HIGH`.
        """
        if not LOW < threshold < HIGH:
            raise ValueError(f"the threshold starts between {LOW} and {HIGH}, not at {threshold}")
        share = (threshold - LOW) / (HIGH - LOW)
        nn.init.constant_(self.fc_head.bias, math.log(share / (1 - share)))

    def forward(self, late: torch.Tensor, early: torch.Tensor) -> torch.Tensor:
        """The threshold mu.

        Args:
            late: (B, channels, H, W), the late network's feature.
            early: the early network's.

        Returns:
            (B, 1, 1, 1), between `LOW` and `HIGH`.
        """
        pooled = self.encoder(torch.cat([late, early], 1)).mean((2, 3))
        mu: torch.Tensor = LOW + (HIGH - LOW) * torch.sigmoid(self.fc_head(pooled))
        return mu[:, :, None, None]
