"""The share of jumps, against a count of all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from frames_in_memory import Fixed, Frames, sample
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.evaluation.boundaries import EDGE_RATIO
from edgedepth.evaluation.jumps import FEWEST, REACH, jump_share
from edgedepth.evaluation.protocol import evaluate


def case(seed, height=18, width=31):
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random((height, width)) < 0.5, 5.0, 9.0) * rng.uniform(0.9, 1.1, (height, width))
    return truth * rng.uniform(0.5, 2, truth.shape), truth, rng.random(truth.shape) < 0.3


@given(st.integers(0, 2**32 - 1))
def test_it_is_the_mean_over_all_pairs(seed):
    predicted, truth, mask = case(seed)
    points = np.argwhere(mask)
    shares = []
    for n, i in enumerate(points):
        for j in points[n + 1 :]:
            true = np.log(truth[tuple(j)] / truth[tuple(i)])
            if np.hypot(*(j - i)) <= REACH and abs(true) > np.log(EDGE_RATIO):
                shares.append(np.clip(np.log(predicted[tuple(j)] / predicted[tuple(i)]) / true, 0, 1))
    found = jump_share(predicted, truth, mask)
    assert found == pytest.approx(np.mean(shares)) if len(shares) >= FEWEST else found is None


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100))
def test_scale_does_not_matter_and_the_ends_are_known(seed, scale):
    predicted, truth, mask = case(seed)
    mask[:4] = True
    assert jump_share(predicted * scale, truth, mask) == pytest.approx(jump_share(predicted, truth, mask))
    assert jump_share(truth, truth, mask) == pytest.approx(1)
    assert jump_share(np.full_like(truth, scale), truth, mask) == 0
    assert jump_share(1 / truth, truth, mask) == 0


def test_a_smeared_border_shows_less_of_a_jump():
    x = np.arange(60)
    truth = np.where(x < 30, 5.0, 20.0)[None].repeat(40, 0)
    shares = []
    for blur in (1, 9, 33):
        kernel = np.ones(blur) / blur
        line = np.exp(np.convolve(np.pad(np.log(truth[0]), blur, mode="edge"), kernel, mode="same")[blur:-blur])
        shares.append(jump_share(line[None].repeat(40, 0), truth, np.ones(truth.shape, np.bool_)))
    assert shares[0] == pytest.approx(1)
    assert shares[0] > shares[1] > shares[2]


def test_it_is_measured_where_truth_is_sparse_and_borders_where_it_is_nearly_dense():
    truth = np.where(np.arange(30) < 15, 5.0, 20.0)[None].repeat(24, 0).astype(np.float32)
    sparse, gaps = truth.copy(), truth.copy()
    sparse[:, ::2] = 0
    gaps[0] = 0
    report = evaluate(Fixed(truth), Frames(sample(sparse)))
    assert (report.edges, report.dense) == (None, False)
    assert report.jumps == pytest.approx(1)
    report = evaluate(Fixed(truth), Frames(sample(gaps)))
    assert (report.jumps, report.dense) == (None, True)
    assert (report.edges.f1, report.edges.soft_error) == (1, 0)
