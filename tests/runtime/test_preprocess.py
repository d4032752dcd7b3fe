"""Pictures to batches, by the contract alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tiny_graphs import SIZE, entry

from edgedepth.errors import InputError
from edgedepth.runtime.preprocess import resize, to_batch


def lanczos(picture):
    return np.asarray(Image.fromarray(picture).resize((SIZE[1], SIZE[0]), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
@pytest.mark.parametrize("batch", [1, 3])
def test_shape_dtype_layout_and_values(picture, layout, dtype, batch):
    contract = entry(layout=layout, dtype=dtype, batch=batch).input
    made = to_batch([picture] * batch, contract)
    assert made.shape == contract.tensor.shape
    assert made.dtype == np.dtype(dtype)
    assert made.flags.c_contiguous
    last = made[-1].transpose(1, 2, 0) if layout == "NCHW" else made[-1]
    wanted = lanczos(picture) if dtype == "uint8" else (lanczos(picture).astype(np.float32) / 255).astype(dtype)
    np.testing.assert_array_equal(last, wanted)


def test_float_input_is_bit_equal_to_what_models_are_trained_with(picture):
    """Division by 255 in float32, as is usual in training; a product with 1/255 differs in the last bit."""
    made = to_batch([picture], entry().input)
    np.testing.assert_array_equal(made[0].transpose(1, 2, 0), lanczos(picture) / np.float32(255))


def test_other_ranges_are_met(picture):
    made = to_batch([picture], entry(value_range=(-1.0, 1.0)).input)
    np.testing.assert_allclose(made[0].transpose(1, 2, 0), lanczos(picture) / 127.5 - 1, atol=1e-6)


def test_a_short_batch_repeats_its_last_picture(picture):
    made = to_batch([picture, 255 - picture], entry("t.tflite", batch=4).input)
    np.testing.assert_array_equal(made[1], made[2])
    np.testing.assert_array_equal(made[1], made[3])
    assert (made[0] != made[1]).any()


def test_pictures_of_different_sizes_share_a_batch(picture):
    made = to_batch([picture, picture[:20, :30]], entry("t.tflite", batch=2).input)
    assert made.shape == (2, *SIZE, 3)


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_or_many_pictures(picture, count):
    with pytest.raises(InputError, match="1 to 2 pictures"):
        to_batch([picture] * count, entry(batch=2).input)


def integers(dtype, scale, zero, value_range=(0.0, 1.0), **changes):
    return entry("t.tflite", dtype=dtype, value_range=value_range, scale=(scale, zero), **changes).input


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_signed_bytes_are_pixels_less_128(picture, layout):
    made = to_batch([picture], integers("int8", 1 / 255, -128, layout=layout))
    last = made[0].transpose(1, 2, 0) if layout == "NCHW" else made[0]
    assert made.dtype == np.int8
    np.testing.assert_array_equal(last.astype(int), lanczos(picture).astype(int) - 128)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["uint8", "int8"]),
    st.floats(1e-4, 10),
    st.integers(-128, 255),
    st.tuples(st.floats(-5, 5), st.floats(0.1, 300)),
)
def test_integers_stand_for_values_of_the_range(dtype, scale, zero, span):
    ends = np.iinfo(dtype)
    zero = int(np.clip(zero, ends.min, ends.max))
    low, high = span[0], span[0] + span[1]
    pixels = np.resize(np.arange(256, dtype=np.uint8), (*SIZE, 3))
    made = to_batch([pixels], integers(dtype, scale, zero, (low, high)))[0]
    exact = (low + (high - low) * pixels.astype(np.float64) / 255) / scale + zero
    apart = np.abs(made - np.clip(exact, ends.min, ends.max))
    assert made.dtype == dtype
    assert apart.max() <= 0.5 + 1e-9 * (1 + np.abs(exact).max())


def test_a_contract_beyond_this_version_is_refused(picture):
    with pytest.raises(InputError, match="int8"):
        to_batch([picture], entry(dtype="int8", value_range=(-128.0, 127.0)).input)


def test_a_picture_of_the_right_size_is_untouched(picture):
    assert resize(picture, picture.shape[:2]) is picture


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 255), st.integers(1, 90), st.integers(1, 90))
def test_a_plain_picture_stays_plain(level, height, width):
    made = to_batch([np.full((height, width, 3), level, np.uint8)], entry("t.tflite", dtype="uint8").input)
    assert (made == level).all()
