"""Lite-Mono's lowerings, each alone and exact; its smallest network exported, run and taken whole by delegates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, network, picture
from torch import nn
from torch.nn import functional as F

from edgedepth.export.lowering import lower
from edgedepth.export.lowering.average_pool import lower_average_pool
from edgedepth.export.lowering.cross_covariance import HALVES, HalfMatrices, lower_cross_covariance
from edgedepth.export.lowering.elu import elu, lower_elu
from edgedepth.export.lowering.graph import trace
from edgedepth.export.lowering.layer_norm import ChannelNorm
from edgedepth.export.lowering.pointwise import lower_dilated_blocks, pointwise
from edgedepth.models import card
from edgedepth.models.litemono.blocks import DilatedBlock, LayerNorm, LocalGlobalBlock
from edgedepth.models.litemono.config import LiteMonoConfig
from edgedepth.preflight.rules import predicted_gpu_refusals
from edgedepth.preflight.xnnpack import xnnpack_partitions

TARGETS = ("onnx", "tflite")
NAMES = ("lite-mono-tiny", "lite-mono-small", "lite-mono", "lite-mono-8m")
TOLERANCE = 5e-6
"""Of float32, relative to the largest output value."""


def maps(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def everything_matters(module, seed=1):
    """Random norms, layer scales and temperatures, so that nothing that a lowering takes in is trivially exact."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if name.endswith("running_var") or (value.dim() == 1 and name.endswith("weight")):
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
            elif value.is_floating_point():
                fan_in = max(value[0].numel(), 1) if value.dim() in (2, 4) else 1
                value.copy_(torch.randn(value.shape, generator=generator) / fan_in**0.5)
    return module.eval()


def applied(module, step, x, expected_count=1):
    graph = trace(nn.Sequential(module).eval())
    with torch.no_grad():
        expected = module(x)
        assert step(graph) == expected_count
        found = graph(x)
    assert gap(found, expected) <= TOLERANCE * max(1.0, float(expected.abs().max()))
    return graph


# ELU


class Activated(nn.Module):
    def __init__(self, **options) -> None:
        super().__init__()
        self.options = options

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.elu(x, **self.options)


@pytest.mark.parametrize("module", [Activated(), nn.ELU(), Activated(alpha=1.0)], ids=["function", "layer", "named"])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 7)])
def test_elu_becomes_one_operator(module, shape):
    graph = applied(module, lower_elu, maps(*shape))
    program = torch.export.export(graph, (maps(*shape),))
    assert [n.target for n in program.graph.nodes].count(torch.ops.edgedepth.elu.default) == 1


@pytest.mark.parametrize("module", [Activated(alpha=0.5), nn.ELU(2.0)])
def test_an_elu_of_another_alpha_stays(module):
    applied(module, lower_elu, maps(1, 3, 4, 5), 0)


@pytest.mark.parametrize("shape", [(1, 3, 5, 8), (2, 1)])
def test_elu_keeps_its_promises_to_torch(shape):
    torch.library.opcheck(elu, (maps(*shape),), test_utils=("test_schema", "test_faketensor"))


# Average pool


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(4, 9), st.integers(4, 9))
def test_zeros_beyond_the_border_count(kernel, stride, channels, height, width):
    padding = kernel // 2
    pool = nn.AvgPool2d(kernel, stride, padding)
    applied(pool, lower_average_pool, maps(2, channels, height, width), int(padding > 0))


@pytest.mark.parametrize(
    "pool",
    [
        nn.AvgPool2d(3, 2),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(3, 2, 1, divisor_override=4),
    ],
    ids=["no-padding", "padding-not-counted", "ceiling", "divisor"],
)
def test_other_average_pools_stay(pool):
    applied(pool, lower_average_pool, maps(1, 3, 6, 7), 0)


def test_windows_that_are_not_square():
    applied(nn.AvgPool2d((3, 5), (1, 2), (1, 2)), lower_average_pool, maps(1, 2, 6, 7))


# Layer norm and linear layers


@pytest.mark.parametrize("kind", [LayerNorm, lambda channels: nn.LayerNorm(channels, LayerNorm.EPS)])
@pytest.mark.parametrize("scaled", [True, False])
def test_a_norm_and_a_linear_layer_over_channels(kind, scaled):
    norm, linear = everything_matters(kind(6)), everything_matters(nn.Linear(6, 5))
    scale = maps(5, seed=4) if scaled else None
    x = maps(2, 6, 3, 4) * 3 + 1
    with torch.no_grad():
        expected = linear(norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
        expected = expected if scale is None else expected * scale[:, None, None]
        found = pointwise(linear, scale=scale, norm=norm)(ChannelNorm(LayerNorm.EPS)(x))
    assert gap(found, expected) <= 1e-5


def test_a_normalized_map_has_no_mean_and_unit_variance():
    found = ChannelNorm(0.0)(maps(2, 8, 3, 4) * 5 - 2).double()
    assert float(found.mean(1).abs().max()) < 1e-6
    np.testing.assert_allclose(found.var(1, unbiased=False).numpy(), 1, atol=1e-5)


@pytest.mark.parametrize("dilation", [1, 2, 6])
@pytest.mark.parametrize("size", [(1, 1), (3, 8)])
def test_a_dilated_block(dilation, size):
    block = everything_matters(DilatedBlock(8, dilation, 3))
    graph = applied(block, lower_dilated_blocks, maps(2, 8, *size))
    assert not any(isinstance(m, DilatedBlock | nn.BatchNorm2d | nn.Linear) for m in graph.modules())


# Attention of channels on channels


def block_of(channels=16, heads=4, *, position):
    config = LiteMonoConfig((channels,) * 3, ((), (), ()), heads=heads, expansion=2)
    return everything_matters(LocalGlobalBlock(channels, config, position=position))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("position", [True, False])
@pytest.mark.parametrize(("channels", "heads"), [(16, 4), (16, 8), (24, 2)])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 4)])
def test_a_local_global_block(target, position, channels, heads, size):
    block = block_of(channels, heads, position=position)
    graph = applied(block, lambda graph: lower_cross_covariance(graph, target), maps(2, channels, *size))
    assert not any(isinstance(m, LocalGlobalBlock | nn.Linear) for m in graph.modules())


