"""Outputs to depth, against NumPy in float64 and against laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tiny_graphs import CONSTANTS, entry

from edgedepth.artifact.manifest import BYTES, TensorQuantization, TensorSpec
from edgedepth.errors import InputError
from edgedepth.runtime.decode import decode, dequantized, meaning_of, resize_map

maps = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.floats(0, 1, width=32),
)
sizes = st.tuples(st.integers(1, 40), st.integers(1, 40))


def test_sigmoid_disparity_is_the_formula():
    output = np.random.default_rng(0).random((6, 9), dtype=np.float32)
    made = decode(output, entry().output, (6, 9))
    wanted = 1 / (CONSTANTS["min_disparity"] + CONSTANTS["disparity_range"] * output.astype(np.float64))
    np.testing.assert_allclose(made.values, wanted, rtol=1e-5)
    np.testing.assert_allclose(made.closeness, 1 / wanted, rtol=1e-5)
    assert made.values.dtype == np.float32


def test_disparity_is_interpolated_before_it_is_decoded():
    output = np.array([[0.0, 1.0]], np.float32)
    middle = decode(output, entry().output, (1, 3)).values[0, 1]
    assert middle == pytest.approx(1 / (0.01 + 9.99 * 0.5), rel=1e-5)


@pytest.mark.parametrize("meaning", ["depth", "metric-depth"])
def test_depth_is_interpolated_as_depth(meaning):
    made = decode(np.array([[2.0, 6.0]], np.float32), entry(meaning=meaning).output, (1, 3))
    np.testing.assert_allclose(made.values, [[2, 4, 6]])
    np.testing.assert_allclose(made.closeness, [[1 / 2, 1 / 4, 1 / 6]])


def test_zero_depth_is_infinitely_close_without_a_warning(recwarn):
    made = decode(np.zeros((2, 2), np.float32), entry(meaning="depth").output, (2, 2))
    assert np.isinf(made.closeness).all()
    assert not recwarn.list


def test_affine_invariant_disparity_stays_inverse_depth():
    output = np.random.default_rng(0).random((3, 4), dtype=np.float32)
    made = decode(output, entry(meaning="affine-invariant-disparity").output, (3, 4))
    np.testing.assert_array_equal(made.values, output)
    assert made.meaning.statement == "inverse depth, up to one unknown scale and one unknown shift per picture"


@pytest.mark.parametrize(
    ("meaning", "metric", "statement"),
    [
        ("sigmoid-disparity", False, "depth, up to one unknown scale per picture"),
        ("sigmoid-disparity", True, "depth in metres"),
        ("depth", False, "depth, up to one unknown scale per picture"),
        ("metric-depth", True, "depth in metres"),
    ],
)
def test_what_values_mean_is_said(meaning, metric, statement):
    assert meaning_of(entry(meaning=meaning, metric=metric).output).statement == statement


@pytest.mark.parametrize("dtype", BYTES)
def test_integers_are_what_they_stand_for(dtype):
    scale = TensorQuantization(0.3, 7)
    every = np.arange(BYTES[dtype][0], BYTES[dtype][1] + 1).astype(dtype).reshape(16, 16)
    made = dequantized(every, TensorSpec("y", (1, 16, 16, 1), "NHWC", dtype, scale))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, 0.3 * (every.astype(np.float64) - 7), rtol=1e-6)


def test_all_of_disparity_has_an_integer():
    for dtype, (least, greatest) in BYTES.items():
        tensor = TensorSpec("y", (1, 1, 2, 1), "NHWC", dtype, TensorQuantization(1 / 255, least))
        np.testing.assert_allclose(dequantized(np.array([least, greatest], dtype), tensor), [0, 1], atol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_floats_stay_what_they_are(dtype):
    values = np.random.default_rng(1).random((3, 4)).astype(dtype)
    made = dequantized(values, TensorSpec("y", (1, 3, 4, 1), "NHWC", dtype))
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, values)


def test_a_missing_constant_is_named():
    with pytest.raises(InputError, match="disparity_range"):
        decode(np.zeros((2, 2), np.float32), entry(constants={"min_disparity": 0.01}).output, (2, 2))


@settings(max_examples=50, deadline=None)
@given(arrays.arrays(np.float32, st.integers(2, 30), elements=st.floats(0, 1, width=32)))
def test_more_disparity_is_never_farther(output):
    rising = np.sort(output)[None]
    made = decode(rising, entry().output, rising.shape)
    assert (np.diff(made.values[0]) <= 0).all()
    assert (np.diff(made.closeness[0]) >= 0).all()


@settings(max_examples=50, deadline=None)
@given(st.floats(-1e6, 1e6, width=32), st.tuples(st.integers(1, 9), st.integers(1, 9)), sizes)
def test_a_constant_map_stays_exactly_constant(value, old, new):
    made = resize_map(np.full(old, value, np.float32), new)
    assert made.shape == new
    assert (made == np.float32(value)).all()


@settings(max_examples=50, deadline=None)
@given(maps, sizes)
def test_resizing_stays_within_the_values(values, size):
    made = resize_map(values, size)
    assert made.min() >= values.min() - 1e-6
    assert made.max() <= values.max() + 1e-6


@settings(max_examples=30, deadline=None)
@given(maps, sizes)
def test_resizing_commutes_with_mirroring(values, size):
    np.testing.assert_allclose(resize_map(values[:, ::-1], size), resize_map(values, size)[:, ::-1], atol=1e-5)


@pytest.mark.parametrize("size", [(13, 29), (4, 5), (7, 3)])
def test_resizing_is_what_torch_calls_bilinear(size):
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(2).random((6, 11), dtype=np.float32)
    wanted = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(resize_map(values, size), wanted[0, 0].numpy(), atol=1e-6)


def test_a_map_of_the_right_size_is_untouched():
    values = np.ones((3, 4), np.float32)
    assert resize_map(values, (3, 4)) is values
