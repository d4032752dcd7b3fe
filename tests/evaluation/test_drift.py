"""Scale drift: what it sees and what it ignores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.evaluation.drift import scale_drift, scale_spread

factors = st.lists(st.floats(0.01, 100), min_size=1, max_size=9)


@given(factors, st.floats(0.1, 10))
def test_a_common_factor_is_a_bias_without_spread(own, factor):
    found = scale_drift(own, [one / factor for one in own])
    assert found.median == pytest.approx(factor)
    assert found.spread == pytest.approx(0, abs=1e-9)
    assert found.largest == pytest.approx(abs(np.log(factor)), abs=1e-9)


@given(factors, st.integers(0, 2**32 - 1))
def test_against_direct_numpy(own, seed):
    other = np.random.default_rng(seed).uniform(0.5, 2, len(own)) * own
    ratios = np.asarray(own) / other
    found = scale_drift(own, list(other))
    assert found.median == pytest.approx(np.median(ratios))
    assert found.spread == pytest.approx(np.std(np.log(ratios)))
    assert found.largest == pytest.approx(np.max(np.abs(np.log(ratios))))


def test_drift_is_the_spread_of_the_ratio():
    assert scale_drift([4.0, 9.0], [2.0, 3.0]) == scale_spread([2.0, 3.0])


def test_other_frames_or_none_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        scale_drift([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="no factors"):
        scale_drift([], [])
