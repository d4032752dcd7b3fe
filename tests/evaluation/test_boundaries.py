"""Border scores against loops over pixels, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.evaluation.boundaries import EDGE_RATIO, RATIOS, boundary_f1, edge_scores, soft_edge_error

seeds = st.integers(0, 2**32 - 1)
FULL = np.ones((9, 11), bool)


def blocks(seed, share=0.9):
    """A prediction, a truth with clear steps, and a mask with gaps."""
    rng = np.random.default_rng(seed)
    # A little noise, so that no ratio lies exactly on a threshold.
    truth = rng.choice([4.0, 4.4, 5.0, 9.0], (9, 11)) * rng.uniform(0.99, 1.01, (9, 11))
    return truth * rng.choice([0.9, 1.0, 1.2], truth.shape), truth, rng.random(truth.shape) < share


def pairs(mask):
    """All ordered neighbours inside the mask."""
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            for v, u in ((y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x)):
                if 0 <= v < height and 0 <= u < width and mask[y, x] and mask[v, u]:
                    yield (y, x), (v, u)


def f1_by_loops(predicted, truth, mask):
    scores, weights = [], []
    for ratio in RATIOS:
        found = {(i, j) for i, j in pairs(mask) if predicted[j] / predicted[i] > ratio}
        real = {(i, j) for i, j in pairs(mask) if truth[j] / truth[i] > ratio}
        if found or real:
            scores.append(2 * len(found & real) / (len(found) + len(real)))
            weights.append(ratio)
    return np.average(scores, weights=weights) if scores else 1.0


def soft_by_loops(predicted, truth, mask):
    edges = {i for i, j in pairs(mask) if max(truth[i] / truth[j], truth[j] / truth[i]) > EDGE_RATIO}
    errors = []
    for y, x in edges:
        near = [(v, u) for v in range(y - 1, y + 2) for u in range(x - 1, x + 2)]
        near = [(v, u) for v, u in near if 0 <= v < mask.shape[0] and 0 <= u < mask.shape[1] and mask[v, u]]
        errors.append(min(abs(predicted[y, x] - truth[j]) / truth[j] for j in near))
    return np.mean(errors) if errors else None


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([0.3, 0.9, 1.0]))
def test_both_equal_loops_over_pixels(seed, share):
    predicted, truth, mask = blocks(seed, share)
    assert boundary_f1(predicted, truth, mask) == pytest.approx(f1_by_loops(predicted, truth, mask))
    expected = soft_by_loops(predicted, truth, mask)
    assert soft_edge_error(predicted, truth, mask) == (None if expected is None else pytest.approx(expected))


@given(seeds, st.floats(0.01, 100))
def test_f1_ignores_scale(seed, scale):
    predicted, truth, mask = blocks(seed)
    assert boundary_f1(predicted * scale, truth, mask) == pytest.approx(boundary_f1(predicted, truth, mask))


@given(seeds)
def test_truth_itself_is_perfect(seed):
    _, truth, mask = blocks(seed)
    assert boundary_f1(truth, truth, mask) == 1
    assert soft_edge_error(truth, truth, mask) in (0, None)


def step(column, near=5.0, far=10.0):
    return np.where(np.arange(11) < column, near, far)[None].repeat(9, 0)


def test_direction_counts():
    assert boundary_f1(step(5, 10, 5), step(5), FULL) == 0


def test_a_border_one_pixel_off_is_soft_but_not_found():
    assert boundary_f1(step(6), step(5), FULL) == 0
    assert soft_edge_error(step(6), step(5), FULL) == 0


def test_a_smeared_border_is_not_soft():
    smeared = step(5)
    smeared[:, 4:6] = 7.5
    # Both columns of the border lie 2.5 m from either side: 0.25 of the farther one.
    assert soft_edge_error(smeared, step(5), FULL) == pytest.approx(0.25)


def test_flat_truth_has_no_border():
    flat = np.full((9, 11), 5.0)
    assert edge_scores(flat, flat, FULL) is None
    assert boundary_f1(flat, flat, FULL) == 1
    assert boundary_f1(step(5), flat, FULL) == 0


def test_gaps_hide_borders():
    mask = FULL.copy()
    mask[:, 4:6] = False
    assert edge_scores(step(5), step(5), mask) is None
    scores = edge_scores(step(5), step(5), FULL)
    assert (scores.f1, scores.soft_error) == (1, 0)
