"""timm's layers as torch's own, on maps that stay NCHW: lowerings know them, and converters transpose nothing."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.layer_norm import ChannelNorm
from edgedepth.export.lowering.pointwise import pointwise

M = TypeVar("M", bound=nn.Module)


class ScaledChannelNorm(nn.Module):
    """A layer norm over the channels of a map, with scale and shift; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.norm = ChannelNorm(norm.eps)
        self.weight, self.bias = (nn.Parameter(p.detach()[:, None, None]) for p in (norm.weight, norm.bias))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize, scale and shift."""
        out: torch.Tensor = self.norm(x) * self.weight + self.bias
        return out


class PointwiseConvNeXt(nn.Module):
    """A ConvNeXt block with 1x1 convolutions; they take the norm's scale and shift and the layer scale in."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.depthwise = block.conv_dw
        self.norm = ChannelNorm(block.norm.eps)
        self.widen = pointwise(block.mlp.fc1, norm=block.norm)
        self.act = nn.GELU()
        self.narrow = pointwise(block.mlp.fc2, scale=block.gamma)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix neighbours, then channels, and add to the input; (B, C, H, W) -> (B, C, H, W)."""
        out: torch.Tensor = x + self.narrow(self.act(self.widen(self.norm(self.depthwise(x)))))
        return out


def plain(network: M) -> M:
    """A copy that computes the same, for maps whose sides every stride of the network divides.

    Replaced are norms with an activation inside, convolutions that pad one side more than the other, layer norms over
    channels, and ConvNeXt's blocks.
    """
    twin = copy.deepcopy(network)
    layers, convnext = (importlib.import_module(f"timm.{name}") for name in ("layers", "models.convnext"))
    made: list[tuple[type[nn.Module], Callable[[Any], nn.Module | None]]] = [
        (convnext.ConvNeXtBlock, _block),
        (nn.BatchNorm2d, _norm_and_act),
        (layers.Conv2dSame, _evenly_padded),
        (layers.LayerNorm2d, ScaledChannelNorm),
    ]
    for kind, make in made:
        for name, module in list(twin.named_modules()):
            if isinstance(module, kind) and (new := make(module)) is not None:
                twin.set_submodule(name, new.train(module.training))
    return twin


def _block(block: Any) -> nn.Module | None:
    """None of the forms that ConvNeXt-L does not have."""
    known = not block.use_conv_mlp and isinstance(block.shortcut, nn.Identity) and type(block.mlp).__name__ == "Mlp"
    return PointwiseConvNeXt(block) if known else None


def _norm_and_act(norm: nn.BatchNorm2d) -> nn.Module | None:
    act = getattr(norm, "act", None)
    if not isinstance(act, nn.Module):
        return None
    alone = nn.BatchNorm2d(norm.num_features, norm.eps)
    alone.load_state_dict(norm.state_dict())
    return nn.Sequential(alone.train(norm.training), act)


def _evenly_padded(conv: nn.Conv2d) -> nn.Module:
    """TensorFlow's "same" padding, alike on both sides because the kernel has zeros in front instead.

    That padding adds ``kernel - stride`` in all, what is odd of it behind. A pad of its own would stay in NCHW between
    two transposes in TFLite.
    """
    behind, in_front = [], []
    for kernel, stride in zip(conv.kernel_size, conv.stride, strict=True):
        missing = max(kernel - stride, 0)
        behind.append(missing - missing // 2)
        in_front.append(missing % 2)
    weight = nn.functional.pad(conv.weight.detach(), (in_front[1], 0, in_front[0], 0))
    bias = None if conv.bias is None else conv.bias.detach()
    padding = (behind[0], behind[1])
    return convolution(weight, bias, groups=conv.groups, stride=conv.stride, padding=padding)
