"""The seven metrics against hand-made cases and direct NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgedepth.evaluation.metrics import DepthMetrics, depth_metrics, mean_metrics, valid_mask

depths = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(0.5, 80))


def test_hand_made_case():
    found = depth_metrics(np.array([2.0, 4.0]), np.array([1.0, 4.0]))
    assert found.abs_rel == pytest.approx(0.5)
    assert found.sq_rel == pytest.approx(0.5)
    assert found.rmse == pytest.approx(np.sqrt(0.5))
    assert found.rmse_log == pytest.approx(np.log(2) / np.sqrt(2))
    assert (found.delta1, found.delta2, found.delta3) == (0.5, 0.5, 0.5)


def test_thresholds_are_strict_and_symmetric():
    truth = np.array([4.0, 4.0, 4.0, 4.0])
    found = depth_metrics(np.array([5.0, 3.2, 4.99, 6.24]), truth)
    assert found.delta1 == 0.25  # 5/4 is exactly 1.25 and so is 4/3.2: neither is below it
    assert found.delta2 == 1.0


@given(depths)
def test_perfect_prediction(truth):
    found = depth_metrics(truth, truth)
    assert found == DepthMetrics(0, 0, 0, 0, 1, 1, 1)


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_against_direct_numpy(seed, count):
    rng = np.random.default_rng(seed)
    p, g = rng.uniform(1, 80, count), rng.uniform(1, 80, count)
    found = depth_metrics(p, g)
    assert found.abs_rel == pytest.approx(np.mean(np.abs(p - g) / g))
    assert found.sq_rel == pytest.approx(np.mean((p - g) ** 2 / g))
    assert found.rmse == pytest.approx(np.sqrt(np.mean((p - g) ** 2)))
    assert found.rmse_log == pytest.approx(np.sqrt(np.mean(np.log(p / g) ** 2)))
    for power, share in enumerate((found.delta1, found.delta2, found.delta3), 1):
        assert share == np.mean(np.maximum(p / g, g / p) < 1.25**power)


def test_mask_leaves_out_what_was_not_measured_and_what_is_out_of_range():
    truth = np.array([0.0, 1e-3, 0.5, 79.9, 80.0, np.inf, np.nan], np.float32)
    assert valid_mask(truth).tolist() == [False, False, True, True, False, False, False]


@pytest.mark.parametrize(
    ("p", "g"), [(np.array([]), np.array([])), (np.ones(2), np.ones(3)), (np.zeros(2), np.ones(2))]
)
def test_refuses_what_has_no_metrics(p, g):
    with pytest.raises(ValueError, match="metrics need"):
        depth_metrics(p, g)


def test_mean_counts_frames_alike():
    one = depth_metrics(np.array([2.0]), np.array([1.0]))
    two = depth_metrics(np.ones(1000), np.ones(1000))
    assert mean_metrics([one, two]).abs_rel == pytest.approx(0.5)
    with pytest.raises(ValueError, match="no frames"):
        mean_metrics([])
