"""Boxes of a coarse map at a patch's resolution: against RoI alignment and a direct computation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap

from edgedepth.models.patchrefiner.roi import sample_boxes, sampling_matrices

WHOLE = torch.tensor([512.0, 384.0, 512.0, 384.0])
GRID = [[128 * j, 96 * i, 128 * j + 128, 96 * i + 96] for i in range(4) for j in range(4)]
SHIFTED = [[128 * j + 64, 96 * i + 48, 128 * j + 192, 96 * i + 144] for i in range(3) for j in range(3)]


def noise(height, width, channels=5):
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(height))


def bilinear(values, place):
    """One sample of (H, W) float64 at pixel coordinates (y, x), borders repeated."""
    y, x = (min(max(p, 0), n - 1) for p, n in zip(place, values.shape, strict=True))
    top, left = (min(int(p), max(n - 2, 0)) for p, n in zip((y, x), values.shape, strict=True))
    bottom, right = min(top + 1, values.shape[0] - 1), min(left + 1, values.shape[1] - 1)
    fy, fx = y - top, x - left
    upper = values[top, left] * (1 - fx) + values[top, right] * fx
    lower = values[bottom, left] * (1 - fx) + values[bottom, right] * fx
    return upper * (1 - fy) + lower * fy


@pytest.mark.parametrize("size", [(384, 512), (96, 128), (12, 16)])
@pytest.mark.parametrize(
    "boxes",
    [GRID + SHIFTED, [[0, 0, 512, 384]], [[13.25, 7.5, 140, 104.25], [371.5, 287.25, 499.75, 384]]],
    ids=["grid", "whole", "odd"],
)
def test_equal_to_roi_alignment(size, boxes):
    ops = pytest.importorskip("torchvision.ops")
    maps, boxes = noise(*size, channels=2), torch.tensor(boxes)
    numbered = torch.cat([torch.zeros(len(boxes), 1), boxes], 1)
    expected = ops.roi_align(maps, numbered, size, size[0] / 384, aligned=True)
    assert gap(sample_boxes(maps, boxes.double() / WHOLE, size), expected) <= 2e-6


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    cells=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    corner=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)),
    extent=st.tuples(st.floats(0.02, 1), st.floats(0.02, 1)),
)
def test_one_bilinear_sample_in_the_middle_of_every_cell(size, cells, corner, extent):
    maps = noise(*size, channels=2).double()
    left, top = corner
    right, bottom = min(left + extent[0], 1.0), min(top + extent[1], 1.0)
    found = sample_boxes(maps, torch.tensor([[left, top, right, bottom]], dtype=torch.float64), cells)
    for i in range(cells[0]):
        for j in range(cells[1]):
            y = (top + (i + 0.5) * (bottom - top) / cells[0]) * size[0] - 0.5
            x = (left + (j + 0.5) * (right - left) / cells[1]) * size[1] - 0.5
            for c in range(2):
                expected = bilinear(maps[0, c].numpy(), (y, x))
                assert float(found[0, c, i, j]) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(start=st.floats(0, 0.99), extent=st.floats(0.001, 1), length=st.integers(1, 40), cells=st.integers(1, 40))
def test_weights_are_a_partition_over_at_most_two_values(start, extent, length, cells):
    stop = min(start + extent, 1.0)
    start, stop = (torch.tensor([x], dtype=torch.float64) for x in (start, stop))
    weights = sampling_matrices(start, stop, length, cells)[0].numpy()
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-12)
    assert ((weights > 1e-12).sum(1) <= 2).all()
    assert weights.min() >= 0


def test_the_whole_map_at_its_own_size_is_itself():
    maps = noise(6, 8)
    assert gap(sample_boxes(maps, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), (6, 8)), maps) <= 1e-6
