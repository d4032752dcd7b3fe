"""The parity gate: what it measures, what passes, what does not, and what it says then."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.artifact.manifest import Parity
from edgedepth.errors import GateError
from edgedepth.export.verify import GATES, compare, misses, rejection

CONSTANTS = {"min_disparity": 0.01, "disparity_range": 9.99}
GOOD = Parity(max_abs=1e-6, mean_abs=1e-7, correlation=1.0, absrel_drift=1e-7, reference_std=0.1)


def reference(seed=0):
    return np.random.default_rng(seed).uniform(0.2, 0.8, (16, 24)).astype(np.float32)


def test_equal_maps_differ_by_nothing():
    found = compare(reference(), reference(), CONSTANTS)
    assert (found.max_abs, found.mean_abs, found.absrel_drift) == (0, 0, 0)
    assert found.correlation == pytest.approx(1)
    assert found.reference_std == pytest.approx(float(reference().std()))
    assert misses(found, "fp32") == []


def test_figures_are_of_the_difference_and_of_depth():
    expected = reference()
    shifted = expected + np.float32(0.01)
    found = compare(shifted, expected, CONSTANTS)
    depth = 1 / (0.01 + 9.99 * expected.astype(np.float64))
    moved = 1 / (0.01 + 9.99 * shifted.astype(np.float64))
    assert found.max_abs == pytest.approx(0.01, rel=1e-4)
    assert found.mean_abs == pytest.approx(0.01, rel=1e-4)
    assert found.absrel_drift == pytest.approx(np.mean(np.abs(moved - depth) / depth), rel=1e-5)
    assert found.correlation == pytest.approx(1)


@pytest.mark.parametrize("flat", [np.full((4, 4), 0.5, np.float32), np.full((4, 4), np.nan, np.float32)])
def test_a_flat_reference_proves_nothing(flat):
    with pytest.raises(GateError, match="flat"):
        compare(flat, flat, CONSTANTS)


def test_disparity_of_far_scenes_varies_in_itself():
    """Tens of metres lie within a hundredth of the range: 0.003 with a standard deviation of 0.0005 is no flat map."""
    far = np.float32(0.003) + np.float32(0.0005) * np.sin(np.arange(384, dtype=np.float32)).reshape(16, 24)
    assert compare(far, far, CONSTANTS).reference_std < 1e-3
    nearly = np.float32(0.03) + (far - np.float32(0.003))
    with pytest.raises(GateError, match="flat"):
        compare(nearly, nearly, CONSTANTS)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_never_pass(value):
    broken = reference()
    broken[3, 4] = value
    with pytest.raises(GateError, match="not finite") as caught:
        compare(broken, reference(), CONSTANTS)
    assert "1 of 384" in caught.value.evidence


@pytest.mark.parametrize("precision", GATES)
@pytest.mark.parametrize("figure", ["max_abs", "mean_abs", "absrel_drift", "correlation"])
def test_each_figure_alone_decides(precision, figure):
    bound = getattr(GATES[precision], figure)
    worse = bound - 1e-3 if figure == "correlation" else bound * 1.01
    assert misses(msgspec.structs.replace(GOOD, **{figure: bound}), precision) == []
    assert len(misses(msgspec.structs.replace(GOOD, **{figure: worse}), precision)) == 1
    assert len(misses(msgspec.structs.replace(GOOD, **{figure: float("nan")}), precision)) == 1


def test_the_gates_of_the_project():
    assert GATES["fp32"].max_abs == 1e-4
    assert GATES["fp16"].max_abs > GATES["fp32"].max_abs


@given(st.integers(0, 999), st.floats(1e-3, 0.2))
def test_a_difference_beyond_the_gate_is_always_missed(seed, size):
    expected = reference(seed)
    found = expected.copy()
    found[seed % 16, seed % 24] += np.float32(size)
    assert any("max_abs" in line for line in misses(compare(found, expected, CONSTANTS), "fp32"))


def test_an_upside_down_map_is_missed():
    assert misses(compare(reference()[::-1], reference(), CONSTANTS), "fp16")


def test_a_rejection_names_the_file_the_pictures_and_the_first_tensor():
    bad = msgspec.structs.replace(GOOD, max_abs=0.5)
    error = rejection(Path("x/model.onnx"), {"street": GOOD, "noise": bad}, "fp32", "First to diverge: layer.")
    assert error is not None
    assert error.exit_code == 3
    assert error.cause.startswith("model.onnx")
    assert "noise: max_abs 5.00e-01 > 1e-04" in error.evidence
    assert "street" not in error.evidence
    assert error.evidence.endswith("First to diverge: layer.")
    assert rejection(Path("model.onnx"), {"street": GOOD}, "fp32", "") is None


@given(st.floats(0.5, 200), st.integers(0, 99))
def test_metric_depth_is_compared_in_shares_of_the_largest(metres, seed):
    expected = np.float32(metres) * reference(seed)
    found = expected + np.float32(1e-3 * metres)
    parity = compare(found, expected, {})
    difference = np.abs(found.astype(np.float64) - expected)
    assert parity.max_abs == pytest.approx(difference.max() / expected.max(), rel=1e-6)
    assert parity.mean_abs == pytest.approx(difference.mean() / expected.max(), rel=1e-6)
    assert parity.absrel_drift == pytest.approx(np.mean(difference / expected), rel=1e-6)
    assert parity.reference_std == pytest.approx(expected.std() / expected.max(), rel=1e-5)


def test_metric_depth_that_varies_by_millimetres_is_flat():
    flat = np.float32(100) + reference() * np.float32(0.1)
    with pytest.raises(GateError, match="flat"):
        compare(flat, flat, {})
