"""Panels: colours that mean something, and points that stay visible at every size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.evaluation.panels import (
    change_panel,
    depth_colours,
    depth_panel,
    error_colours,
    error_panel,
    error_table,
    shown_pixels,
    truth_panel,
)
from edgedepth.runtime.colour import colour_table

LIMITS = (5.0, 80.0)


def brightness(colours):
    return colours.astype(float).sum(-1)


def test_depth_is_brighter_where_nearer_and_even_in_its_logarithm():
    steps = depth_colours(np.array([5.0, 10, 20, 40, 80]), LIMITS)
    np.testing.assert_array_equal(steps, colour_table()[[255, 191, 128, 64, 0]])
    beyond = depth_colours(np.array([1.0, 1000.0]), LIMITS)
    np.testing.assert_array_equal(beyond, colour_table()[[255, 0]])


def test_errors_are_pale_where_small_warm_where_near_and_cold_where_far():
    near, right, far = error_colours(np.array([-0.5, 0.0, 0.5])).astype(int)
    assert right.min() > 230
    assert near[0] > near[2] + 80
    assert far[2] > far[0] + 80
    table = brightness(error_table())
    assert (np.diff(table[:128]) >= 0).all()
    assert (np.diff(table[128:]) <= 0).all()


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_shown_pixels_are_measured_ones(height, width, rows, cols, seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 80, (height, width)).astype(np.float32)
    mask = rng.random((height, width)) < 0.2
    at = shown_pixels(truth, mask, (rows, cols))
    assert at.shape == (rows, cols)
    assert mask.ravel()[at[at >= 0]].all()
    assert (at >= 0).any() == mask.any()


def test_of_several_points_the_nearest_is_shown():
    truth = np.array([[30, 10, 20, 0]], np.float32)
    assert shown_pixels(truth, truth > 0, (1, 1)).tolist() == [[1]]


def test_a_lone_point_grows_and_a_full_map_does_not():
    truth = np.ones((30, 30), np.float32)
    lone = np.zeros((30, 30), bool)
    lone[15, 15] = True
    assert (shown_pixels(truth, lone, (10, 10)) >= 0).sum() == 9
    assert (shown_pixels(truth, np.tri(30, dtype=bool), (15, 15)) >= 0).sum() == 15 * 16 // 2


def test_panels_of_points_lie_on_the_dark_picture():
    image = np.full((20, 40, 3), 200, np.uint8)
    truth = np.zeros((20, 40), np.float32)
    truth[:, 20:] = 20
    panel = truth_panel(image, truth, truth > 0, LIMITS, (10, 20))
    assert (panel[:, :10] == 44).all()
    np.testing.assert_array_equal(panel[:, 10:], np.broadcast_to(depth_colours(np.array(20.0), LIMITS), (10, 10, 3)))
    errors = error_panel(image, np.full((20, 40), 25.0), truth, truth > 0, (10, 20))
    np.testing.assert_array_equal(errors[0, 15], error_colours(np.array(0.25)))


@pytest.mark.parametrize("size", [(5, 9), (40, 60)])
def test_dense_panels_have_the_wanted_size(size):
    depth = np.linspace(5, 80, 200).reshape(10, 20)
    assert depth_panel(depth, LIMITS, size).shape == (*size, 3)
    same = change_panel(depth, depth, size)
    assert (same == error_colours(np.array(0.0))).all()
