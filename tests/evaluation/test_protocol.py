"""The evaluation loop on frames made in memory."""

from __future__ import annotations

import numpy as np
import pytest
from frames_in_memory import Fixed, Frames, ramp, sample

from edgedepth.errors import InputError
from edgedepth.evaluation.baseline import ConstantDepth, baselines_of
from edgedepth.evaluation.protocol import EvaluationProtocol, evaluate

SCALED = Fixed(ramp() / 7, "scaled truth", unit="up to scale")


def frames(**more):
    return Frames(sample(ramp(), "a", **more), sample(ramp(), "b", **more))


def test_median_alignment_makes_scaled_truth_perfect():
    seen = []
    report = evaluate(SCALED, frames(), on_frame=seen.append)
    assert report.mean.abs_rel == pytest.approx(0, abs=1e-6)
    assert report.mean.delta1 == 1
    assert seen == list(report.frames) == ["a", "b"]
    assert report.scale.median == pytest.approx(7)
    assert report.facts == {"runtime": "NumPy"}


def test_without_alignment_the_scale_counts():
    plain = evaluate(Fixed(ramp() / 7), frames(), EvaluationProtocol("none"))
    assert plain.mean.abs_rel == pytest.approx(6 / 7)
    metric = evaluate(SCALED, frames(), EvaluationProtocol("none", metres_per_unit=7))
    assert metric.mean.abs_rel == pytest.approx(0, abs=1e-6)


def test_predictions_are_clamped_to_the_range():
    far = ConstantDepth(np.full((12, 20), 1e6, np.float32))
    report = evaluate(far, frames(), EvaluationProtocol("none"))
    assert report.mean.abs_rel == pytest.approx(float(np.mean((80 - ramp()) / ramp())), rel=1e-6)


def test_only_the_named_frames_are_used():
    assert list(evaluate(SCALED, frames(), names=("b",)).frames) == ["b"]
    with pytest.raises(ValueError, match="no frames"):
        evaluate(SCALED, frames(), names=())


def test_parts_are_measured_with_the_whole_frame_aligned():
    moving = np.zeros((12, 20), bool)
    moving[:3] = True
    report = evaluate(Fixed(ramp() * np.where(moving, 1.5, 1)), frames(moving=moving))
    assert report.parts["moving"].metrics.abs_rel == pytest.approx(0.5)
    assert report.parts["static"].metrics.abs_rel == pytest.approx(0, abs=1e-6)
    assert report.parts["moving"].pixels == 2 * 3 * 20


def test_borders_need_dense_truth():
    truth = np.where(np.arange(20) < 10, 5, 20).astype(np.float32)[None].repeat(12, 0)
    sparse = evaluate(Fixed(truth), Frames(sample(truth * (np.arange(20) % 3 > 0).astype(np.float32))))
    assert (sparse.edges, sparse.dense) == (None, False)
    dense = evaluate(Fixed(truth), Frames(sample(truth, dense=True)))
    assert (dense.edges.f1, dense.edges.soft_error, dense.dense) == (1, 0, True)
    flat = evaluate(Fixed(truth), Frames(sample(np.full_like(truth, 5), dense=True)))
    assert (flat.edges, flat.dense) == (None, True)


def test_sky_of_dense_truth_is_the_farthest_depth_at_borders():
    truth = np.where(np.arange(20) < 10, 40, 0).astype(np.float32)[None].repeat(12, 0)
    far = np.where(truth > 0, 40.0, 1000.0)
    report = evaluate(Fixed(far), Frames(sample(truth, dense=True)), EvaluationProtocol("none"))
    assert (report.edges.f1, report.edges.soft_error) == (1, 0)
    assert report.results[0].pixels == 120  # the metrics leave it out


def test_baselines():
    two = Frames(sample(ramp(), "a", teacher=ramp()), sample(ramp(), "b", teacher=ramp() + 1))
    median, mean = baselines_of(two)
    depth = ramp().astype(np.float64)
    image = two.read("a").image
    np.testing.assert_allclose(median.depth(image, depth.shape), depth + 0.5, rtol=1e-6)
    np.testing.assert_allclose(mean.depth(image, depth.shape), 2 / (1 / depth + 1 / (depth + 1)), rtol=1e-6)
    with pytest.raises(ValueError, match="positive"):
        ConstantDepth(np.zeros((2, 2), np.float32))


def test_a_baseline_needs_depth_of_one_size():
    holes = ramp()
    holes[0, 0] = 0
    for samples, words in (
        ([sample(ramp() * 0)], "neither dense nor measured"),
        ([sample(ramp(), teacher=holes)], "has holes"),
        ([sample(ramp(), "a", teacher=ramp()), sample(ramp(9), "b", teacher=ramp(9))], "2 sizes"),
    ):
        with pytest.raises(InputError, match=words):
            baselines_of(Frames(*samples))
