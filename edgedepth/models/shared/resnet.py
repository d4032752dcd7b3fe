"""ResNet-18 as a feature extractor (He et al. 2016); parameter names are torchvision's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

CHANNELS = (64, 64, 128, 256, 512)
"""Of the five taps, at strides 2, 4, 8, 16 and 32."""
_FIRST = "conv1.weight"


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a residual.

    Shapes: (B, c_in, H, W) -> (B, c_out, ceil(H/stride), ceil(W/stride)).
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.downsample: nn.Module | None = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve twice and add the input, brought to the output's shape where it differs."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        out: torch.Tensor = self.relu(self.bn2(self.conv2(x)) + shortcut)
        return out


class ResNet18(nn.Module):
    """ResNet-18 without its classifier, over one picture or several that are stacked along the channels.

    Input: (B, 3 * pictures, H, W), RGB in 0..1; ``(x - 0.45) / 0.225`` is applied inside, as in Monodepth2.
    Output: five taps with `CHANNELS` channels at strides 2 to 32; the first is taken before the max pool.

    State-dict keys are those of torchvision's ``resnet18`` but for ``fc``.
    """

    def __init__(self, pictures: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3 * pictures, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The five taps, finest first."""
        taps = [self.relu(self.bn1(self.conv1((x - 0.45) / 0.225)))]
        taps.append(self.layer1(self.maxpool(taps[-1])))
        for layer in (self.layer2, self.layer3, self.layer4):
            taps.append(layer(taps[-1]))
        return taps


def repeat_first_convolution(state: Mapping[str, torch.Tensor], pictures: int) -> dict[str, torch.Tensor]:
    """Turn the weights for one picture into weights for several (Monodepth2's pose encoder starts this way).

    The first convolution is repeated along its input channels and divided by `pictures`, so that the same
    picture, several times, gives what it gave alone. The classifier's entries are left out.

    Args:
        state: such as torchvision's ``resnet18`` state dict.
        pictures: 1 or more.

    Returns:
        For `ResNet18.load_state_dict`.
    """
    out = {key: value for key, value in state.items() if not key.startswith("fc.")}
    out[_FIRST] = out[_FIRST].repeat(1, pictures, 1, 1) / pictures
    return out
