"""The metric-bins head: each step is an identity, files pass their gate, and every delegate takes all of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, picture, randomise
from torch import nn

from edgedepth.artifact.tflite_graph import read_tflite
from edgedepth.errors import MissingDependencyError
from edgedepth.export.lowering import lower
from edgedepth.export.lowering.metric_bins import Affine, LoweredBins
from edgedepth.export.lowering.softplus import StableSoftplus
from edgedepth.models import build, card, initialise
from edgedepth.models.monovit.config import MonoViTConfig
from edgedepth.models.monovit.model import MonoViT
from edgedepth.models.surround.metric_bins import FEATURES, MetricBins
from edgedepth.preflight.gpu import check_gpu
from edgedepth.preflight.vulkan import find_icd
from edgedepth.preflight.xnnpack import xnnpack_partitions
from edgedepth.runtime.session import Session

TARGETS = ("onnx", "tflite")


def seeded(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def head(seed=0, bottleneck=24, last=5):
    """Weights and biases that all matter, centres apart."""
    made = initialise(MetricBins(bottleneck, last), seed)
    with torch.no_grad():
        for k, layer in enumerate(m for m in made.modules() if isinstance(m, nn.Conv2d)):
            layer.bias.copy_(seeded(layer.bias.shape, seed + k) * 0.3)
    made.spread()
    return made.eval()


def inputs(size, batch=1, bottleneck=24, last=5, seed=0):
    H, W = size
    features = [seeded((batch, c, H >> 4 - i, W >> 4 - i), seed + i) for i, c in enumerate(FEATURES)]
    coarse = seeded((batch, bottleneck, H >> 5, W >> 5), seed + 8)
    relative = torch.sigmoid(seeded((batch, 1, H, W), seed + 9))
    return coarse, features, seeded((batch, last, H, W), seed + 10), relative


def doubled(values):
    return [v.double() if isinstance(v, torch.Tensor) else [x.double() for x in v] for v in values]


def share(a, b):
    """The largest difference in shares of the largest value."""
    return gap(a, b) / float(b.abs().max())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("size", "batch"), [((32, 32), 1), ((64, 96), 1), ((96, 32), 2)])
def test_in_double_precision_it_is_the_definition(target, size, batch):
    network, values = head(), doubled(inputs(size, batch))
    lowered = LoweredBins(network, target).double()
    with torch.no_grad():
        expected = network.double()(*values).depth
        found = lowered(*values)
    assert float(expected.std()) > 0.3
    assert share(found, expected) <= 1e-6  # what folded weights lose as float32


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 999))
def test_in_single_precision_it_is_as_near_to_the_truth_as_the_definition(target, seed):
    network, values = head(seed), inputs((32, 64), seed=seed)
    lowered = LoweredBins(network, target)
    with torch.no_grad():
        found, plain = lowered(*values), network(*values).depth
        truth = network.double()(*doubled(values)).depth
    assert share(found.double(), truth) <= 2 * share(plain.double(), truth) + 1e-5


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_two_layers_in_a_row_are_one(a, b, c, seed):
    rng = np.random.default_rng(seed)
    first, second = (
        Affine(torch.from_numpy(rng.normal(size=(o, i))), torch.from_numpy(rng.normal(size=o)))
        for i, o in ((a, b), (b, c))
    )
    x = rng.normal(size=a)
    expected = second.weight.numpy() @ (first.weight.numpy() @ x + first.bias.numpy()) + second.bias.numpy()
    both = second.after(first)
    np.testing.assert_allclose(both.weight.numpy() @ x + both.bias.numpy(), expected, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 9), st.integers(0, 99), st.data())
def test_a_layer_is_the_sum_of_its_shares(c_in, seed, data):
    cut = data.draw(st.integers(1, c_in - 1))
    rng = np.random.default_rng(seed)
    layer = Affine(torch.from_numpy(rng.normal(size=(3, c_in))), torch.from_numpy(rng.normal(size=3)))
    x = rng.normal(size=c_in)
    left, right = layer.split(cut)
    found = left.weight.numpy() @ x[:cut] + left.bias.numpy() + right.weight.numpy() @ x[cut:] + right.bias.numpy()
    np.testing.assert_allclose(found, layer.weight.numpy() @ x + layer.bias.numpy(), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=20))
def test_softplus_keeps_its_digits_from_the_smallest_to_the_largest(values):
    found = StableSoftplus()(torch.tensor(values, dtype=torch.float32)).double().numpy()
    expected = np.logaddexp(0, np.array(values))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-37)


def test_the_likeliest_bin_needs_no_maximum():
    """Logits of the definition, at its lowest temperature, on a fine grid of probabilities."""
    rows = MetricBins(24, 5).conditional_log_binomial.log_binomial_transform.rows().double().numpy()
    p = np.concatenate([np.geomspace(1e-7, 0.5, 20001), 1 - np.geomspace(1e-7, 0.5, 20001)])
    logarithms = np.log(np.maximum(np.stack([p, 1 - p]), 1e-4))
    logits = (rows[:, :1] + rows[:, 1:] @ logarithms) / 0.0212
    assert logits.max() <= 1e-2
    assert -17.5 <= logits.max(0).min() <= -17.4


def small_student(name):
    """A student of every core; MonoViT's of few blocks, the full one takes minutes."""
    student = build(card(name))
    if name == "surround-monovit":
        student.core = MonoViT(MonoViTConfig((16, 24, 32, 40), (1, 2, 1, 1), (2, 2, 1, 1)))
        student.metric_bins = MetricBins(40, 16)
    return randomise(initialise(student, 1), 2).eval()


