"""Parts of pictures against direct NumPy over all pixels at once."""

from __future__ import annotations

import numpy as np
import pytest
from frames_in_memory import Fixed, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.evaluation.breakdown import parts_of, pooled
from edgedepth.evaluation.comparison import compare
from edgedepth.evaluation.metrics import depth_metrics
from edgedepth.evaluation.named_protocols import EvaluationProtocol

PROTOCOL = EvaluationProtocol("none", ranges=(0.0, 10.0, 20.0, 60.0))


def frame(seed, moving=True):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(1, 70, (15, 20)).astype(np.float32)
    moves = rng.random((15, 20)) < 0.3
    predicted = rng.uniform(1, 70, (15, 20))
    return compare(Fixed(predicted), sample(truth, moving=moves if moving else None), PROTOCOL)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3, unique=True))
def test_pooled_parts_equal_all_pixels_at_once(seeds):
    frames = [frame(seed) for seed in seeds]
    found = pooled((parts_of(one, PROTOCOL.ranges) for one in frames), PROTOCOL.ranges)
    p, g = (np.concatenate([getattr(one, side) for one in frames]) for side in ("predicted", "truth"))
    moves = np.concatenate([one.sample.moving[one.mask] for one in frames])
    expected = {
        "0-10 m": g < 10,
        "10-20 m": (g >= 10) & (g < 20),
        "20-60 m": (g >= 20) & (g < 60),
        "moving": moves,
        "static": ~moves,
    }
    assert list(found) == list(expected)
    for name, inside in expected.items():
        assert found[name].pixels == inside.sum()
        whole = depth_metrics(p[inside], g[inside]).as_dict()
        assert found[name].metrics.as_dict() == pytest.approx(whole)


def test_parts_without_pixels_are_left_out():
    near = sample(np.full((10, 20), 5, np.float32), moving=np.zeros((10, 20), bool))
    found = parts_of(compare(Fixed(np.full((10, 20), 5.0)), near, PROTOCOL), PROTOCOL.ranges)
    assert {name: part.pixels for name, part in found.items()} == {"0-10 m": 200, "static": 200}


def test_parts_stand_in_order_whichever_frame_has_them_first():
    flat = [np.full((10, 20), depth, np.float32) for depth in (50, 15, 5)]
    frames = [compare(Fixed(depth), sample(depth), PROTOCOL) for depth in flat]
    found = pooled((parts_of(one, PROTOCOL.ranges) for one in frames), PROTOCOL.ranges)
    assert list(found) == ["0-10 m", "10-20 m", "20-60 m"]


def test_without_a_mask_nothing_moves_or_stands():
    assert list(parts_of(frame(0, moving=False), PROTOCOL.ranges)) == ["0-10 m", "10-20 m", "20-60 m"]
