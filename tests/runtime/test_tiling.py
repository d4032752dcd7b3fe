"""Large pictures in patches: places, weights and samples, against the definitions written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.errors import UsageError
from edgedepth.runtime.tiling import Grid, border_window, cut, grouped, patches_at_once, sample_box
from edgedepth.runtime.tiling.sampling import aligned_corners, bilinear, nearest

SIDES = st.integers(25, 90)
GRIDS = st.builds(
    Grid,
    height=SIDES,
    width=SIDES,
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    patch=st.tuples(st.integers(1, 9), st.integers(1, 9)).map(lambda half: (2 * half[0], 2 * half[1])),
)


# The window


def blurred_box(size, border=0.15):
    """The definition in two dimensions, pixel by pixel, in float64."""
    height, width = size
    sigma = int(height / 16)
    reach = math.ceil(2 * sigma)
    box = np.zeros(size)
    box[int(border * height) : height - int(border * height), int(border * width) : width - int(border * width)] = 1
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2)) if sigma else np.ones(1)
    kernel = np.outer(kernel, kernel) / kernel.sum() ** 2

    def mirrored(index, length):
        period = max(2 * (length - 1), 1)
        index = np.abs(index) % period
        return np.minimum(index, period - index) if length > 1 else index * 0

    out = np.zeros(size)
    for a, dy in enumerate(offsets):
        for b, dx in enumerate(offsets):
            rows, columns = mirrored(np.arange(height) + dy, height), mirrored(np.arange(width) + dx, width)
            out += kernel[a, b] * box[np.ix_(rows, columns)]
    return (out - out.min()) / (out.max() - out.min())


@pytest.mark.parametrize("size", [(96, 128), (54, 96), (67, 41), (40, 12), (15, 20), (128, 20)])
def test_the_window_is_a_blurred_box(size):
    window = border_window(size)
    assert window.dtype == np.float32
    np.testing.assert_allclose(window, blurred_box(size), atol=1e-5)


@pytest.mark.parametrize("size", [(384, 512), (540, 960), (1000, 1500)])
def test_the_window_of_a_whole_patch(size):
    window = border_window(size)
    assert (float(window.min()), float(window.max())) == (0, 1)
    assert window[size[0] // 2, size[1] // 2] == 1
    np.testing.assert_allclose(window, window[::-1, ::-1], atol=1e-6)
    assert np.all(window[[0, -1]] == 0)
    assert np.all(window[:, [0, -1]] == 0)


def test_a_patch_without_a_border_weighs_the_same_everywhere():
    assert np.array_equal(border_window((4, 6)), np.ones((4, 6)))


# The grid


def test_sixteen_patches_and_forty_nine():
    grid = Grid(2160, 3840)
    first, all_of_them = grid.tiles("m1"), grid.tiles("m2")
    assert (len(first), len(all_of_them)) == (16, 49)
    assert (grid.extended, grid.cut, grid.canvas) == ((2160, 3840), (540, 960), (1536, 2048))
    assert first == tuple(tile for tile in all_of_them if tile.first)
    steps = [(tile.top % 384 // 192, tile.left % 512 // 256) for tile in all_of_them]
    assert [steps.count(step) for step in ((0, 0), (0, 1), (1, 0), (1, 1))] == [16, 12, 12, 9]
    assert first[5].box == (960, 540, 1920, 1080)
    assert (first[5].top, first[5].left) == (384, 512)
    assert all_of_them[8].box == (480, 270, 1440, 810)
    assert (all_of_them[8].top, all_of_them[8].left) == (192, 256)
    assert grid.fractions(all_of_them[8]) == (0.125, 0.125, 0.375, 0.375)


@settings(max_examples=60, deadline=None)
@given(grid=GRIDS, passes=st.sampled_from(["m1", "m2"]))
def test_patches_cover_every_pixel_and_agree_with_the_canvas(grid, passes):
    tiles = grid.tiles(passes)
    counts = np.zeros(grid.extended, int)
    canvas = np.zeros(grid.canvas, int)
    for tile in tiles:
        left, top, right, bottom = tile.box
        assert (bottom - top, right - left) == grid.cut
        assert top / grid.extended[0] == pytest.approx(tile.top / grid.canvas[0])
        assert left / grid.extended[1] == pytest.approx(tile.left / grid.canvas[1])
        counts[top:bottom, left:right] += 1
        canvas[tile.top : tile.top + grid.patch[0], tile.left : tile.left + grid.patch[1]] += tile.first
    assert counts.min() >= 1
    assert counts.max() <= {"m1": 1, "m2": 4}[passes]
    assert np.all(canvas == 1)
    assert list(tiles) == sorted(tiles, key=lambda tile: (tile.top, tile.left))
    expected = {"m1": grid.rows * grid.columns, "m2": (2 * grid.rows - 1) * (2 * grid.columns - 1)}
    assert len(tiles) == expected[passes]


@settings(max_examples=60, deadline=None)
@given(grid=GRIDS)
def test_a_picture_of_any_size_is_extended_by_less_than_two_pixels_a_patch(grid):
    for side, extended, count, size in zip(
        (grid.height, grid.width), grid.extended, (grid.rows, grid.columns), grid.cut, strict=True
    ):
        assert side <= extended < side + 2 * count
        assert size * count == extended
        assert size % 2 == 0


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, count=st.integers(0, 20), seed=st.integers(0, 2**32))
def test_random_patches_are_a_function_of_the_seed(grid, count, seed):
    tiles = grid.random_tiles(count, seed)
    assert len(tiles) == count
    assert tiles == grid.random_tiles(count, seed)
    for tile in tiles:
        left, top, right, bottom = tile.box
        assert (bottom - top, right - left) == grid.cut
        assert 0 <= left <= right <= grid.extended[1]
        assert 0 <= top <= bottom <= grid.extended[0]
        assert (tile.top, tile.left, tile.first) == (top, left, False)
    assert [tile.top for tile in tiles] == sorted(tile.top for tile in tiles)


def test_random_patches_lie_anywhere():
    grid = Grid(100, 200)
    tops, lefts = zip(*((t.top, t.left) for t in grid.random_tiles(400, 1)), strict=True)
    limits = grid.extended[0] - grid.cut[0], grid.extended[1] - grid.cut[1]
    assert (min(tops), min(lefts)) == (0, 0)
    assert (max(tops), max(lefts)) == limits


@pytest.mark.parametrize(
    "wrong", [{"height": 1}, {"height": 12}, {"width": 0}, {"rows": 0}, {"patch": (383, 512)}, {"patch": (0, 512)}]
)
def test_a_grid_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError) as caught:
        Grid(**({"height": 2160, "width": 3840} | wrong))
    assert caught.value.evidence
    assert caught.value.remedy


def test_a_side_of_a_few_pixels_is_cut_where_every_patch_has_some():
    grid = Grid(7, 4000)
    assert (grid.extended, grid.cut) == ((8, 4000), (2, 1000))
    assert Grid(1, 4000, rows=1).cut == (2, 1000)


# Cutting


@settings(max_examples=60, deadline=None)
@given(grid=GRIDS)
def test_what_is_cut_is_the_picture_with_its_last_pixels_repeated(grid):
    picture = np.random.default_rng(grid.height).integers(0, 256, (grid.height, grid.width, 3), np.uint8)
    extra = [(0, e - s) for e, s in zip(grid.extended, (grid.height, grid.width), strict=True)]
    extended = np.pad(picture, [*extra, (0, 0)], mode="edge")
    for tile in (*grid.tiles("m2"), *grid.random_tiles(5, 0)):
        left, top, right, bottom = tile.box
        np.testing.assert_array_equal(cut(picture, tile), extended[top:bottom, left:right])


def test_nothing_is_copied_where_nothing_is_added():
    picture = np.zeros((2160, 3840, 3), np.uint8)
    assert all(np.shares_memory(cut(picture, tile), picture) for tile in Grid(2160, 3840).tiles("m2"))


# The budget


def test_patches_at_a_time_under_a_budget():
    assert patches_at_once(1000, 300, 200) == 3
    assert patches_at_once(500, 300, 200) == 1
    with pytest.raises(UsageError) as caught:
        patches_at_once(399_000_000, 300_000_000, 100_000_000)
    assert "399 MB" in caught.value.cause
    assert "at least 400 MB" in caught.value.remedy


@given(items=st.lists(st.integers()), count=st.integers(1, 9))
def test_groups_keep_order_and_size(items, count):
    groups = grouped(items, count)
    assert [item for group in groups for item in group] == items
    assert all(1 <= len(group) <= count for group in groups)


# Samples


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    cells=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    corner=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    extent=st.tuples(st.floats(0.02, 1.1), st.floats(0.02, 1.1)),
)
def test_a_box_is_sampled_in_the_middle_of_every_cell(size, cells, corner, extent):
    maps = np.random.default_rng(3).normal(size=(2, *size)).astype(np.float32)
    (left, top), (right, bottom) = corner, (corner[0] + extent[0], corner[1] + extent[1])
    found = sample_box(maps, (left, top, right, bottom), cells)
    for i in range(cells[0]):
        for j in range(cells[1]):
            y = (top + (i + 0.5) * (bottom - top) / cells[0]) * size[0] - 0.5
            x = (left + (j + 0.5) * (right - left) / cells[1]) * size[1] - 0.5
            hats = [
                np.maximum(0, 1 - np.abs(np.clip(p, 0, n - 1) - np.arange(n)))
                for p, n in zip((y, x), size, strict=True)
            ]
            expected = np.einsum("chw,h,w->c", maps.astype(np.float64), *hats)
            np.testing.assert_allclose(found[:, i, j], expected, atol=1e-5)


@pytest.mark.parametrize("boxed", ["grid", "shifted"])
def test_boxes_of_the_grid_equal_roi_alignment(boxed):
    ops, torch = pytest.importorskip("torchvision.ops"), pytest.importorskip("torch")
    grid = Grid(2160, 3840)
    tiles = grid.tiles("m1") if boxed == "grid" else [t for t in grid.tiles("m2") if not t.first]
    maps = np.random.default_rng(5).normal(size=(3, 96, 128)).astype(np.float32)
    boxes = torch.tensor(
        [[0, *(n * side for n, side in zip(grid.fractions(t), (512, 384, 512, 384), strict=True))] for t in tiles]
    )
    expected = ops.roi_align(torch.from_numpy(maps)[None], boxes.float(), (96, 128), 0.25, aligned=True).numpy()
    for tile, roi in zip(tiles, expected, strict=True):
        np.testing.assert_allclose(sample_box(maps, grid.fractions(tile), (96, 128)), roi, atol=2e-6)


@settings(max_examples=60, deadline=None)
@given(size=st.tuples(st.integers(1, 40), st.integers(1, 40)), to=st.tuples(st.integers(1, 60), st.integers(1, 60)))
def test_resizing_as_the_framework_does(size, to):
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=size).astype(np.float32)
    tensor = torch.from_numpy(values)[None, None]
    expected = torch.nn.functional.interpolate(tensor, to)[0, 0].numpy()
    np.testing.assert_array_equal(nearest(values, to), expected)
    expected = torch.nn.functional.interpolate(tensor, to, mode="bilinear", align_corners=True)[0, 0].numpy()
    found = bilinear(values, aligned_corners(size[0], to[0]), aligned_corners(size[1], to[1]))
    np.testing.assert_allclose(found, expected, atol=1e-4)