@pytest.mark.parametrize("name", ["surround-hrdepth", "surround-monodepth2", "surround-monovit"])
@pytest.mark.parametrize("target", TARGETS)
def test_whole_students(name, target):
    student, x = small_student(name), picture(64, 96, batch=2)
    lowered, applied = lower(student, target, {})
    assert {step.name: step.detail for step in applied}["metric-bins"] == {"replaced": 1}
    assert not any(isinstance(m, MetricBins) for m in lowered.modules())
    with torch.no_grad():
        expected = student(x)
        assert float(expected.std() / expected.max()) > 5e-3
        assert share(lowered(x), expected) <= 1e-5


def test_a_head_whose_bins_are_read_stays():
    class Centres(nn.Module):
        def __init__(self, student):
            super().__init__()
            self.student = student

        def forward(self, x):
            return self.student.bins(x).centres

    lowered, applied = lower(Centres(small_student("surround-monodepth2")), "tflite", {})
    assert "metric-bins" not in {step.name for step in applied}
    assert any(isinstance(m, MetricBins) for m in lowered.modules())


@pytest.fixture(scope="module")
def made(exported):
    return exported("surround", "surround-monodepth2", precisions=("fp32", "fp16"))


def test_files_say_that_they_give_metres(made):
    for entry in made.artifact.files:
        given_ = entry.output
        assert (given_.tensor.name, given_.meaning, given_.decode) == ("depth", "metric-depth", "depth = output")
        assert given_.metric
        assert given_.constants == {}
        assert given_.value_range == (0.001, 200.0)
        assert "metric-bins" in {step.name for step in entry.lowering}


def test_files_pass_their_gate_in_shares_of_the_largest_depth(made):
    for entry in made.artifact.files:
        for parity in entry.parity.values():
            assert parity.max_abs <= (2e-5 if entry.precision == "fp32" else 2e-2)
            assert parity.reference_std > 5e-3


@pytest.mark.parametrize("file_format", TARGETS)
def test_a_file_computes_the_networks_metres(made, file_format):
    entry = next(e for e in made.files(file_format) if e.precision == "fp32")
    x = picture(*entry.size)
    with torch.no_grad():
        expected = made.network(x)[:, 0].numpy()
    batch = x.numpy() if file_format == "onnx" else x.permute(0, 2, 3, 1).numpy()
    found = Session(made.artifact.path(entry), entry).maps(batch)
    np.testing.assert_allclose(found, expected, atol=2e-5 * expected.max())


def test_one_partition_and_no_rank_above_four(made):
    entry = next(e for e in made.files("tflite") if e.precision == "fp32")
    path = made.artifact.path(entry)
    graph = read_tflite(path)
    assert xnnpack_partitions(path).whole
    assert graph.max_rank() <= 4
    assert not {"SELECT", "SELECT_V2", "GREATER", "POW", "BROADCAST_TO"} & set(graph.histogram())


def test_the_gpu_takes_all_of_it_and_computes_the_same(made):
    try:
        icd = find_icd()
    except MissingDependencyError as missing:
        pytest.skip(missing.cause)
    entry = next(e for e in made.files("tflite") if e.precision == "fp32")
    found = check_gpu(made.artifact.path(entry), icd)
    assert found.refusals == ()
    assert found.accepted
    assert found.max_abs <= 1e-3 * found.output_std