@pytest.mark.parametrize("target", TARGETS)
def test_sharp_attention_sees_its_own_head_alone(target):
    block = block_of(position=False)
    with torch.no_grad():
        block.xca.temperature.copy_(torch.tensor([50.0, -50.0, 0.0, 9.0])[:, None, None])
        block.gamma_xca.fill_(1)
    applied(block, lambda graph: lower_cross_covariance(graph, target), maps(1, 16, 4, 6))


@pytest.mark.parametrize("target", TARGETS)
def test_a_query_of_length_zero_attends_evenly(target):
    block = block_of(position=False)
    with torch.no_grad():
        block.xca.qkv.weight[:3] = 0
        block.xca.qkv.bias[:3] = 0
        block.norm_xca.bias.zero_()
    applied(block, lambda graph: lower_cross_covariance(graph, target), maps(1, 16, 4, 6))


def test_pictures_of_a_batch_are_kept_apart():
    block = block_of(position=False)
    attention = HalfMatrices(block.xca, block.norm_xca, block.gamma_xca)
    x = maps(3, 16, 4, 6)
    with torch.no_grad():
        assert gap(attention(x), torch.cat([attention(x[i : i + 1]) for i in range(3)])) <= 1e-6


@pytest.mark.parametrize("most", [1, 12, 24, 48])
@pytest.mark.parametrize("size", [(4, 6), (8, 3), (6, 2), (5, 5)])
def test_large_maps_are_cut_and_products_stay_small(monkeypatch, most, size):
    """A GPU computes a large product wrong; pixels of an odd number of rows cannot be halved further."""
    monkeypatch.setattr("edgedepth.export.lowering.cross_covariance.MOST_ROWS", most)
    block = block_of(position=False)
    graph = applied(block, lambda graph: lower_cross_covariance(graph, "tflite"), maps(1, 16, *size))
    program = torch.export.export(graph, (maps(1, 16, *size),))
    products = [
        n for n in program.graph.nodes if n.target in (torch.ops.aten.matmul.default, torch.ops.aten.bmm.default)
    ]
    height, width = size
    while HALVES * height * width > most and height % 2 == 0:
        height //= 2
    assert len(products) == 2 * size[0] // height


def test_an_odd_number_of_heads_stays():
    block = block_of(18, 3, position=True)
    for target in TARGETS:
        applied(block, lambda graph, target=target: lower_cross_covariance(graph, target), maps(1, 18, 2, 3), 0)


# Whole networks


@pytest.mark.parametrize("name", NAMES)
def test_every_scale(name):
    model = everything_matters_a_little(network(name))
    x = picture(64, 96, batch=2)
    with torch.no_grad():
        expected = model(x)
        assert float(expected.std()) > 1e-2
        for target in TARGETS:
            lowered, _ = lower(model, target, {})
            assert gap(lowered(x), expected) <= 1e-5, target


def everything_matters_a_little(model, seed=7):
    """Layer norms, scales and temperatures that differ from channel to channel, small enough not to saturate."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in model.named_parameters():
            if key.rpartition(".")[2].startswith(("gamma", "temperature")) or ".norm" in key:
                value.mul_(0.5 + torch.rand(value.shape, generator=generator))
    return model


def test_what_was_applied_says_how_often():
    model = network("lite-mono-tiny")
    said = {target: {s.name: s.detail for s in lower(model, target, {})[1]} for target in TARGETS}
    common = {"batch-norm": {"folded": 3}, "pointwise": {"replaced": 12}, "cross-covariance": {"replaced": 3}}
    assert said["onnx"] == common
    assert said["tflite"] == common | {
        "elu": {"replaced": 6},
        "average-pool": {"replaced": 6},
        "reflection-pad": {"replaced": 7},
    }


def test_the_smallest_network_is_exported_and_taken_whole(exported):
    """Parity is the export's own gate; a fault of it would have ended there."""
    made = exported("lite-mono-tiny", "lite-mono-tiny")
    assert made.artifact.manifest.model.parameters == 2_147_659
    for file_format in ("onnx", "tflite"):
        (entry,) = made.files(file_format)
        assert max(parity.max_abs for parity in entry.parity.values()) < 1e-5
    (entry,) = made.files("tflite")
    path = made.artifact.folder / entry.path
    partitions = xnnpack_partitions(path)
    assert partitions.whole, partitions
    from edgedepth.artifact.tflite_graph import read_tflite

    graph = read_tflite(path)
    assert predicted_gpu_refusals(graph) == ()
    kinds = {operator.name for operator in graph.operators}
    assert {"ELU", "GELU", "SOFTMAX", "BATCH_MATMUL"} <= kinds
    assert not kinds & {"AVERAGE_POOL_2D", "TRANSPOSE", "BROADCAST_TO", "L2_NORMALIZATION", "SELECT"}
    assert card("lite-mono-tiny").name == made.artifact.manifest.name
