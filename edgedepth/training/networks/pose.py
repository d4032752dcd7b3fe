"""The network that sees how the camera moved between two frames (Monodepth2's, as FlexDepth uses it)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.models.shared.resnet import CHANNELS, ResNet18
from edgedepth.training.selfsupervised.geometry import rigid_transform

_WIDTH = 256
_SCALE = 0.01
"""Keeps the first poses near the identity, where the photometric loss has a gradient."""


class PoseNet(nn.Module):
    """ResNet-18 over two frames and four convolutions.

    State-dict keys: ``encoder.*`` are those of the released pose_encoder.pth (without ``encoder.fc``), ``net.0``
    to ``net.3`` those of pose.pth. As released, the last layer has room for two poses; the second is not read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = ResNet18(pictures=2)
        self.net = nn.ModuleList(
            [
                nn.Conv2d(CHANNELS[-1], _WIDTH, 1),
                nn.Conv2d(_WIDTH, _WIDTH, 3, 1, 1),
                nn.Conv2d(_WIDTH, _WIDTH, 3, 1, 1),
                nn.Conv2d(_WIDTH, 12, 1),
            ]
        )

    def forward(self, earlier: torch.Tensor, later: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The motion from the earlier camera's coordinates to the later one's.

        Args:
            earlier: (B, 3, H, W), RGB in 0..1.
            later: the same of the frame that was taken after it.

        Returns:
            Axis times angle in radians, and translation in the depth network's unit; (B, 3) each, float32.
        """
        x = self.encoder(torch.cat([earlier, later], 1))[-1]
        for layer in self.net[:-1]:
            x = F.relu(layer(x))
        # Mean first and in float32: poses are too small for what half precision keeps.
        pose = _SCALE * self.net[-1](x).float().mean((2, 3))
        return pose[:, :3], pose[:, 3:6]

    def to_source(self, target: torch.Tensor, source: torch.Tensor, *, source_is_earlier: bool) -> torch.Tensor:
        """The pose that warping needs: from the target camera's coordinates to the source's.

        The network always sees the frames in the order of time; the pose is inverted where the source came first.

        Returns:
            (B, 4, 4).
        """
        pair = (source, target) if source_is_earlier else (target, source)
        return rigid_transform(*self(*pair), invert=source_is_earlier)
