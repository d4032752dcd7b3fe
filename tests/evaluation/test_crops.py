"""Crops against the published pixel borders."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.errors import UsageError
from edgedepth.evaluation.crops import CROPS, crop_mask, read_crop

sizes = st.tuples(st.integers(1, 400), st.integers(1, 1300))


@pytest.mark.parametrize(
    ("crop", "rows", "cols"),
    [("garg", (153, 371), (44, 1197)), ("eigen", (124, 342), (44, 1197)), ("none", (0, 375), (0, 1242))],
)
def test_borders_on_a_kitti_frame(crop, rows, cols):
    mask = crop_mask((375, 1242), crop)
    assert mask[rows[0] : rows[1], cols[0] : cols[1]].all()
    assert mask.sum() == (rows[1] - rows[0]) * (cols[1] - cols[0])


@given(sizes)
def test_every_crop_is_one_box(size):
    for crop in CROPS:
        mask = crop_mask(size, crop)
        assert mask.shape == size
        np.testing.assert_array_equal(mask, mask.any(1)[:, None] & mask.any(0))
    assert crop_mask(size, "none").all()


def test_by_name():
    assert [read_crop(name) for name in CROPS] == list(CROPS)
    with pytest.raises(UsageError, match=r"Known: none, garg, eigen\.\nDid you mean garg"):
        read_crop("gargs")
