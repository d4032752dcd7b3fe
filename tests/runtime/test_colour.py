"""The colours: even steps, brighter when nearer, robust limits, black where invalid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgedepth.runtime.colour import (
    ENTRIES,
    SteadyRange,
    beside,
    colour_table,
    colourize,
    oklab_to_srgb,
    robust_range,
)


def linear(srgb):
    values = srgb.astype(np.float64) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def luminance(srgb):
    return linear(srgb) @ [0.2126, 0.7152, 0.0722]


def oklab(srgb):
    """The published forward transform, independent of the inverse that the table is made with."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.cbrt(linear(srgb) @ to_lms.T) @ to_lab.T


def test_the_table_gets_strictly_brighter():
    assert colour_table().shape == (ENTRIES, 3)
    assert (np.diff(luminance(colour_table())) > 0).all()


def test_the_tables_steps_look_equal():
    """Over strides of 16 entries, so that rounding to 8 bits does not hide the law."""
    steps = np.linalg.norm(np.diff(oklab(colour_table()[::15]), axis=0), axis=1)
    assert steps.std() / steps.mean() < 0.03


def test_the_darkest_colour_is_not_the_black_of_invalid_pixels():
    assert oklab(colour_table()[:1])[0, 0] > 0.2


def test_the_tables_path_lies_within_srgb():
    table = colour_table() / 255
    back = oklab_to_srgb(oklab(colour_table()))
    assert np.abs(back - table).max() < 0.01
    assert ((colour_table() == 255).mean(axis=0) < 0.2).all()  # one channel at its limit for long would be clipping


def test_the_table_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        colour_table()[0] = 0


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.float32, st.integers(2, 60), elements=st.floats(0, 100, width=32)))
def test_nearer_is_never_darker(closeness):
    rising = np.sort(closeness)[None]
    assert (np.diff(luminance(colourize(rising)[0])) >= 0).all()


@settings(max_examples=50, deadline=None)
@given(
    arrays.arrays(np.float32, (5, 7), elements=st.floats(0.015625, 100, width=32)),
    st.sampled_from([0.125, 2.0, 64.0]),
)
def test_an_unknown_scale_does_not_change_the_picture(closeness, scale):
    difference = colourize(closeness).astype(int) - colourize(closeness * np.float32(scale))
    assert np.abs(difference).max() <= 8  # one step of the table where rounding falls the other way


def test_invalid_pixels_are_black_and_do_not_count():
    closeness = np.tile(np.linspace(1, 2, 50, dtype=np.float32), (20, 1))
    wanted = colourize(closeness)
    spoilt = closeness.copy()
    spoilt[0, :4] = [np.nan, np.inf, -np.inf, -1]
    made = colourize(spoilt)
    assert (made[0, :4] == 0).all()
    assert np.abs(made[1:].astype(int) - wanted[1:]).max() <= 8


def test_a_map_without_a_valid_pixel_is_black():
    assert not colourize(np.full((4, 4), np.nan, np.float32)).any()


def test_a_flat_map_has_one_middling_colour():
    made = colourize(np.full((4, 4), 3, np.float32))
    assert (made == colour_table()[ENTRIES // 2]).all()


def test_rounding_errors_are_not_shown_as_structure():
    noisy = (0.5 + 1e-8 * np.random.default_rng(0).random((9, 9))).astype(np.float32)
    assert len(np.unique(colourize(noisy).reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e30])
def test_extreme_values_are_coloured_without_a_warning(scale, recwarn):
    colourize((np.arange(12).reshape(3, 4) * scale).astype(np.float32))
    assert not recwarn.list


def test_a_few_outliers_do_not_flatten_the_rest():
    closeness = np.tile(np.linspace(1, 2, 100, dtype=np.float32), (100, 1))
    plain = robust_range(closeness)
    closeness[0, :50] = 1e6
    low, high = robust_range(closeness)
    assert low == pytest.approx(plain[0], rel=0.02)
    assert high == pytest.approx(plain[1], rel=0.02)


def test_large_maps_are_sampled_not_changed():
    closeness = np.random.default_rng(0).random((700, 900), dtype=np.float32)
    np.testing.assert_allclose(robust_range(closeness), np.percentile(closeness, (2, 98)), atol=0.005)


def test_fixed_limits_are_obeyed():
    closeness = np.array([[0, 1, 2, 3, 4]], np.float32)
    table, made = colour_table(), colourize(closeness, (1, 3))[0]
    np.testing.assert_array_equal(made, table[[0, 0, 128, 255, 255]])


def test_beside_puts_the_picture_left(picture):
    coloured = np.zeros_like(picture)
    made = beside(picture, coloured)
    assert made.shape == (45, 140, 3)
    np.testing.assert_array_equal(made[:, :70], picture)


def test_a_videos_limits_move_slowly():
    steady = SteadyRange()
    assert steady.follow(np.full((3, 3), np.nan, np.float32)) is None
    first = steady.follow(np.linspace(0, 1, 100, dtype=np.float32)[None])
    jump = steady.follow(np.linspace(0, 11, 100, dtype=np.float32)[None])
    assert first[1] == pytest.approx(0.98)
    assert jump[1] == pytest.approx(0.9 * 0.98 + 0.1 * 0.98 * 11)
    assert steady.follow(np.full((3, 3), np.nan, np.float32)) == jump
