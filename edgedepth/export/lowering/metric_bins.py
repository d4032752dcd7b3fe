"""The metric-bins head with less arithmetic and less memory traffic, in operators that every delegate takes.

Exact steps, each an identity of real numbers:

- Everything linear between two non-linearities is one 1x1 convolution. The embedding behind a projector's ReLU is read
  by linear layers only (an attractor's first, the next attractor's first, the probabilities' first), so it is never
  computed: each reader has the product of both matrices.
- A 1x1 convolution and bilinear upsampling commute, since the upsampling's weights sum to 1. What is upsampled to be
  convolved is convolved first, on a quarter of the pixels.
- Centres and attractors are kept in units of ``1 / sqrt(ALPHA)``, where a move is ``d / (1 + d^2)``.
- TFLite: a softmax does not see what all bins share: of ``(L(k) + k log p + (63 - k) log(1 - p)) / t`` it needs
  ``L(k) / t + (k - 31.5) * logit(p) / t``, a constant 1x1 convolution of two channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import fx, nn
from torch.nn import functional as F

from edgedepth.export.lowering.displacement import convolution
from edgedepth.export.lowering.graph import calls, finish, insert_call
from edgedepth.export.lowering.softplus import StableSoftplus
from edgedepth.export.lowering.target import Target
from edgedepth.models.surround.metric_bins import (
    ALPHA,
    BINS,
    LEAST,
    TEMPERATURES,
    ConditionalLogBinomial,
    MetricBins,
    Mlp,
    up,
)

EXACT = frozenset(f"metric.bins.{step}" for step in (0, 2, 4, 6, 8, 9, 10))
"""Layers, as operators are named after them, that integers would cost accuracy: all but the levels' embeddings.

Their numbers are metres, temperatures or logarithms, or are turned into such by the next operator.
"""
_SCALE = math.sqrt(ALPHA)
"""Of centres and attractors: what they are multiplied by."""


class Affine:
    """A 1x1 convolution as a matrix and a vector, in double precision.

    Args:
        weight: (c_out, c_in).
        bias: (c_out,).
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.weight, self.bias = weight, bias

    @classmethod
    def of(cls, layer: nn.Conv2d) -> Affine:
        """That of a layer with a bias."""
        bias = cast("torch.Tensor", layer.bias)
        return cls(layer.weight.detach().double()[:, :, 0, 0], bias.detach().double())

    def after(self, first: Affine) -> Affine:
        """First `first`, then this one."""
        return Affine(self.weight @ first.weight, self.weight @ first.bias + self.bias)

    def linear(self) -> Affine:
        """Without its bias."""
        return Affine(self.weight, torch.zeros_like(self.bias))

    def split(self, channels: int) -> tuple[Affine, Affine]:
        """Its shares of the first `channels` inputs and of the others; the bias stays with the first."""
        head, tail = self.weight[:, :channels], self.weight[:, channels:]
        return Affine(head, self.bias), Affine(tail, torch.zeros_like(self.bias))

    def layer(self) -> nn.Conv2d:
        """As a layer, in single precision."""
        return convolution(self.weight.float()[:, :, None, None], self.bias.float())


def _both(mlp: nn.Module) -> tuple[Affine, Affine]:
    first, second = cast("Mlp", mlp).layers
    return Affine.of(first), Affine.of(second)


