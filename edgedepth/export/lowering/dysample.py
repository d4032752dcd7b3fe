"""Every DySample replaced by windowed samples, together with the convolution that follows it.

What follows linearly (a 1x1 convolution over a concatenation, a one-channel 3x3 head) is applied to the four
low-resolution sub-pixel maps first: there it shrinks what has to be woven to high resolution, and the
concatenation disappears.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import fx, nn

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import (
    calls,
    cat_parts,
    finish,
    insert_call,
    is_channel_cat,
    module_of,
    only_user,
)
from edgedepth.export.lowering.interleave import weave
from edgedepth.export.lowering.reflection import ReflectHead, is_head
from edgedepth.export.lowering.target import Target
from edgedepth.export.lowering.window import windowed
from edgedepth.models.shared.dysample import DySample


class SampledUp(nn.Module):
    """DySample alone; (B, C, H, W) -> (B, C, 2H, 2W)."""

    def __init__(self, sample: DySample, taps: int, target: Target) -> None:
        super().__init__()
        self.samples, self.target = windowed(sample, taps, target), target

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sample and weave."""
        parts = self.samples(x)
        if self.samples.relative:
            parts = [part + x for part in parts]
        return weave(parts, self.target)


class SampledMerge(nn.Module):
    """DySample, concatenation with other maps, and a 1x1 convolution, without the concatenation.

    Shapes: x (B, C, H, W) and maps at (B, C_k, 2H, 2W) -> (B, C_out, 2H, 2W).

    Args:
        sample, taps, target: the sampling.
        conv: the 1x1 convolution over the concatenation.
        splits: channels of each part of the concatenation, in order.
        position: which part is the sampled one.
    """

    def __init__(
        self, sample: DySample, taps: int, target: Target, conv: nn.Conv2d, splits: list[int], position: int
    ) -> None:
        super().__init__()
        self.samples, self.target = windowed(sample, taps, target), target
        weights = list(torch.split(conv.weight.detach(), splits, 1))
        self.project = convolution(weights.pop(position))
        self.others = nn.ModuleList(convolution(w) for w in weights)
        if conv.bias is not None and len(self.others):
            self.others[0] = convolution(weights[0], conv.bias.detach())
        elif conv.bias is not None:
            self.project = convolution(self.project.weight, conv.bias.detach())

    def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """Sample, project at low resolution, weave, and add the other maps' share."""
        parts = [self.project(part) for part in self.samples(x)]
        if self.samples.relative:
            base = self.project(x)
            parts = [part + base for part in parts]
        out = weave(parts, self.target)
        for conv, other in zip(self.others, others, strict=True):
            out = out + conv(other)
        return out


class SampledHead(nn.Module):
    """DySample, reflection pad and a 3x3 convolution to one channel; (B, C, H, W) -> (B, 1, 2H, 2W).

    The convolution's nine taps become nine channels at low resolution; after weaving, each is shifted to its place
    and all are added.
    """

    def __init__(self, sample: DySample, taps: int, target: Target, conv: nn.Conv2d) -> None:
        super().__init__()
        self.samples, self.target = windowed(sample, taps, target), target
        self.project = convolution(conv.weight.detach()[0].flatten(1).t()[:, :, None, None])
        place = torch.eye(9).view(1, 9, 3, 3)
        bias = None if conv.bias is None else conv.bias.detach()
        self.place: nn.Module = (
            ReflectHead(place, bias)
            if target == "tflite"
            else nn.Sequential(nn.ReflectionPad2d(1), convolution(place, bias))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sample, project to taps, weave, and put the taps together."""
        parts = [self.project(part) for part in self.samples(x)]
        if self.samples.relative:
            base = self.project(x)
            parts = [part + base for part in parts]
        out: torch.Tensor = self.place(weave(parts, self.target))
        return out


@dataclass(frozen=True)
class _Site:
    """A DySample in the graph and what its lowering takes in."""

    end: fx.Node
    module: nn.Module
    args: tuple[fx.Node, ...]


def lower_dysample(graph: fx.GraphModule, target: Target, taps: dict[str, int]) -> dict[str, str]:
    """Replace every `DySample`.

    Args:
        graph: the flat graph, batch norms folded.
        target: the format.
        taps: window of each DySample by its name in the network.

    Returns:
        For each, what it became together with what follows it.
    """
    forms = {}
    for node, sample in calls(graph, DySample):
        name = str(node.target)
        site = (
            _merge(graph, node, sample, taps[name], target)
            or _head(graph, node, sample, taps[name], target)
            or _Site(node, SampledUp(sample, taps[name], target), (_source(node),))
        )
        new = insert_call(graph, site.end, name, site.module, site.args)
        site.end.replace_all_uses_with(new)
        forms[name] = type(site.module).__name__
    finish(graph)
    return forms


def _source(node: fx.Node) -> fx.Node:
    source = node.args[0]
    if not isinstance(source, fx.Node):
        raise TypeError(f"{node} does not read a tensor of the graph")
    return source


def _merge(graph: fx.GraphModule, node: fx.Node, sample: DySample, taps: int, target: Target) -> _Site | None:
    cat = only_user(node)
    if cat is None or not is_channel_cat(cat):
        return None
    end = only_user(cat)
    conv = module_of(graph, end, nn.Conv2d)
    if end is None or conv is None or not _is_pointwise(conv):
        return None
    parts = cat_parts(cat)
    if parts.count(node) != 1:
        return None
    position = parts.index(node)
    rest = [part for part in parts if part is not node]
    channels = _split(conv.in_channels, sample.channels, len(parts), position)
    if channels is None or conv.out_channels > sample.channels:
        return None
    module = SampledMerge(sample, taps, target, conv, channels, position)
    return _Site(end, module, (_source(node), *rest))


def _is_pointwise(conv: nn.Conv2d) -> bool:
    return conv.kernel_size == (1, 1) and conv.stride == (1, 1) and conv.padding == (0, 0) and conv.groups == 1


def _split(total: int, sampled: int, parts: int, position: int) -> list[int] | None:
    """Channels of the parts of a two-part concatenation; None where they cannot be told."""
    if parts != 2:
        return None
    other = total - sampled
    return [sampled, other] if position == 0 else [other, sampled]


def _head(graph: fx.GraphModule, node: fx.Node, sample: DySample, taps: int, target: Target) -> _Site | None:
    pad = only_user(node)
    if pad is None or module_of(graph, pad, nn.ReflectionPad2d) is None:
        return None
    end = only_user(pad)
    conv = module_of(graph, end, nn.Conv2d)
    if end is None or conv is None or not is_head(conv):
        return None
    return _Site(end, SampledHead(sample, taps, target, conv), (_source(node),))
