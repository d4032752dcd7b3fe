"""The mean of overlapping patches: the published update, in any order, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.runtime.tiling import Grid, RunningAverage, border_window


def test_the_mean_is_the_published_update_one_patch_after_another():
    grid = Grid(64, 96, patch=(32, 48))
    rng = np.random.default_rng(0)
    window = border_window(grid.patch).astype(np.float64)
    patches = {tile: rng.uniform(1, 80, grid.patch) for tile in grid.tiles("m2")}
    mean, count = np.zeros(grid.canvas), np.zeros(grid.canvas)

    def there(tile):
        return np.s_[tile.top : tile.top + 32, tile.left : tile.left + 48]

    for tile in grid.tiles("m1"):
        mean[there(tile)], count[there(tile)] = patches[tile], window
    shifts = ((0, 1), (1, 0), (1, 1))
    for shift in shifts:
        for tile, patch in patches.items():
            if (tile.top % 32 // 16, tile.left % 48 // 24) == shift:
                w, seen = np.zeros(grid.canvas), np.zeros(grid.canvas)
                w[there(tile)], seen[there(tile)] = window, patch
                some = w > 0
                mean[some] = (seen[some] * w[some] + mean[some] * count[some]) / (count[some] + w[some])
                count[some] += w[some]
    average = RunningAverage(*grid.canvas, reach=grid.canvas[0])
    for tile, patch in patches.items():
        average.add(patch, window, tile.top, tile.left, fills=tile.first)
    found = average.finish(grid.canvas[0])
    np.testing.assert_allclose(found.values, mean, rtol=1e-6)
    np.testing.assert_allclose(found.weights, count, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), order=st.permutations(range(9)), cuts=st.sets(st.integers(1, 19), max_size=4))
def test_neither_order_nor_streaming_changes_the_mean(seed, order, cuts):
    rng = np.random.default_rng(seed)
    weights = np.maximum(rng.uniform(-0.3, 1, (9, 8, 6)), 0)
    values = rng.uniform(0.1, 200, (9, 8, 6))
    places = [(int(rng.integers(0, 13)), int(rng.integers(0, 10))) for _ in range(9)]
    whole = RunningAverage(20, 15, reach=20)
    for i in order:
        whole.add(values[i], weights[i], *places[i])
    expected = whole.finish(20)
    total, sums = np.zeros((20, 15)), np.zeros((20, 15))
    for i, (top, left) in enumerate(places):
        total[top : top + 8, left : left + 6] += weights[i]
        sums[top : top + 8, left : left + 6] += weights[i] * values[i]
    some = total > 0
    np.testing.assert_allclose(expected.values[some], (sums[some] / total[some]), rtol=1e-6)
    assert np.all(expected.values[~some] == 0)
    streamed = RunningAverage(20, 15, reach=20)
    bands = []
    for i in sorted(range(9), key=places.__getitem__):
        ready = [row for row in sorted(cuts) if streamed.row < row <= places[i][0]]
        bands.extend(streamed.finish(row) for row in ready)
        streamed.add(values[i], weights[i], *places[i])
    bands.append(streamed.finish(20))
    assert [band.top for band in bands] == [0, *np.cumsum([len(b.values) for b in bands])[:-1]]
    np.testing.assert_allclose(np.concatenate([b.values for b in bands]), expected.values, rtol=1e-6)
    np.testing.assert_allclose(np.concatenate([b.weights for b in bands]), expected.weights, rtol=1e-6)


def test_where_no_weight_falls_the_first_pass_stands_whenever_it_comes():
    values, zero = np.full((4, 4), 7.0), np.zeros((4, 4))
    for order in ((True, False), (False, True)):
        average = RunningAverage(4, 4, reach=4)
        for fills in order:
            average.add(values if fills else values + 1, zero, 0, 0, fills=fills)
        assert np.all(average.finish(4).values == 7)


def test_rows_that_are_not_open_are_refused():
    average = RunningAverage(20, 10, reach=8)
    ones = np.ones((4, 4))
    for top, left in ((6, 0), (0, 7), (0, -1)):
        with pytest.raises(ValueError, match="not all among the open rows 0 to 8"):
            average.add(ones, ones, top, left)
    average.finish(5)
    with pytest.raises(ValueError, match="not all among the open rows 5 to 13"):
        average.add(ones, ones, 4, 0)
    for row in (5, 14):
        with pytest.raises(ValueError, match="not among the open rows"):
            average.finish(row)
    average.add(ones, ones, 9, 6)
    assert average.finish(13).values.sum() == 16
