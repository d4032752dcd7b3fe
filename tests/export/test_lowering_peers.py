"""What the peer networks need beyond FlexDepth's: nearest upsampling, padded max pools, factorized attention."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, randomise
from torch import nn
from torch.nn import functional as F

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.export.lowering import lower
from edgedepth.export.lowering.factorized_attention import batch_matmul, lower_factorized_attention
from edgedepth.export.lowering.graph import trace
from edgedepth.export.lowering.max_pool import lower_max_pool
from edgedepth.export.lowering.nearest import lower_nearest
from edgedepth.models import build, card, checkpoint, initialise
from edgedepth.models.monovit.mpvit import PathEncoder
from edgedepth.models.shared.channel_gate import GatedMerge
from edgedepth.preflight.xnnpack import xnnpack_partitions

PEERS = ("monodepth2", "hr-depth", "monovit")
SMALL_MONOVIT = {"widths": [16, 24, 32, 40], "layers": [1, 2, 1, 1], "paths": [2, 2, 1, 1]}
"""Every kind of part that the network has, a few of each."""
MAPS = st.tuples(st.integers(1, 2), st.integers(1, 5), st.integers(1, 7), st.integers(1, 7))


def seeded(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def peer(name, **config):
    return randomise(initialise(build(card(name), **config), 1), 2).eval()


class Twice(nn.Module):
    """Upsampling with the arguments that it is given."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__()
        self.args, self.kwargs = args, kwargs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, *self.args, **self.kwargs)


@settings(max_examples=25, deadline=None)
@given(MAPS)
def test_nearest_upsampling_is_exact(shape):
    x = seeded(shape)
    graph = trace(Twice(scale_factor=2, mode="nearest"))
    assert lower_nearest(graph) == 1
    expected = x.double().numpy().repeat(2, 2).repeat(2, 3)
    assert np.array_equal(graph(x).double().numpy(), expected)


@pytest.mark.parametrize("up", [Twice(scale_factor=2.0), Twice(None, 2, "nearest"), Twice(scale_factor=(2, 2))])
def test_every_way_of_asking_for_it_is_known(up):
    graph = trace(up)
    assert lower_nearest(graph) == 1
    x = seeded((1, 3, 2, 5))
    assert torch.equal(graph(x), up(x))


@pytest.mark.parametrize(
    "up",
    [
        Twice(scale_factor=3, mode="nearest"),
        Twice(scale_factor=(2, 1), mode="nearest"),
        Twice(size=(4, 10)),
        Twice(scale_factor=2, mode="bilinear"),
        Twice(scale_factor=2, mode="nearest-exact"),
    ],
)
def test_other_upsampling_stays(up):
    graph = trace(up)
    assert lower_nearest(graph) == 0
    assert any(node.target is F.interpolate for node in graph.graph.nodes)


@settings(max_examples=40, deadline=None)
@given(MAPS, st.sampled_from((-5.0, 0.0, 5.0)))
def test_a_padded_max_pool_is_exact_for_values_of_any_sign(shape, middle):
    x = seeded(shape) + middle
    pool = nn.Sequential(nn.MaxPool2d(3, 2, 1))
    graph = trace(pool)
    assert lower_max_pool(graph) == 1
    assert torch.equal(graph(x), pool(x))


@pytest.mark.parametrize("pool", [nn.MaxPool2d(5, 1, 2), nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2, 1, ceil_mode=True)])
def test_other_pools_stay(pool):
    graph = trace(nn.Sequential(pool))
    assert lower_max_pool(graph) == 0