class _Embedding(nn.Module):
    """A level's embedding as its attractors read it.

    Args:
        project: the level's projector.
        attract: the level's attractors.
        coarser: second layer of the coarser level's projector.
    """

    def __init__(self, project: Mlp, attract: Mlp, coarser: Affine) -> None:
        super().__init__()
        (hide, embed), (first, _) = _both(project), _both(attract)
        self.hide = hide.layer()
        self.own, self.above = first.after(embed).layer(), first.linear().after(coarser).layer()

    def forward(self, feature: torch.Tensor, coarser: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the attractors' last layer reads, and the level's hidden embedding: (B, 128, H, W) both."""
        hidden = torch.relu(self.hide(feature))
        return torch.relu(self.own(hidden) + up(self.above(coarser), hidden)), hidden


class _Attraction(nn.Module):
    """Centres moved by a level's attractors; all in scaled units.

    Args:
        attract: the level's attractors.
        softplus: as the target has it.
        target: the format.
    """

    def __init__(self, attract: Mlp, softplus: nn.Module, target: Target) -> None:
        super().__init__()
        self.points = _both(attract)[1].layer()
        self.softplus = softplus
        self.target: Target = target

    def forward(self, embedding: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
        """Centres (B, 64, H, W) of an embedding (B, 128, H, W) and the coarser level's centres."""
        points = self.softplus(self.points(embedding)) * _SCALE
        return _attracted(up(centres, points), points, self.target)


def _attracted(centres: torch.Tensor, points: torch.Tensor, target: Target) -> torch.Tensor:
    """Centres (B, 64, H, W) moved towards attractors (B, n, H, W), all in scaled units."""
    if points.shape[1] == 1:
        distance = points - centres
        return centres + distance / (1 + distance * distance)
    if target == "onnx":
        distance = points[:, :, None] - centres[:, None]
        return centres + (distance / (1 + distance * distance)).mean(1)
    # Pixels are rows here, so that both sides of the difference have four dimensions.
    B, n, H, W = points.shape
    columns = points.permute(0, 2, 3, 1).reshape(B, H * W, n, 1)
    distance = columns - centres.permute(0, 2, 3, 1).reshape(B, H * W, 1, BINS)
    moves = (distance / (1 + distance * distance)).mean(2)
    return centres + moves.reshape(B, H, W, BINS).permute(0, 3, 1, 2)


class _Mixture(nn.Module):
    """First layer of the probabilities: full-resolution features, and the last hidden embedding as their condition.

    Args:
        head: the definition.
        embed: second layer of the last projector.
    """

    def __init__(self, head: ConditionalLogBinomial, embed: Affine) -> None:
        super().__init__()
        first = Affine.of(cast("nn.Conv2d", head.mlp[0]))
        whole, condition = first.split(first.weight.shape[1] - embed.weight.shape[0])
        self.whole, self.condition = whole.layer(), condition.after(embed).layer()

    def forward(self, last: torch.Tensor, relative: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W), before the activation."""
        out: torch.Tensor = self.whole(torch.cat([last, relative], 1)) + up(self.condition(hidden), last)
        return out


class _Expectation(nn.Module):
    """Depth as the mean of the bins, weighed by what the probabilities' first layer gives.

    XNNPACK's softmax over channels is one fast pass. ONNX Runtime's moves the channels to the end and back and takes
    longer than the rest of the network, so there bins are weighed by plain exponentials: no bin's logit is above 0 (but
    for rounding), and the likeliest bin's is never below -17.5, whatever probability and temperature are, so that their
    sum neither over- nor underflows.

    Args:
        head: the definition.
        softplus: as the target has it.
        target: the format.
    """

    def __init__(self, head: ConditionalLogBinomial, softplus: nn.Module, target: Target) -> None:
        super().__init__()
        self.softplus = softplus
        self.target: Target = target
        self.four = Affine.of(cast("nn.Conv2d", head.mlp[2])).layer()
        rows = head.log_binomial_transform.rows()
        if target == "tflite":
            rows = torch.stack([rows[:, 0], rows[:, 1] - rows[:, 1].mean()], 1)
        self.logits = convolution(rows[:, :, None, None])
        self.mean = convolution(torch.full((1, BINS, 1, 1), 1 / _SCALE))
        self.total = convolution(torch.ones(1, BINS, 1, 1))

    def forward(self, mixture: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
        """(B, 1, H, W) metres, of a mixture (B, C, H, W) and scaled centres (B, 64, h, w)."""
        p, q, heat, cold = (self.softplus(self.four(F.gelu(mixture))) + LEAST).split(1, 1)
        low, high = TEMPERATURES
        inverse = (heat + cold) / (high * heat + low * cold)
        centres = up(centres, mixture)
        if self.target == "onnx":
            logarithms = [torch.log((one / (p + q)).clamp_min(LEAST)) for one in (p, q)]
            chances = torch.exp(self.logits(torch.cat([inverse, *(one * inverse for one in logarithms)], 1)))
            weighed: torch.Tensor = self.mean(chances * centres) / self.total(chances)
            return weighed
        floor = LEAST * (p + q)
        odds = torch.log(torch.maximum(p, floor) / torch.maximum(q, floor))
        chances = self.logits(torch.cat([inverse, odds * inverse], 1)).softmax(1)
        depth: torch.Tensor = self.mean(chances * centres)
        return depth


class _Seeds(nn.Module):
    """The bottleneck's centres, scaled, and its hidden embedding: (B, 64, h, w) and (B, 128, h, w)."""

    def __init__(self, head: MetricBins, softplus: nn.Module) -> None:
        super().__init__()
        mix = Affine.of(head.conv2)
        (first, second), (hide, _) = _both(head.seed_bin_regressor), _both(head.seed_projector)
        self.first, self.second, self.hide = first.after(mix).layer(), second.layer(), hide.after(mix).layer()
        self.softplus = softplus

    def forward(self, bottleneck: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the encoder's last feature."""
        centres = self.softplus(self.second(torch.relu(self.first(bottleneck)))) * _SCALE
        return centres, torch.relu(self.hide(bottleneck))


class LoweredBins(nn.ModuleList):
    """`MetricBins` that gives its depth alone; arguments of the forward are the definition's.

    It is a list, so that the names of a file's operators tell its steps apart by number: 0 the seeds; 1, 3, 5 and 7 the
    levels' embeddings, 2, 4, 6 and 8 their attraction; 9 the mixture, 10 the expectation.
    """

    def __init__(self, head: MetricBins, target: Target) -> None:
        softplus = StableSoftplus() if target == "tflite" else nn.Softplus()
        steps: list[nn.Module] = [_Seeds(head, softplus)]
        embed = _both(head.seed_projector)[1]
        for level in zip(head.projectors, head.attractors, strict=True):
            project, attract = cast("tuple[Mlp, Mlp]", level)
            steps += [_Embedding(project, attract, embed), _Attraction(attract, softplus, target)]
            embed = _both(project)[1]
        clb = head.conditional_log_binomial
        super().__init__([*steps, _Mixture(clb, embed), _Expectation(clb, softplus, target)])

    def forward(
        self,
        bottleneck: torch.Tensor,
        features: Sequence[torch.Tensor],
        last: torch.Tensor,
        relative: torch.Tensor,
    ) -> torch.Tensor:
        """(B, 1, H, W) metres."""
        seeds, *levels, mixture, expectation = self
        centres, hidden = seeds(bottleneck)
        for embedding, attraction, feature in zip(levels[::2], levels[1::2], features, strict=True):
            mixed, hidden = embedding(feature, hidden)
            centres = attraction(mixed, centres)
        out: torch.Tensor = expectation(mixture(last, relative, hidden), centres)
        return out


def lower_metric_bins(graph: fx.GraphModule, target: Target) -> int:
    """Replace every `MetricBins` of which depth alone is read.

    Returns:
        How many were replaced.
    """
    count = 0
    for node, head in calls(graph, MetricBins):
        if any(user.target is not getattr or user.args[1] != "depth" for user in node.users):
            continue
        new = insert_call(graph, node, str(node.target), LoweredBins(head, target), node.args)  # type: ignore[arg-type]
        for user in list(node.users):
            user.replace_all_uses_with(new)
        count += 1
    finish(graph)
    return count
