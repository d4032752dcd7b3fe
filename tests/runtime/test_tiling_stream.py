"""A picture's patches to one map: tiled equals untiled, sizes, order, and memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgedepth.runtime.tiling import Grid, average_grid, average_random, border_window, cut, grouped, to_picture
from edgedepth.runtime.tiling.sampling import nearest

SIDES = st.integers(25, 70)
PATCHES = st.tuples(st.integers(1, 12), st.integers(1, 12)).map(lambda half: (2 * half[0], 2 * half[1]))
GRIDS = st.builds(Grid, SIDES, SIDES, st.integers(1, 4), st.integers(1, 4), PATCHES)


def whole(bands):
    return np.concatenate([band.values for band in bands])


def from_map(canvas, grid, calls=None):
    """A refiner that knows the canvas, and gives each tile its part of it."""

    def predict(tiles):
        if calls is not None:
            calls.append(len(tiles))
        return [canvas[t.top : t.top + grid.patch[0], t.left : t.left + grid.patch[1]] for t in tiles]

    return predict


def scene(height, width, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 80, (height, width)).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, passes=st.sampled_from(["m1", "m2"]), at_once=st.integers(1, 7))
def test_consistent_patches_come_out_as_they_are(grid, passes, at_once):
    canvas, calls = scene(*grid.canvas), []
    found = whole(average_grid(grid, passes, from_map(canvas, grid, calls), at_once))
    np.testing.assert_allclose(found, canvas, rtol=1e-6)
    assert max(calls) <= at_once
    assert sum(calls) == len(grid.tiles(passes))


def test_one_pass_is_the_patches_side_by_side_to_the_bit():
    grid = Grid(2160, 3840)
    canvas = scene(*grid.canvas)
    np.testing.assert_array_equal(whole(average_grid(grid, "m1", from_map(canvas, grid))), canvas)


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(2, 70), st.integers(2, 70)),
    patch=PATCHES,
    passes=st.sampled_from(["m1", "m2"]),
)
def test_tiled_equals_untiled_when_the_patch_is_the_whole_picture(size, patch, passes):
    grid = Grid(*size, rows=1, columns=1, patch=patch)
    depth = scene(*patch)
    (tile,) = grid.tiles(passes)
    picture = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    np.testing.assert_array_equal(cut(picture, tile)[: size[0], : size[1]], picture)
    np.testing.assert_array_equal(whole(average_grid(grid, passes, lambda _: [depth])), depth)


@settings(max_examples=60, deadline=None)
@given(grid=GRIDS, passes=st.sampled_from(["m1", "m2"]))
def test_a_picture_of_any_size_is_filled_exactly(grid, passes):
    """A plane of depth over the extended picture, sampled at the canvas: back at the picture it is the same plane."""
    canvas_y, canvas_x = ((np.arange(n) + 0.5) / n for n in grid.canvas)
    canvas = (3 + 5 * canvas_y[:, None] + 7 * canvas_x).astype(np.float32)
    found = np.concatenate(list(to_picture(average_grid(grid, passes, from_map(canvas, grid)), grid)))
    assert found.shape == (grid.height, grid.width)
    y, x = ((np.arange(n) + 0.5) / e for n, e in zip((grid.height, grid.width), grid.extended, strict=True))
    edges = [(0.5 / n, 1 - 0.5 / n) for n in grid.canvas]  # outside the outermost samples, they go on
    expected = 3 + 5 * np.clip(y, *edges[0])[:, None] + 7 * np.clip(x, *edges[1])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(grid=GRIDS)
def test_rows_at_a_time_equal_the_whole_canvas_resized(grid):
    canvas = scene(*grid.canvas)
    streamed = np.concatenate(list(to_picture(average_grid(grid, "m2", from_map(canvas, grid)), grid)))
    hats = [
        np.maximum(0, 1 - np.abs(np.clip((np.arange(e) + 0.5) * c / e - 0.5, 0, c - 1)[:, None] - np.arange(c)))
        for e, c in zip(grid.extended, grid.canvas, strict=True)
    ]
    expected = (hats[0] @ canvas @ hats[1].T)[: grid.height, : grid.width]
    np.testing.assert_allclose(streamed, expected, rtol=1e-4)


# Random patches


def published_random(base, counts, tiles, patches, grid):
    """Nearest mean, aligned counts, then one update after another over whole maps, in float64."""
    (h, w), (height, width) = base.shape, grid.extended
    rows, columns = (np.floor(np.arange(n) * (m / n)).astype(int) for n, m in ((height, h), (width, w)))
    mean = base[np.ix_(rows, columns)].astype(np.float64)
    hats = [
        np.maximum(0, 1 - np.abs((np.arange(n) * (m - 1) / max(n - 1, 1))[:, None] - np.arange(m)))
        for n, m in ((height, h), (width, w))
    ]
    count = hats[0] @ counts @ hats[1].T
    window = border_window(grid.cut).astype(np.float64) + 1e-3
    for tile in tiles:
        there = np.s_[tile.top : tile.top + grid.cut[0], tile.left : tile.left + grid.cut[1]]
        value = nearest(patches[tile], grid.cut)
        mean[there] = (value * window + mean[there] * count[there]) / (count[there] + window)
        count[there] += window
    return mean[: grid.height, : grid.width]


@pytest.mark.parametrize(("size", "count"), [((64, 96), 12), ((61, 93), 5), ((200, 50), 3), ((64, 96), 0)])
def test_random_patches_are_blended_as_published(size, count):
    grid = Grid(*size, patch=(32, 48))
    base = list(average_grid(grid, "m2", from_map(scene(*grid.canvas), grid)))
    tiles = grid.random_tiles(count, seed=7)
    patches = {tile: scene(*grid.patch, seed=i) for i, tile in enumerate(tiles)}
    for order in (1, 4):
        found = np.concatenate(
            list(average_random(grid, base, tiles, lambda some: [patches[tile] for tile in some], order))
        )
        counts = np.concatenate([band.weights for band in base])
        expected = published_random(whole(base), counts, tiles, patches, grid)
        assert found.shape == size
        np.testing.assert_allclose(found, expected, rtol=1e-4)


@settings(max_examples=25, deadline=None)
@given(grid=GRIDS, count=st.integers(0, 9), seed=st.integers(0, 99))
def test_random_patches_on_pictures_of_any_size(grid, count, seed):
    """Odd sides, upright and lying pictures, patches larger and smaller than their pixels: every pixel as published."""
    base = list(average_grid(grid, "m2", from_map(scene(*grid.canvas), grid)))
    tiles = grid.random_tiles(count, seed)
    patches = {tile: scene(*grid.patch, seed=i) for i, tile in enumerate(tiles)}
    bands = average_random(grid, base, tiles, lambda some: [patches[tile] for tile in some])
    counts = np.concatenate([band.weights for band in base])
    expected = published_random(whole(base), counts, tiles, patches, grid)
    np.testing.assert_allclose(np.concatenate(list(bands)), expected, rtol=1e-4)


# Memory


def test_memory_does_not_grow_with_the_height_of_the_picture():
    """A band of the canvas is held, never the canvas."""

    def peak(rows):
        grid = Grid(64 * rows, 256, rows=rows, columns=4, patch=(32, 64))
        patch = np.ones(grid.patch, np.float32)
        tracemalloc.start()
        try:
            canvas = average_grid(grid, "m2", lambda tiles: [patch] * len(tiles), 8)
            assert sum(len(band) for band in to_picture(canvas, grid)) == grid.height
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(4)
    small, large = peak(4), peak(64)
    sums_of_the_canvas = 64 * 32 * 4 * 64 * 8
    assert large < small + sums_of_the_canvas / 4


def test_a_photo_of_24_megapixels_is_read_and_written_in_bands():
    """6000x4000 with patches that say where they are: no seam and no shift anywhere."""
    grid = Grid(4000, 6000, rows=4, columns=4, patch=(96, 128))
    picture = np.zeros((4000, 6000, 1), np.uint16)
    picture[..., 0] = np.arange(4000)[:, None]

    def predict(tiles):
        return [
            np.asarray(
                Image.fromarray(cut(picture, t)[..., 0].astype(np.float32)).resize((128, 96), Image.Resampling.BOX)
            )
            for t in tiles
        ]

    tracemalloc.start()
    try:
        row = 0
        worst = 0.0
        for band in to_picture(average_grid(grid, "m2", predict, 4), grid):
            expected = np.clip(np.arange(row, row + len(band)), 4.7, 4000 - 5.7)  # half a canvas pixel from the rim
            worst = max(worst, float(np.abs(band - expected[:, None]).max()))
            row += len(band)
        assert row == 4000
        assert worst < 1.0
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()


def test_groups_follow_the_budget_not_the_rows():
    grid = Grid(64, 96, patch=(16, 24))
    calls = []
    list(average_grid(grid, "m2", from_map(scene(*grid.canvas), grid, calls), 5))
    assert calls == [len(group) for group in grouped(grid.tiles("m2"), 5)]
