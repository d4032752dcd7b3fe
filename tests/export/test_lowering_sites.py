"""DySample lowered together with what follows it: which form is taken where, and that each is exact."""

from __future__ import annotations

import pytest
import torch
from support import gap
from torch import nn
from torch.nn import functional as F

from edgedepth.export.lowering import lower
from edgedepth.export.lowering.window import reach
from edgedepth.models.shared.dysample import DySample

TOLERANCE = 2e-5
TARGETS = ("onnx", "tflite")
C, SKIP = 8, 5


def seeded(module: nn.Module, seed: int = 3) -> nn.Module:
    """Weights around 0.3, offsets beyond one pixel but within 1.75, which five taps hold."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        for sample in module.modules():
            if isinstance(sample, DySample):
                sample.offset.weight.mul_(2)
    return module.eval()


class Merged(nn.Module):
    """Sampled map joined with another, then a 1x1 convolution."""

    def __init__(self, *, first=True, bias=True, out=4, kernel=1, dim=1, again=False, parts=1) -> None:
        super().__init__()
        self.up = DySample(C, 4)
        width = C + SKIP * parts if dim == 1 else C
        self.conv = nn.Conv2d(width, out, kernel, padding=kernel // 2, bias=bias)
        self.first, self.dim, self.again, self.parts = first, dim, again, parts

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        up = self.up(x)
        others = [skip] * self.parts
        out: torch.Tensor = self.conv(torch.cat([up, *others] if self.first else [*others, up], self.dim))
        return out + up.mean() if self.again else out


class Head(nn.Module):
    """Sampled map, reflection pad, 3x3 convolution."""

    def __init__(self, *, bias=True, out=1) -> None:
        super().__init__()
        self.up, self.pad, self.conv = DySample(C, 4), nn.ReflectionPad2d(1), nn.Conv2d(C, out, 3, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(self.pad(self.up(x)))
        return out


class Alone(nn.Module):
    """Nothing linear follows."""

    def __init__(self) -> None:
        super().__init__()
        self.up = DySample(C, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.up(x))


def inputs(network, height=4, width=5):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, C, height, width, generator=generator)
    if not isinstance(network, Merged):
        return (x,)
    channels = SKIP if network.dim == 1 else C
    return x, torch.randn(2, channels, 2 * height, 2 * width, generator=generator)


def lowered_form(network, target, taps=5, **size):
    """The form that was chosen, after checking that it is exact."""
    given = inputs(network, **size)
    with torch.no_grad():
        assert float(network.up.offsets(given[0]).abs().max()) <= reach(taps)
    lowered, applied = lower(network, target, {"up": taps})
    assert not any(isinstance(m, DySample) for m in lowered.modules())
    with torch.no_grad():
        expected, found = network(*given), lowered(*given)
    assert gap(found, expected) <= TOLERANCE
    return next(step for step in applied if step.name == "dysample").detail["sites"]["up"]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("taps", [5, 7])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_a_1x1_convolution_over_the_concatenation_is_merged(target, taps, first, bias):
    site = lowered_form(seeded(Merged(first=first, bias=bias)), target, taps)
    assert site == {"taps": taps, "form": "SampledMerge"}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 5)])
def test_a_one_channel_head_is_taken_in(target, bias, size):
    site = lowered_form(seeded(Head(bias=bias)), target, height=size[0], width=size[1])
    assert site["form"] == "SampledHead"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "network",
    [
        Alone(),
        Head(out=2),
        Merged(out=C + 1),
        Merged(kernel=3),
        Merged(parts=2),
        Merged(dim=0),
        Merged(again=True),
    ],
    ids=["alone", "wide-head", "widening", "3x3", "three-parts", "batch-axis", "read-twice"],
)
def test_elsewhere_the_sampler_is_replaced_alone(target, network):
    assert lowered_form(seeded(network), target)["form"] == "SampledUp"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("network", [Merged(), Head(), Alone()], ids=["merge", "head", "alone"])
def test_two_taps_are_exact_for_small_offsets(target, network):
    seeded(network)
    with torch.no_grad():
        network.up.offset.weight.mul_(0.02)
        network.up.offset.bias.mul_(0.02)
        assert float(network.up.offsets(inputs(network)[0]).abs().max()) < 0.25
    assert lowered_form(network, target, taps=2)["taps"] == 2


@pytest.mark.parametrize("target", TARGETS)
def test_a_sampler_without_a_window_is_an_error(target):
    with pytest.raises(KeyError, match="up"):
        lower(seeded(Alone()), target, {})
