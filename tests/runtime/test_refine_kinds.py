"""Both kinds of corrections: what the refiner is fed, what its output is added to, and which is which."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_pair
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_refine import photo, run, sampled

from edgedepth.errors import InputError
from edgedepth.runtime.preprocess import resize
from edgedepth.runtime.refine import open_pair
from edgedepth.runtime.refine.correction import Factor, Offset
from edgedepth.runtime.tiling import Grid, average_grid, cut, to_picture

H, W = tiny_pair.PATCH
depths = arrays(np.float32, (3, 4), elements=st.floats(0.125, 100, width=32))
corrections = arrays(np.float32, (3, 4), elements=st.floats(-3, 3, width=32))


def expected(picture, patch, box, *, least, metric):
    """A patch's depth by the formulas, float64."""
    log_depth, feature = tiny_pair.coarse(resize(picture, (H, W)) / 255.0, metric=metric)
    there = sampled(np.exp(log_depth), box, (H, W))
    feature = sampled(feature, box, (H // tiny_pair.CELLS, W // tiny_pair.CELLS))
    return np.maximum(there + tiny_pair.correction(resize(patch, (H, W)) / 255.0, there, feature), least)


@pytest.mark.parametrize("metric", [False, True])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_picture_is_the_average_of_its_offset_patches(tmp_path, metric, batch):
    picture = photo(tmp_path / "a.png")
    grid = Grid(*picture.shape[:2], patch=(H, W))

    def depth(least):
        def predict(tiles):
            return [
                expected(picture, cut(picture, tile), grid.fractions(tile), least=least, metric=metric)
                for tile in tiles
            ]

        return np.concatenate(list(to_picture(average_grid(grid, "m2", predict), grid)))

    least = float(np.median(depth(0)))
    pair = open_pair(tiny_pair.artifact(tmp_path / "offset", batch=batch, least=least, metric=metric))
    assert pair.meaning.unit == ("metres" if metric else "up to scale")
    run(pair, tmp_path / "a.png", tmp_path / "depth.npy", "m2")
    found = np.load(tmp_path / "depth.npy")
    np.testing.assert_allclose(found, depth(least), rtol=1e-4)
    assert 0.2 < (found <= least * 1.0001).mean() < 0.8


@given(depths, corrections, st.floats(0.125, 10, width=32))
def test_a_factor_carries_the_scale_through(depth, correction, scale):
    kind = Factor()
    values, larger = kind.added_to(depth), kind.added_to(depth * np.float32(scale))
    np.testing.assert_allclose(larger - kind.origin(larger), values - kind.origin(values), atol=1e-5)
    np.testing.assert_allclose(kind.depth(larger + correction), scale * kind.depth(values + correction), rtol=1e-4)
    np.testing.assert_allclose(kind.depth(values), depth, rtol=1e-5)


@given(depths, corrections, st.floats(0, 10, width=32))
def test_an_offset_is_added_and_leaves_nothing_below_the_least(depth, correction, least):
    kind = Offset(least)
    np.testing.assert_array_equal(kind.added_to(depth), depth)
    assert kind.origin(depth) == 0
    found = kind.depth(depth + correction)
    np.testing.assert_array_equal(found, np.maximum(depth + correction, np.float32(least)))
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("least", "stated"),
    [(None, {"view": "depth"}), (0.0, {"view": "relative-log-depth"})],
)
def test_a_correction_of_unknown_kind_is_refused(tmp_path, least, stated):
    with pytest.raises(InputError, match="in a way that is not known") as caught:
        open_pair(tiny_pair.artifact(tmp_path / "odd", least=least, **stated))
    assert stated["view"] in caught.value.evidence


def test_depth_that_was_corrected_to_nothing_is_drawn_black(tmp_path):
    from PIL import Image

    photo(tmp_path / "a.png")
    pair = open_pair(tiny_pair.artifact(tmp_path / "offset", least=0.0))
    pair.correction.depth = lambda values: np.where(values > np.median(values), values, np.float32(0))
    run(pair, tmp_path / "a.png", tmp_path / "depth.png", npy=True)
    drawn, values = np.asarray(Image.open(tmp_path / "depth.png")), np.load(tmp_path / "depth.npy")
    assert (values == 0).any()
    assert ((drawn == 0).all(-1) == (values == 0)).all()
