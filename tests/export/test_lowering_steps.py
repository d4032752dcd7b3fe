"""Batch norm, attention, reflection pad and interleave, each alone and exact."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, randomise
from torch import fx, nn
from torch.nn import functional as F

from edgedepth.export.lowering.attention import lower_attention
from edgedepth.export.lowering.batch_norm import fold_batch_norm
from edgedepth.export.lowering.graph import trace
from edgedepth.export.lowering.interleave import depth_to_space, weave
from edgedepth.export.lowering.reflection import ReflectPad, lower_reflection_pad
from edgedepth.models.flexdepth.blocks import Attention
from edgedepth.models.shared.conv import ConvBnAct, ReflectConv3x3

TOLERANCE = 5e-6
"""Of float32, relative to the largest output value."""


def maps(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def relative_gap(found, expected):
    return gap(found, expected) / max(1.0, float(expected.abs().max()))


def applied(network, step, x, expected_count):
    """The graph after one lowering that was checked to be exact and to have acted that often."""
    network = randomise(network.eval(), 5)
    graph = trace(network)
    with torch.no_grad():
        expected = network(x)
        assert step(graph) == expected_count
        assert relative_gap(graph(x), expected) <= TOLERANCE
    return graph


def kinds(graph: fx.GraphModule):
    return [type(m) for m in graph.modules()]


# Batch norm


@pytest.mark.parametrize(
    "block",
    [
        ConvBnAct(6, 4, 3),
        ConvBnAct(6, 4, 1, act=False),
        ConvBnAct(6, 6, 3, 2, groups=3),
        nn.Sequential(nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5)),
        nn.Sequential(nn.Conv2d(6, 5, 1), nn.BatchNorm2d(5, affine=False)),
    ],
    ids=["3x3", "no-activation", "grouped-strided", "with-bias", "without-affine"],
)
def test_a_batch_norm_behind_a_convolution_is_folded(block):
    graph = applied(block, fold_batch_norm, maps(2, 6, 7, 8), 1)
    assert nn.BatchNorm2d not in kinds(graph)


def test_every_batch_norm_of_a_chain_is_folded():
    applied(
        nn.Sequential(ConvBnAct(3, 8, 3), ConvBnAct(8, 8), ConvBnAct(8, 2)),
        fold_batch_norm,
        maps(1, 3, 5, 5),
        3,
    )


class ReadTwice(nn.Module):
    """A convolution that two layers read."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.norm(y) + y


@pytest.mark.parametrize("network", [ReadTwice(), nn.BatchNorm2d(3), nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3))])
def test_a_batch_norm_that_cannot_be_folded_stays(network):
    graph = applied(nn.Sequential(network), fold_batch_norm, maps(1, 3, 5, 5), 0)
    assert nn.BatchNorm2d in kinds(graph)


def test_one_convolution_under_two_batch_norms():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.a, self.b = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.a(self.conv(x)) + self.b(self.conv(x * 2))

    applied(Shared(), fold_batch_norm, maps(1, 3, 5, 5), 2)


# Attention


@pytest.mark.parametrize("channels", [64, 128, 256, 384])
@pytest.mark.parametrize("size", [(1, 1), (1, 3), (2, 2), (3, 5)])
def test_attention_head_by_head(channels, size):
    network = nn.Sequential(Attention(channels))
    graph = applied(network, lower_attention, maps(2, channels, *size), 1)
    assert Attention not in kinds(graph)


def test_attention_with_sharp_weights():
    network = nn.Sequential(Attention(128)).eval()
    applied(network, lower_attention, maps(1, 128, 3, 4) * 5, 1)


def test_attention_keeps_pictures_of_a_batch_apart():
    graph = trace(randomise(nn.Sequential(Attention(384)).eval(), 1))
    lower_attention(graph)
    x = maps(3, 384, 2, 3)
    with torch.no_grad():
        assert gap(graph(x), torch.cat([graph(x[i : i + 1]) for i in range(3)])) <= 1e-5


def test_attention_joins_no_more_parts_than_xnnpack_takes():
    """Whatever the number of heads: a concatenation of six parts is left outside its partition."""
    graph = trace(nn.Sequential(Attention(384)).eval())
    lower_attention(graph)
    program = torch.export.export(graph, (maps(1, 384, 2, 3),))
    joined = [n for n in program.graph.nodes if n.target is torch.ops.aten.cat.default]
    assert joined
    assert max(len(n.args[0]) for n in joined) <= 5


# Reflection pad


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 7), st.integers(2, 7), st.integers(1, 3))
def test_reflection_by_slices(height, width, channels):
    x = maps(2, channels, height, width)
    assert torch.equal(ReflectPad()(x), F.pad(x, (1, 1, 1, 1), mode="reflect"))


@pytest.mark.parametrize("size", [(2, 2), (2, 7), (5, 2), (6, 9)])
@pytest.mark.parametrize("channels", [1, 8, 96])
def test_the_one_channel_head_is_exact(size, channels):
    graph = applied(ReflectConv3x3(channels, 1), lower_reflection_pad, maps(2, channels, *size), 1)
    assert nn.ReflectionPad2d not in kinds(graph)


@pytest.mark.parametrize("size", [(2, 2), (5, 6)])
def test_a_pad_before_anything_else_becomes_slices(size):
    for network in (ReflectConv3x3(4, 3), nn.Sequential(nn.ReflectionPad2d(1), nn.ReLU())):
        graph = applied(network, lower_reflection_pad, maps(1, 4, *size), 1)
        assert nn.ReflectionPad2d not in kinds(graph)


def test_a_head_without_bias_is_exact():
    network = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(4, 1, 3, bias=False))
    applied(network, lower_reflection_pad, maps(1, 4, 5, 6), 1)


def test_a_strided_convolution_is_no_head():
    network = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(4, 1, 3, stride=2))
    applied(network, lower_reflection_pad, maps(1, 4, 5, 6), 1)


def test_a_pad_that_two_layers_read_is_exact():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pad, self.a, self.b = nn.ReflectionPad2d(1), nn.Conv2d(4, 1, 3), nn.Conv2d(4, 1, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            padded = self.pad(x)
            return self.a(padded) * self.b(padded)

    applied(Twice(), lower_reflection_pad, maps(1, 4, 4, 5), 1)


def test_wider_pads_stay():
    graph = applied(nn.Sequential(nn.ReflectionPad2d(2)), lower_reflection_pad, maps(1, 2, 4, 5), 0)
    assert nn.ReflectionPad2d in kinds(graph)


# Interleave


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 2),
    st.sampled_from(("onnx", "tflite")),
)
def test_weaving_is_a_pixel_shuffle(height, width, channels, batch, target):
    parts = [maps(batch, channels, height, width, seed=s) for s in range(4)]
    expected = F.pixel_shuffle(torch.stack(parts, 2).flatten(1, 2), 2)
    assert torch.equal(weave(parts, target), expected)


@pytest.mark.parametrize("shape", [(1, 3, 5, 8), (2, 1, 1, 4), (1, 4, 1, 12)])
def test_depth_to_space_keeps_its_promises_to_torch(shape):
    x = maps(*shape)
    torch.library.opcheck(depth_to_space, (x,), test_utils=("test_schema", "test_faketensor"))
    assert depth_to_space(x).is_contiguous()
