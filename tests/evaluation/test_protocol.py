"""The evaluation loop on frames made in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from edgedepth.errors import InputError
from edgedepth.evaluation.baseline import ConstantDepth, baselines_of
from edgedepth.evaluation.datasets import DepthSample
from edgedepth.evaluation.protocol import (
    EvaluationProtocol,
    decode_disparity,
    evaluate,
    resize_image,
    resize_map,
)
from edgedepth.evaluation.report import as_object, as_table


class Frames:
    """Two frames whose depth grows upwards."""

    title = "made up"
    names = ("a", "b")

    def __init__(self, valid: bool = True):
        ramp = np.linspace(40, 4, 12, dtype=np.float32)[:, None].repeat(20, 1)
        self.depth = ramp if valid else np.zeros_like(ramp)

    def read(self, name):
        image = np.zeros((*self.depth.shape, 3), np.uint8)
        teacher = self.depth + (1 if name == "b" else 0)
        return DepthSample(name, image, self.depth, np.eye(3), teacher=teacher)


class Scaled:
    """Knows the truth up to a factor."""

    title = "scaled truth"

    def depth(self, image, size):
        assert image.shape[:2] == size
        return Frames().depth.astype(np.float64) / 7


def test_median_alignment_makes_scaled_truth_perfect():
    seen = []
    report = evaluate(Scaled(), Frames(), on_frame=seen.append)
    assert report.mean.abs_rel == pytest.approx(0, abs=1e-6)
    assert report.mean.delta1 == 1
    assert seen == list(report.frames) == ["a", "b"]


def test_without_alignment_the_scale_counts():
    plain = evaluate(Scaled(), Frames(), EvaluationProtocol("none"))
    assert plain.mean.abs_rel == pytest.approx(6 / 7)
    metric = evaluate(Scaled(), Frames(), EvaluationProtocol("none", metres_per_unit=7))
    assert metric.mean.abs_rel == pytest.approx(0, abs=1e-6)


def test_predictions_are_clamped_to_the_range():
    near = evaluate(ConstantDepth(np.full((12, 20), 1e6, np.float32)), Frames(), EvaluationProtocol("none"))
    truth = Frames().depth
    assert near.mean.abs_rel == pytest.approx(float(np.mean((80 - truth) / truth)), rel=1e-6)


def test_a_frame_without_truth_is_refused():
    with pytest.raises(InputError, match="no ground truth"):
        evaluate(Scaled(), Frames(valid=False))


@pytest.mark.parametrize("size", [(24, 40), (7, 33), (12, 20), (5, 9)])
def test_resize_equals_torch_bilinear(size):
    values = np.random.default_rng(0).random((12, 20), dtype=np.float32)
    expected = functional.interpolate(
        torch.from_numpy(values)[None, None], size=size, mode="bilinear", align_corners=False
    )
    np.testing.assert_allclose(resize_map(values, size), expected[0, 0].numpy(), atol=1e-5)


def test_resize_image_keeps_a_picture_of_the_right_size():
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 3), np.uint8)
    assert resize_image(image, (8, 12)) is image
    assert resize_image(image, (4, 6)).shape == (4, 6, 3)


def test_decode_covers_the_range():
    np.testing.assert_allclose(decode_disparity(np.array([0.0, 1.0]), 0.1, 100.0), [100, 0.1])


def test_baselines():
    median, mean = baselines_of(Frames())
    depth = Frames().depth.astype(np.float64)
    image = Frames().read("a").image
    np.testing.assert_allclose(median.depth(image, depth.shape), depth + 0.5, rtol=1e-6)
    np.testing.assert_allclose(mean.depth(image, depth.shape), 2 / (1 / depth + 1 / (depth + 1)), rtol=1e-6)
    with pytest.raises(ValueError, match="positive"):
        ConstantDepth(np.zeros((2, 2), np.float32))


def test_a_baseline_needs_dense_depth():
    class Sparse(Frames):
        def read(self, name):
            return replace(super().read(name), teacher=None)

    with pytest.raises(InputError, match="baseline"):
        baselines_of(Sparse())


def test_reports():
    report = evaluate(Scaled(), Frames())
    assert as_table([report]).row_count == 1
    (content,) = as_object([report])["reports"]
    assert content["predictor"] == "scaled truth"
    assert set(content["frames"]) == {"a", "b"}
    assert content["protocol"]["alignment"] == "median"
    with pytest.raises(ValueError, match="at least one"):
        as_table([])
