"""Alignment: what it ignores, and what it leaves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.errors import UsageError
from edgedepth.evaluation.alignment import ALIGNMENTS, align, fit, read_alignment

seeds, scales = st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3)


def _pair(seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(1, 80, 31), rng.uniform(1, 80, 31)


@given(seeds, scales)
def test_median_ignores_scale(seed, scale):
    predicted, truth = _pair(seed)
    np.testing.assert_allclose(align(predicted * scale, truth, "median"), align(predicted, truth, "median"))


@given(seeds)
def test_median_matches_medians(seed):
    predicted, truth = _pair(seed)
    assert np.median(align(predicted, truth, "median")) == pytest.approx(np.median(truth))


@given(seeds, st.floats(0.1, 10), st.floats(0, 1))
def test_least_squares_undoes_scale_and_shift_of_disparity(seed, scale, shift):
    truth, _ = _pair(seed)
    predicted = 1 / (scale / truth + shift)
    np.testing.assert_allclose(align(predicted, truth, "least-squares"), truth, rtol=1e-6)


@given(seeds)
def test_least_squares_is_the_best_fit(seed):
    predicted, truth = _pair(seed)
    design = np.stack([1 / predicted, np.ones_like(predicted)], 1)
    fitted, *_ = np.linalg.lstsq(design, 1 / truth, rcond=None)
    expected = 1 / np.maximum(design @ fitted, 1e-6)
    np.testing.assert_allclose(align(predicted, truth, "least-squares"), expected, rtol=1e-6)


@pytest.mark.parametrize("value", [7.0, 0.1, 1 / 3])
def test_least_squares_of_a_constant_prediction_is_the_mean_disparity(value):
    aligned = align(np.full(3, value), np.array([1.0, 2.0, 4.0]), "least-squares")
    np.testing.assert_allclose(aligned, 1 / np.mean([1, 0.5, 0.25]))


def test_least_squares_takes_disparity_with_a_shift_below_zero():
    truth = np.array([2.0, 4.0, 10.0, 50.0])
    shifted = 3 / truth - 0.5  # negative and positive
    np.testing.assert_allclose(align(1 / shifted, truth, "least-squares"), truth)


def test_a_fit_holds_for_the_whole_frame():
    predicted, truth = _pair(2)
    for how in ALIGNMENTS:
        found = fit(predicted[:20], truth[:20], how)
        np.testing.assert_allclose(found(predicted)[:20], align(predicted[:20], truth[:20], how))
        assert found(predicted.reshape(1, 31)).shape == (1, 31)


def test_by_name():
    predicted, truth = _pair(1)
    np.testing.assert_array_equal(align(predicted, truth, "none"), predicted)
    assert [read_alignment(name) for name in ALIGNMENTS] == list(ALIGNMENTS)
    with pytest.raises(UsageError, match="Did you mean median"):
        read_alignment("medain")
