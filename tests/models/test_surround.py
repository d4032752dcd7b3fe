"""The surround students: the published head, the parameter totals, the wiring, and what a fresh student gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, picture, randomise

from edgedepth.models import build, card, checkpoint, initialise
from edgedepth.models.surround.metric_bins import ATTRACTORS, FEATURES, MetricBins, attract, expected_depth, up

STUDENTS = ("surround-hrdepth", "surround-monodepth2", "surround-monovit")
CORES = dict(zip(STUDENTS, ("hr-depth", "monodepth2", "monovit"), strict=True))
TOTALS = dict(zip(STUDENTS, (14_801_845, 15_030_437, 28_305_869), strict=True))
HEADS = dict(zip(STUDENTS, (701_201, 701_201, 435_761), strict=True))
TOLERANCE = 1e-5
BUFFERS = ("k_idx", "K_minus_1")


def seeded(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def rising(values):
    """Depth of fewer than ten metres or so that varies: seeded weights with statistics that matter."""
    return randomise(values, 2).eval()


@pytest.fixture(scope="module", params=STUDENTS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def student(name):
    return rising(initialise(build(card(name)), 1))


# The head


@pytest.fixture(scope="module")
def golden_head(goldens):
    head = MetricBins(512, 16)
    head.load_state_dict(goldens.generator.fill(head.state_dict(), keep=BUFFERS, gain=1.5))
    return head.eval()


def golden_inputs():
    features = [seeded((1, c, 4 << i, 6 << i), 41 + i) for i, c in enumerate(FEATURES)]
    relative = torch.rand(1, 1, 64, 96, generator=torch.Generator().manual_seed(46))
    return seeded((1, 512, 2, 3), 40), features, seeded((1, 16, 64, 96), 45), relative


def test_keys_shapes_types_and_order_are_the_published_ones(goldens, golden_head):
    own = [[k, list(v.shape), str(v.dtype).removeprefix("torch.")] for k, v in golden_head.state_dict().items()]
    facts = goldens.facts("metricbins_monodepth2")
    assert own == [row[1:] for row in facts["files"]]
    assert sum(p.numel() for p in golden_head.parameters()) == facts["mb_params"]


def test_the_head_computes_what_the_published_layers_do(goldens, golden_head):
    expected = goldens.arrays("metricbins_monodepth2")
    with torch.no_grad():
        found = golden_head(*golden_inputs())
    assert gap(found.depth, torch.from_numpy(expected["depth"])) <= TOLERANCE
    assert gap(up(found.centres, found.depth)[:, :8], torch.from_numpy(expected["bin_centers_0"])) <= TOLERANCE
    assert gap(found.probabilities[:, :8], torch.from_numpy(expected["probs_0"])) <= TOLERANCE


def test_the_constants_are_the_published_buffers(golden_head):
    state = golden_head.state_dict()
    table = "conditional_log_binomial.log_binomial_transform."
    assert torch.equal(state[table + "k_idx"].flatten(), torch.arange(64))
    assert state[table + "K_minus_1"].flatten().tolist() == [63.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 16), st.integers(0, 999), st.floats(0.01, 300))
def test_attractors_move_a_centre_by_the_mean_of_their_pulls(count, seed, reach):
    rng = np.random.default_rng(seed)
    centres, points = rng.uniform(0, reach, (1, 64, 2, 3)), rng.uniform(0, reach, (1, count, 2, 3))
    distance = points[:, :, None] - centres[:, None]
    expected = centres + (distance / (1 + 300 * distance**2)).mean(1)
    found = attract(torch.from_numpy(centres), torch.from_numpy(points))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert float((found - torch.from_numpy(centres)).abs().max()) <= 0.5 / 300**0.5 + 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_upsampling_puts_corners_on_corners(h, w, tall, wide, seed):
    values = np.random.default_rng(seed).normal(size=(h, w))
    found = up(torch.from_numpy(values)[None, None], torch.empty(1, 1, tall, wide))[0, 0].numpy()
    rows = np.linspace(0, h - 1, tall) if tall > 1 else np.zeros(1)
    columns = np.linspace(0, w - 1, wide) if wide > 1 else np.zeros(1)
    across = np.stack([np.interp(columns, np.arange(w), line) for line in values])
    expected = np.stack([np.interp(rows, np.arange(h), line) for line in across.T], 1)
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_depth_is_the_expectation_over_the_bins(student):
    with torch.no_grad():
        bins = student.bins(picture(64, 96, batch=2))
        depth = student(picture(64, 96, batch=2))
    assert bins.depth.shape == (2, 1, 64, 96)
    assert bins.centres.shape == (2, 64, 32, 48)
    assert bins.probabilities.shape == (2, 64, 64, 96)
    assert gap(bins.probabilities.sum(1), torch.ones(2, 64, 96)) <= 1e-5
    assert torch.equal(bins.depth, depth)
    assert torch.equal(bins.depth, expected_depth(bins.probabilities, bins.centres))
    written = (bins.probabilities.double() * up(bins.centres.double(), bins.depth)).sum(1, keepdim=True)
    assert float(((bins.depth - written) / written).abs().max()) <= 1e-5


def test_one_bin_alone_gives_its_own_centre():
    centres = seeded((1, 64, 3, 4), 0).exp()
    alone = torch.zeros(1, 64, 3, 4)
    alone[:, 7] = 1
    assert torch.equal(expected_depth(alone, centres), centres[:, 7:8])


# The students


def test_parameter_totals_to_the_unit(name, student):
    assert sum(p.numel() for p in student.parameters()) == TOTALS[name]
    assert sum(p.numel() for p in student.metric_bins.parameters()) == HEADS[name]
    assert round(TOTALS[name] / 1e6, 2) == card(name).paper.params_millions


def test_the_core_is_the_published_network_under_its_own_names(name, student):
    core = build(card(CORES[name]))
    keys = [key for key in student.state_dict() if key.startswith("core.")]
    assert keys == [f"core.{key}" for key in core.state_dict()]
    assert {key.split(".")[0] for key in student.state_dict()} == {"core", "metric_bins"}


def test_a_student_can_start_from_a_core(name, tmp_path):
    core = rising(initialise(build(card(CORES[name])), 5))
    checkpoint.save(tmp_path / "core.safetensors", core, card(CORES[name]), {}, {})
    student = build(card(name))
    student.core.load_state_dict(checkpoint.load(tmp_path / "core.safetensors").model.state_dict())
    x = picture(64, 64)
    with torch.no_grad():
        assert torch.equal(student.core(x), core(x))


def test_the_head_reads_the_taps_features_and_disparity_that_the_totals_ask_for(name, student):
    seen = {}
    hook = student.metric_bins.register_forward_pre_hook(lambda _, args: seen.update(args=args))
    x = picture(64, 96)
    with torch.no_grad():
        student(x)
        hook.remove()
        taps = student.core.features(x)
        disparity = student.core(x)
    bottleneck, features, last, relative = seen["args"]
    assert torch.equal(bottleneck, taps[-1])
    assert [tuple(f.shape[1:]) for f in features] == [(c, 4 << i, 6 << i) for i, c in enumerate(FEATURES)]
    assert last.shape == (1, 16, 64, 96)
    assert torch.equal(relative, disparity)
    assert torch.equal(student.core.head(last, 0), disparity)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_fresh_student_gives_metres_that_vary(name, seed):
    model = initialise(build(card(name)), seed)
    with torch.no_grad():
        bins = model.bins(picture(64, 96))
    seeds = torch.nn.functional.softplus(model.metric_bins.seed_bin_regressor.layers[1].bias)
    torch.testing.assert_close(seeds[[0, -1]], torch.tensor([1.0, 100.0]), rtol=1e-4, atol=0)
    assert bool((seeds.diff() > 0).all())
    assert 0.1 < float(bins.depth.min()) < float(bins.depth.max()) < 300
    assert float(bins.depth.std()) > 0.3
    assert float(bins.centres.std()) > 10


def test_gradients_reach_every_part_that_is_read(student):
    model = build(card("surround-monodepth2")).train()
    model(picture(64, 64, batch=2)).mean().backward()
    silent = [key for key, p in model.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    coarser_heads = {f"core.decoder.{k}.conv.{kind}" for k in (11, 12, 13) for kind in ("weight", "bias")}
    assert set(silent) == coarser_heads


def test_own_files_round_trip_and_are_told_apart(name, student, tmp_path):
    checkpoint.save(tmp_path / "own.safetensors", student, card(name), {}, {"licence": "none"})
    loaded = checkpoint.load(tmp_path / "own.safetensors")
    assert loaded.card is card(name)
    x = picture(64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.model(x), student(x))


def test_the_cards_speak_of_metres_and_of_no_flops():
    for one in map(card, STUDENTS):
        assert (one.input.height, one.input.width) == (384, 640)
        assert (one.output.meaning, one.output.metric, one.output.max_depth) == ("metric-depth", True, 200.0)
        assert one.paper.gflops is None
        assert "A6000" in one.notes[0]


def test_attractors_per_level_are_the_published_ones(student):
    assert tuple(m.layers[1].out_channels for m in student.metric_bins.attractors) == ATTRACTORS == (16, 8, 4, 1)
