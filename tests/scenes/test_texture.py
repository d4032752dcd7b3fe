"""Patterns keep their mean when a pixel outgrows them, so far surfaces neither flicker nor change colour."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.scenes.looks.texture import band, fade, grain2, grain3, noise2, noise3, pulse

X = np.linspace(-20, 20, 4001)


@given(period=st.floats(0.2, 3.0), share=st.floats(0.05, 0.95), footprint=st.floats(1e-3, 4.0))
def test_pulse_is_a_share_with_the_right_mean(period: float, share: float, footprint: float) -> None:
    values = pulse(X, period, share * period, np.full_like(X, footprint))
    assert values.min() > -1e-9
    assert values.max() < 1 + 1e-9
    assert abs(values.mean() - share) < 0.05


def test_pulse_of_a_small_footprint_is_sharp() -> None:
    x = np.array([0.1, 0.4, 0.6, 0.9, 1.2, -0.3])
    np.testing.assert_allclose(pulse(x, 1.0, 0.5, np.full(6, 1e-6)), [1, 1, 0, 0, 1, 0], atol=1e-6)


def test_band_softens_over_one_footprint() -> None:
    values = band(np.array([0.0, 0.9, 1.0, 1.1, 1.5, 2.0, 3.0]), 1.0, 2.0, np.full(7, 0.4))
    np.testing.assert_allclose(values, [0, 0.25, 0.5, 0.75, 1, 0.5, 0], atol=1e-9)


def test_noise_is_continuous_bounded_and_uncorrelated_with_its_shift() -> None:
    y = X * 0.37
    for values in (noise2(X, y), noise3(X, y, X * 0.11)):
        assert 0 <= values.min() < 0.2
        assert 0.8 < values.max() <= 1
        assert np.abs(np.diff(values)).max() < 0.05
        assert abs(np.corrcoef(values[:-500], values[500:])[0, 1]) < 0.3


def test_grain_fades_out_where_pixels_are_large() -> None:
    y = X * 0.7
    small, large = np.full_like(X, 1e-4), np.full_like(X, 50.0)
    assert grain2(X, y, (0.5, 1.5), small, small).std() > 0.1
    assert not grain2(X, y, (0.5, 1.5), large, small).any()
    assert not grain3(X, y, y, (0.5, 1.5), large).any()
    assert fade(0.0, 1.0) == 1