@pytest.mark.parametrize("target", ["onnx", "tflite"])
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 5)])
@pytest.mark.parametrize(("channels", "layers"), [(8, 1), (24, 3), (216, 1)])
def test_factorized_attention_is_exact(target, size, channels, layers):
    path = PathEncoder(channels, layers, 8, 4)
    with torch.no_grad():
        for k, parameter in enumerate(path.parameters()):
            parameter.copy_(seeded(parameter.shape, k) * (0.6 / parameter[0].numel() ** 0.5))
    network = nn.Sequential(path).eval()
    graph = trace(network)
    assert lower_factorized_attention(graph, target) == 1
    assert not any(isinstance(m, PathEncoder | nn.LayerNorm | nn.Linear) for m in graph.modules())
    x = 3 * seeded((2, channels, *size), 99)
    with torch.no_grad():
        expected = network(x)
        assert gap(graph(x), expected) <= 5e-6 * float(expected.abs().max())


def test_the_position_codes_weights_are_stored_once_for_all_blocks():
    graph = trace(nn.Sequential(PathEncoder(24, 3, 8, 4)))
    before = sum(p.numel() for p in graph.parameters())
    lower_factorized_attention(graph, "tflite")
    norms = 3 * 2 * 2 * 24
    assert sum(p.numel() for p in graph.parameters()) == before - norms


def test_batch_matmul_keeps_its_promises_to_torch():
    x, y = seeded((2, 1, 3, 4)), seeded((2, 1, 4, 5), 1)
    torch.library.opcheck(batch_matmul, (x, y), test_utils=("test_schema", "test_faketensor"))
    assert gap(batch_matmul(x, y), torch.from_numpy(x.double().numpy() @ y.double().numpy())) <= 1e-6


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("size", [(64, 96), (96, 64)])
def test_whole_networks(name, size):
    model = peer(name)
    x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = model(x)
        assert float(expected.std()) > 1e-2
        for target in ("onnx", "tflite"):
            assert gap(lower(model, target, {})[0](x), expected) <= 1e-5, target


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("monodepth2", {"elu": 10, "nearest": 5, "max-pool": 1, "reflection-pad": 11}),
        ("hr-depth", {"elu": 18, "nearest": 11, "max-pool": 1, "reflection-pad": 19}),
        ("monovit", {"factorized-attention": 11, "elu": 18, "nearest": 11, "reflection-pad": 19}),
    ],
)
def test_what_was_applied_says_how_often(name, steps):
    _, applied = lower(peer(name), "tflite", {})
    found = {step.name: step.detail["replaced"] for step in applied if step.name != "batch-norm"}
    assert found == steps


@pytest.fixture(params=PEERS)
def made(request, exported, once):
    """An export of every family; MonoViT's of few blocks, the full one takes minutes."""
    name = request.param
    config = SMALL_MONOVIT if name == "monovit" else {}
    weights = once(
        f"small-{name}.safetensors",
        lambda path: checkpoint.save(path, peer(name, **config), card(name), config, {}),
    )
    return exported(f"small-{name}", name, weights=weights, sizes=((64, 64),))


def test_exported_files_pass_their_gate_and_delegates_take_all_of_them(made):
    (onnx,), (tflite,) = made.files("onnx"), made.files("tflite")
    for entry in (onnx, tflite):
        assert max(parity.max_abs for parity in entry.parity.values()) <= 2e-5
        assert min(parity.reference_std for parity in entry.parity.values()) > 5e-3
    path = made.artifact.path(tflite)
    graph = read_tflite(path)
    assert xnnpack_partitions(path).whole
    assert graph.max_rank() <= 4
    # A softmax over positions needs them in the last dimension: one transpose per transformer block. The converter
    # leaves up to four more, around the first gated merge.
    blocks = sum(len(m.MHCA_layers) for m in made.network.modules() if isinstance(m, PathEncoder))
    gated = any(isinstance(m, GatedMerge) for m in made.network.modules())
    assert blocks <= Counter(graph.histogram())["TRANSPOSE"] <= blocks + 4 * gated
    refused = {"RESIZE_NEAREST_NEIGHBOR", "SELECT", "SELECT_V2", "PADV2", "MIRROR_PAD", "BROADCAST_TO", "GATHER_ND"}
    assert not refused & set(graph.histogram())
