"""One frame: what is refused, and what alignment, limits and crop leave."""

from __future__ import annotations

import numpy as np
import pytest
from frames_in_memory import Fixed, ramp, sample

from edgedepth.errors import InputError, UsageError
from edgedepth.evaluation.comparison import FEWEST_PIXELS, compare, require_comparable
from edgedepth.evaluation.crops import crop_mask
from edgedepth.evaluation.named_protocols import EvaluationProtocol

MEDIAN, NONE = EvaluationProtocol("median"), EvaluationProtocol("none")


def test_scaled_truth_becomes_truth_and_its_scale_is_told():
    found = compare(Fixed(ramp() / 7), sample(ramp()), MEDIAN)
    np.testing.assert_allclose(found.depth, ramp(), rtol=1e-6)
    assert found.scale == pytest.approx(7)
    assert found.mask.all()


def test_limits_and_crop_decide_what_counts():
    protocol = EvaluationProtocol("none", crop="garg", min_depth=10, max_depth=30)
    truth = ramp(40, 60)
    found = compare(Fixed(np.full((40, 60), 100.0)), sample(truth), protocol)
    np.testing.assert_array_equal(found.area, crop_mask((40, 60), "garg"))
    np.testing.assert_array_equal(found.mask, (truth > 10) & (truth < 30) & found.area)
    assert (found.depth == 30).all()


def test_metres_per_unit_comes_before_alignment():
    protocol = EvaluationProtocol("none", metres_per_unit=7.0)
    found = compare(Fixed(ramp() / 7, unit="up to scale"), sample(ramp()), protocol)
    np.testing.assert_allclose(found.depth, ramp(), rtol=1e-6)
    assert found.scale == pytest.approx(7)


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-2.0, "-2")])
def test_ground_truth_that_is_no_depth_is_refused(value, shown):
    truth = ramp()
    truth[3, 4:6] = value
    with pytest.raises(InputError, match=rf"frame x7 is not depth\.\n2 of its 240 [\s\S]* {shown}\.\nWrite 0"):
        compare(Fixed(ramp()), sample(truth, "x7"), MEDIAN)


def test_a_frame_without_ground_truth_is_refused():
    with pytest.raises(InputError, match="has no ground truth"):
        compare(Fixed(ramp()), sample(np.zeros_like(ramp())), MEDIAN)


@pytest.mark.parametrize("measured", [1, FEWEST_PIXELS - 1])
def test_a_handful_of_pixels_would_align_to_perfection_and_is_refused(measured):
    truth = ramp()
    truth.ravel()[measured:] = 0
    with pytest.raises(InputError, match=rf"{measured} of its {measured} measured pixels[\s\S]*at least 100"):
        compare(Fixed(ramp()), sample(truth), MEDIAN)


def test_as_many_pixels_as_needed_are_enough():
    truth = ramp()
    truth.ravel()[FEWEST_PIXELS:] = 0
    assert compare(Fixed(ramp()), sample(truth), MEDIAN).mask.sum() == FEWEST_PIXELS


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf])
def test_a_prediction_that_is_no_depth_is_refused(value):
    predicted = ramp().astype(np.float64)
    predicted[0, 0] = value
    with pytest.raises(InputError, match=r"quantized gives no depth for a part of frame a\.\n1 of 240"):
        compare(Fixed(predicted, "quantized"), sample(ramp()), MEDIAN)


def test_unknown_shift_needs_least_squares():
    disparity = 3 / ramp().astype(np.float64) - 0.1  # of both signs
    shifted = Fixed(1 / disparity, "midas", "inverse depth", "up to scale and shift")
    for protocol in (MEDIAN, NONE):
        with pytest.raises(UsageError, match="least-squares, which fits both"):
            require_comparable(shifted, protocol)
    protocol = EvaluationProtocol("least-squares")
    require_comparable(shifted, protocol)
    found = compare(shifted, sample(ramp()), protocol)
    np.testing.assert_allclose(found.depth, ramp(), rtol=1e-6)
    assert found.scale is None


def test_unknown_scale_needs_a_unit_or_an_alignment():
    scaled = Fixed(ramp(), "flex", unit="up to scale")
    with pytest.raises(UsageError, match="--metres-per-unit"):
        require_comparable(scaled, NONE)
    require_comparable(scaled, EvaluationProtocol("none", metres_per_unit=1.0))
    require_comparable(Fixed(ramp()), NONE)
